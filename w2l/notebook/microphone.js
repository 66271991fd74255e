// The recorder as the browser has it: record or open a file, see it, hear it, trim it, send it to the kernel.
// Sound leaves as a 16-bit mono wav, cut to the chosen part; a file that this browser cannot decode leaves as it is.
// microphone.py puts sound.js in front of it: a widget is one module.

const SILENCE = { recorded: 3e-3, opened: 1e-4 }; // a peak below this (-50, -80 dB of full scale) holds no speech
const PIECE = 3 << 16; // bytes in a message: Jupyter's servers refuse messages above 10 MB
const LARGEST = 100 << 20; // bytes of a file
const LONGEST = 600; // seconds of a file: decoded, they take 230 MB
const PATIENCE = 8000; // milliseconds until the page says that the kernel has not answered

const REFUSED = {
  NotAllowedError: "This page has no permission to use the microphone. Allow it beside the address, then press Record again.",
  NotFoundError: "No microphone was found. Plug one in, then press Record again.",
  NotReadableError: "The microphone does not answer; another program may be using it. Close that, then press Record again.",
};
REFUSED.SecurityError = REFUSED.NotAllowedError;
const INSTEAD = " Or open a sound file instead.";
const STOPPED = "The notebook's kernel has stopped. Restart it, and run this cell again.";
const LATE = "The notebook has not taken it yet: it is busy with another cell, or its kernel has stopped.";

// Why the microphone cannot be used, as a sentence.
function refusal(error) {
  const known = REFUSED[error?.name] ?? `The microphone did not start (${error?.message || error}).`;
  return known + INSTEAD;
}

// Why this page cannot record at all; empty where it can.
function obstacle() {
  if (!navigator.mediaDevices?.getUserMedia)
    return "Browsers allow recording only on pages from https:// or localhost, and this page is from neither." + INSTEAD;
  return window.MediaRecorder ? "" : "This browser cannot record." + INSTEAD;
}

// How many seconds a file lasts; 0 where the browser does not know.
function lasts(file) {
  const player = document.createElement("video"), address = URL.createObjectURL(file);
  return new Promise((tell) => {
    player.onloadedmetadata = () => tell(Number.isFinite(player.duration) ? player.duration : 0);
    player.onerror = () => tell(0);
    player.preload = "metadata";
    player.src = address;
  }).finally(() => URL.revokeObjectURL(address));
}

// Sends a file to the kernel. Its bytes travel as text: not every front end passes binary buffers to the kernel.
function send(model, take, name, bytes) {
  const count = Math.ceil(bytes.length / PIECE);
  for (let i = 0; i < count; i++) {
    let letters = "";
    const piece = bytes.subarray(i * PIECE, (i + 1) * PIECE);
    for (let at = 0; at < piece.length; at += 8192) letters += String.fromCharCode(...piece.subarray(at, at + 8192));
    model.send({ take, name, piece: i, count, data: btoa(letters) });
  }
}

const PAGE = `
  <div class="row">
    <button class="record"><i></i><b></b></button>
    <span class="meter" role="meter" aria-label="level"><span></span></span>
    <label class="open">Open a sound file<input type="file" accept="audio/*,video/*"></label>
    <button class="delete">Delete my recording</button>
  </div>
  <div class="take" hidden>
    <div class="wave">
      <canvas role="img" aria-label="the sound"></canvas>
      <input type="range" class="from" min="0" step="0.01" aria-label="start, in seconds">
      <input type="range" class="to" min="0" step="0.01" aria-label="end, in seconds">
    </div>
    <div class="row">
      <button class="listen"></button>
      <label><input type="checkbox" class="trim" checked> trim silence</label>
      <button class="use">Use it</button>
      <span class="length"></span>
    </div>
  </div>
  <p role="status"></p>`;

class Panel {
  constructor(model, el) {
    Object.assign(this, { model, el, take: null, sound: null, recorder: null, player: null, waiting: 0, timers: [] });
    el.classList.add("w2l-recorder");
    el.dataset.lmSuppressShortcuts = "true"; // JupyterLab would take Enter, Space and arrows for its own
    el.innerHTML = PAGE;
    for (const name of ["record", "meter", "delete", "take", "from", "to", "listen", "trim", "use", "length"])
      this[name + "El"] = el.querySelector("." + name);
    this.canvas = el.querySelector("canvas");
    this.status = el.querySelector("p");
    this.recordEl.onclick = () => (this.recorder ? this.recorder.stop() : this.start());
    this.listenEl.onclick = () => (this.player ? this.player.stop() : this.listen());
    this.useEl.onclick = () => this.use();
    this.deleteEl.onclick = () => this.discard();
    this.trimEl.onchange = () => this.setEnds();
    this.fromEl.oninput = this.toEl.oninput = (event) => this.moved(event.target);
    el.querySelector("input[type=file]").onchange = (event) => this.open(event.target);
    this.answer = () => this.answered();
    model.on("change:answer", this.answer);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.canvas);
    this.idle();
    this.answered(true);
  }

  close() {
    this.closed = true;
    this.idle();
    this.player?.stop();
    this.resized.disconnect();
    this.model.off("change:answer", this.answer);
    clearTimeout(this.waiting);
    this.context?.close();
  }

  say(text, bad = false) {
    if (this.status.textContent !== text) this.status.textContent = text; // which screen readers read aloud
    this.status.classList.toggle("bad", bad);
  }

  // One for all sounds, made by a click: before one, browsers keep a page silent.
  audio() {
    this.context ??= new AudioContext();
    this.context.resume();
    return this.context;
  }

  // ------------------------------------------------------------ recording

  async start() {
    const reason = obstacle();
    if (reason) return this.say(reason, true);
    if (this.starting) return; // not disabled meanwhile: a disabled button loses the keyboard
    this.starting = true;
    this.player?.stop();
    this.show(null);
    this.audio();
    this.say("The browser asks whether this page may use the microphone.");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false } });
      if (this.closed) return this.idle();
      const recorder = new MediaRecorder(this.stream), parts = [];
      recorder.ondataavailable = (event) => parts.push(event.data);
      recorder.onstop = () => {
        this.idle();
        this.takeIn(new Blob(parts, { type: recorder.mimeType }), "");
      };
      recorder.start();
      this.recorder = recorder;
      this.watch(recorder);
    } catch (error) {
      this.idle();
      this.say(refusal(error), true);
    }
    this.starting = false;
  }

  // Level and countdown while a recorder runs.
  watch(recorder) {
    this.recordEl.lastChild.textContent = "Stop";
    this.el.classList.add("recording");
    const ear = this.audio().createAnalyser(), wave = new Float32Array(ear.fftSize);
    try {
      this.audio().createMediaStreamSource(this.stream).connect(ear);
    } catch {} // where the browser cannot, at another rate than its own, there is a recording without a level
    const end = performance.now() + 1000 * this.model.get("seconds");
    const tick = () => {
      ear.getFloatTimeDomainData(wave);
      const level = 10 * Math.log10(wave.reduce((sum, x) => sum + x * x, 0) / wave.length + 1e-12);
      const percent = Math.round(100 * Math.max(0, Math.min(1, (level + 60) / 55)));
      this.meterEl.firstChild.style.width = `${percent}%`;
      this.meterEl.ariaValueNow = percent;
      const left = (end - performance.now()) / 1000;
      this.say(`Speak now: ${Math.max(0, Math.ceil(left))} s left.`);
      if (left <= 0 && recorder.state === "recording") recorder.stop();
    };
    tick();
    this.timers.push(setInterval(tick, 60));
  }

  // Back to a microphone that is off.
  idle() {
    this.timers.forEach(clearInterval);
    this.timers = [];
    this.stream?.getTracks().forEach((track) => track.stop());
    if (this.recorder?.state === "recording") this.recorder.onstop = null;
    this.recorder = this.stream = null;
    this.recordEl.lastChild.textContent = "Record";
    this.meterEl.firstChild.style.width = "0";
    this.el.classList.remove("recording");
    if (!this.player) this.listenEl.textContent = "▶ Listen";
  }

  // ------------------------------------------------------------ a take

  async open(input) {
    const [file] = input.files;
    input.value = ""; // so that the same file can be opened again
    if (!file) return;
    this.idle();
    this.player?.stop();
    this.show(null);
    if (file.size > LARGEST || (await lasts(file)) > LONGEST)
      return this.say(`${file.name} is too large: cut the sentence out of it first (10 minutes, 100 MB at most).`, true);
    this.takeIn(file, file.name);
  }

  async takeIn(file, name) {
    const recorded = !name;
    this.show(null);
    if (!file.size) return this.say(recorded ? "Nothing was recorded. Press Record and speak." : `${name} is empty.`, true);
    const bytes = await file.arrayBuffer();
    let sound;
    try {
      sound = await this.audio().decodeAudioData(bytes.slice(0));
    } catch {
      return this.deliver(name || "recording", new Uint8Array(bytes)); // the kernel's decoder knows more kinds
    }
    const samples = mono(sound);
    const least = recorded ? SILENCE.recorded : SILENCE.opened;
    if (!samples.some((x) => Math.abs(x) > least))
      return this.say(
        recorded ? "Only silence was recorded. Check that the microphone is on, and that the browser uses the right one." : `${name} is silent.`,
        true,
      );
    this.show({ samples, rate: sound.sampleRate, length: sound.duration, name: name || "recording" });
    this.say(this.cut() ? `It is longer than ${this.model.get("seconds")} s. Move the ends to choose which part is used.` : "Listen to it, then press Use it.");
  }

  show(sound) {
    this.sound = sound;
    this.takeEl.hidden = !sound;
    if (!sound) return;
    for (const end of [this.fromEl, this.toEl]) end.max = sound.length;
    this.trimEl.checked = true;
    this.setEnds();
  }

  setEnds() {
    const { samples, rate, length } = this.sound;
    const [start, end] = this.trimEl.checked ? trim(samples, rate) : [0, length];
    this.fromEl.value = start;
    this.toEl.value = Math.min(end, start + this.model.get("seconds"));
    this.draw();
  }

  // Whether more was said than may be used.
  cut() {
    const [start, end] = trim(this.sound.samples, this.sound.rate);
    return end - start > this.model.get("seconds") + 0.05;
  }

  // The other end gives way where the two would cross, or lie too far apart.
  moved(end) {
    const limit = this.model.get("seconds"), from = +this.fromEl.value, to = +this.toEl.value;
    if (end === this.fromEl) this.toEl.value = Math.max(from + 0.1, Math.min(to, from + limit));
    else this.fromEl.value = Math.min(to - 0.1, Math.max(from, to - limit));
    this.draw();
  }

  draw() {
    if (!this.sound) return;
    const { canvas, sound } = this, scale = window.devicePixelRatio || 1;
    const wide = (canvas.width = Math.max(1, Math.round(canvas.clientWidth * scale)));
    const high = (canvas.height = Math.max(1, Math.round(canvas.clientHeight * scale)));
    const pen = canvas.getContext("2d"), from = +this.fromEl.value, to = +this.toEl.value;
    const top = sound.samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const { color } = getComputedStyle(canvas);
    for (let x = 0; x < wide; x++) {
      const first = Math.floor((x * sound.samples.length) / wide), last = ((x + 1) * sound.samples.length) / wide;
      let peak = 0;
      for (let i = first; i < last; i++) peak = Math.max(peak, Math.abs(sound.samples[i]));
      const time = (x / wide) * sound.length, tall = Math.max(scale, (peak / top) * high * 0.96);
      pen.fillStyle = time >= from && time <= to ? "#4a7fb5" : color;
      pen.globalAlpha = time >= from && time <= to ? 1 : 0.3;
      pen.fillRect(x, (high - tall) / 2, 1, tall);
    }
    this.lengthEl.textContent = `${(to - from).toFixed(1)} s`;
  }

  listen() {
    const context = this.audio(), { samples, rate } = this.sound, from = +this.fromEl.value;
    const buffer = context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    this.player = new AudioBufferSourceNode(context, { buffer });
    this.player.connect(context.destination);
    this.player.onended = () => {
      this.player = null;
      this.listenEl.textContent = "▶ Listen";
    };
    this.player.start(0, from, +this.toEl.value - from);
    this.listenEl.textContent = "■ Stop";
  }

  // ------------------------------------------------------------ the kernel

  use() {
    const { samples, rate, name } = this.sound;
    this.deliver(name, wav(samples.subarray(+this.fromEl.value * rate, +this.toEl.value * rate), rate));
  }

  deliver(name, bytes) {
    this.take = crypto.randomUUID?.() ?? String(Math.random()); // randomUUID is for pages on https alone
    this.say("Sending it to the notebook…");
    this.wait();
    this.tell(() => send(this.model, this.take, name, bytes));
  }

  tell(message) {
    try {
      message();
    } catch {
      clearTimeout(this.waiting);
      this.say(STOPPED, true);
    }
  }

  discard() {
    this.show(null);
    this.take = "delete";
    this.wait();
    this.tell(() => this.model.send({ delete: true }));
  }

  wait() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.say(LATE), PATIENCE);
  }

  // What the kernel says about what it was sent; at first, what is there from before.
  answered(first = false) {
    const { take, text, bad, here } = this.model.get("answer");
    this.deleteEl.hidden = !here;
    if (take && take !== this.take && !first) return; // to another view of this recorder, or to an earlier take
    clearTimeout(this.waiting);
    this.say(text, bad);
  }
}

export default {
  render({ model, el }) {
    const panel = new Panel(model, el);
    return () => panel.close();
  },
};
