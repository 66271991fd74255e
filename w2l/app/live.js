// The browser's part of the live tab: the microphone's sound goes to the page in pieces, pictures come back.
//
// A piece is sent when the one before has been answered, so on a slow line pieces grow instead of queueing. Each
// picture says to which moment of the sound it belongs; the delay that is shown is the time from when that moment came
// out of the microphone until its picture is on the canvas.
(() => {
  const LEAST = 0.06; // seconds of sound in a piece
  const MOST_WAITING = 6; // pictures that may wait to be shown
  const USUAL = 2; // pictures that wait where nothing is late: a piece of sound completes one or two
  const RECORDER = `registerProcessor("w2l-recorder", class extends AudioWorkletProcessor {
    process([input]) {
      if (input.length) this.port.postMessage(input[0].slice());
      return true;
    }
  });`;
  let sound = null; // the microphone: {context, stream, node, parts, count, stamp}
  let live = null; // the stream: {key, canvas, words, queue, ...}

  const box = () => document.getElementById("w2l-live");
  const tell = (kind, text) => {
    const place = box()?.querySelector(".w2l-live-said");
    if (!place) return; // another tab is shown
    place.className = `w2l-live-said ${text ? `w2l-${kind}` : ""}`;
    place.textContent = text;
  };

  // Opens the microphone; resolves to "ok", or to the name of the sentence that says why it cannot be heard.
  async function listen() {
    if (live) await stop("live_again");
    await silence();
    tell("", "");
    if (!window.isSecureContext) return "live_insecure";
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) return "live_old";
    try {
      const wanted = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
      const stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
      const context = new AudioContext();
      await context.resume();
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([RECORDER], { type: "text/javascript" })));
      const node = new AudioWorkletNode(context, "w2l-recorder", { numberOfOutputs: 0 });
      node.port.onmessage = () => {}; // what is recorded before the stream begins is not heard
      sound = { context, stream, node, parts: [], waiting: 0, count: 0, stamp: 0, peak: 0 };
      context.createMediaStreamSource(stream).connect(node);
      return "ok";
    } catch (error) {
      if (error.name === "NotAllowedError" || error.name === "SecurityError") return "live_refused";
      return error.name === "NotFoundError" ? "live_no_microphone" : "live_microphone_broken";
    }
  }

  async function silence() {
    const before = sound;
    sound = null;
    if (!before) return;
    before.node.port.onmessage = null;
    before.stream.getTracks().forEach((track) => track.stop());
    await before.context.close();
  }

  // Begins to send and to show, with what the page's `begin` returned: the stream, or a reason.
  function start(text) {
    const begun = JSON.parse(text);
    if (!begun.stream || !sound) {
      silence();
      tell("error", begun.said);
      return;
    }
    const canvas = box().querySelector("canvas");
    canvas.width = begun.width;
    canvas.height = begun.height;
    box().classList.add("w2l-live-on");
    tell(begun.notes ? "note" : "", begun.notes);
    live = { key: begun.stream, fps: begun.fps, canvas, queue: [], shown: [], last: 0, skipped: 0, figures: null };
    const mine = live;
    sound.stream.getAudioTracks()[0].onended = () => live === mine && stop("live_microphone_broken");
    sound.node.port.onmessage = ({ data }) => {
      sound.parts.push(data);
      sound.waiting += data.length;
      sound.count += data.length;
      sound.stamp = performance.now();
      sound.peak = data.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0.9 * sound.peak);
    };
    send(mine);
    requestAnimationFrame(() => show(mine));
  }

  // Sends what has been recorded, and takes the pictures, again and again.
  async function send(mine) {
    while (live === mine) {
      const rate = sound.context.sampleRate;
      if (sound.waiting < LEAST * rate) {
        await new Promise((go) => setTimeout(go, 8));
        continue;
      }
      const samples = new Int16Array(sound.waiting);
      let at = 0;
      for (const part of sound.parts) for (const value of part) samples[at++] = Math.max(-1, Math.min(1, value)) * 32767;
      sound.parts = [];
      sound.waiting = 0;
      try {
        const where = `../live/sound?stream=${encodeURIComponent(mine.key)}&rate=${Math.round(rate)}`;
        const answer = await fetch(where, { method: "POST", body: samples });
        if (live !== mine) return;
        if (!answer.ok) {
          const told = answer.headers.get("content-type")?.includes("json") ? await answer.json() : {};
          if (live === mine) stop(told.why || "live_lost", false);
          return;
        }
        await unpack(mine, await answer.arrayBuffer());
      } catch {
        if (live === mine) stop("live_lost", false);
        return;
      }
    }
  }

  async function unpack(mine, bytes) {
    const length = new DataView(bytes).getUint32(0, true);
    const told = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
    mine.figures = told.figures;
    let at = 4 + length;
    for (const frame of told.frames) {
      const picture = await createImageBitmap(new Blob([new Uint8Array(bytes, at, frame.bytes)], { type: "image/jpeg" }));
      at += frame.bytes;
      mine.queue.push({ ...frame, picture });
      if (mine.queue.length <= MOST_WAITING) continue;
      mine.queue.shift().picture.close(); // they came faster than they are shown, or late and all at once
      mine.skipped += 1;
    }
  }

  // Shows the pictures at their own rate.
  function show(mine) {
    if (live !== mine) return;
    if (!mine.canvas.isConnected) return stop("live_ended"); // another tab is shown
    const now = performance.now();
    const hurry = mine.queue.length > USUAL ? 0.5 : 1; // after a delay on the way, at double speed
    if (mine.queue.length && now - mine.last >= (hurry * 1000) / mine.fps - 10) {
      const frame = mine.queue.shift();
      mine.canvas.getContext("2d").drawImage(frame.picture, 0, 0);
      frame.picture.close();
      mine.last = now;
      const heard = sound.stamp - (sound.count / sound.context.sampleRate - frame.time) * 1000;
      if (!frame.rest) mine.shown.push([now, now - heard]);
    }
    count(mine, now);
    requestAnimationFrame(() => show(mine));
  }

  function count(mine, now) {
    while (mine.shown.length && mine.shown[0][0] < now - 2000) mine.shown.shift();
    if (now - (mine.counted || 0) < 500) return;
    mine.counted = now;
    const delays = mine.shown.map(([, delay]) => delay).sort((a, b) => a - b);
    const figures = mine.figures || { late: 0, unread: 0 };
    const values = {
      fps: (delays.length / 2).toFixed(1),
      delay: delays.length ? (delays[delays.length >> 1] / 1000).toFixed(2) : "–",
      dropped: figures.late + figures.unread + mine.skipped,
    };
    for (const [name, value] of Object.entries(values)) {
      box().querySelector(`[data-number=${name}]`).textContent = value;
    }
    box().querySelector("meter").value = sound.peak;
  }

  // Ends the stream. why: the sentence that is shown; leave: whether the server has to be told.
  async function stop(why, leave = true) {
    const words = JSON.parse(box()?.dataset.words || "{}");
    const was = live;
    live = null;
    box()?.classList.remove("w2l-live-on");
    await silence();
    if (was && leave) await fetch("../live/end", { method: "POST" }).catch(() => {});
    tell(why === "live_ended" || why === "live_again" ? "" : "note", words[why] || why);
  }

  // Shows the tab of this name as soon as it is there.
  function open(name) {
    const wait = setInterval(() => {
      const tab = [...document.querySelectorAll("[role=tab]")].find((one) => one.textContent.trim() === name);
      if (tab) tab.click();
      if (tab?.ariaSelected === "true") clearInterval(wait);
    }, 100);
  }

  addEventListener("pagehide", () => live && navigator.sendBeacon("../live/end"));
  window.w2lLive = { listen, open, start, stop };
})();
