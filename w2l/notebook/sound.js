// Sound as numbers: where speech begins and ends, one channel of several, a wav file.

const STEP = 0.02; // seconds over which loudness is measured
const CLICK = 3; // steps: anything shorter is the click of a key or mouse, not speech
const BEFORE = 0.15, AFTER = 0.25; // seconds of quiet that are left before and after the speech

// Where speech begins and ends, in seconds, with a little quiet around it. The bound between speech and background is 6 dB
// above the quietest tenth, but at least 18 dB and at most 45 dB below the loud parts, as in w2l.dubbing.speech.pauses.
export function trim(samples, rate) {
  const step = Math.round(STEP * rate), levels = [];
  for (let at = 0; at + step <= samples.length; at += step) {
    let power = 0;
    for (let i = at; i < at + step; i++) power += samples[i] * samples[i];
    levels.push(10 * Math.log10(power / step + 1e-12));
  }
  const sorted = [...levels].sort((a, b) => a - b), at = (share) => sorted[Math.floor(share * (sorted.length - 1))];
  const bound = Math.min(Math.max(at(0.1) + 6, at(0.95) - 45), at(0.95) - 18);
  let first = -1, last = -1, run = 0;
  levels.forEach((level, i) => {
    run = level > bound ? run + 1 : 0;
    if (run >= CLICK) {
      if (first < 0) first = i - run + 1;
      last = i + 1;
    }
  });
  const length = samples.length / rate;
  if (first < 0) return [0, length];
  return [Math.max(0, (first * step) / rate - BEFORE), Math.min(length, (last * step) / rate + AFTER)];
}

// Mono samples, -1 to 1, as the bytes of a 16-bit wav file.
export function wav(samples, rate) {
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, i) => bytes.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true); // plain numbers
  bytes.setUint16(22, 1, true); // channels
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  text(36, "data");
  bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((x, i) => bytes.setInt16(44 + 2 * i, Math.round(Math.max(-1, Math.min(1, x)) * 32767), true));
  return new Uint8Array(bytes.buffer);
}

// Decoded sound with its channels averaged.
export function mono(sound) {
  const mixed = new Float32Array(sound.length);
  for (let c = 0; c < sound.numberOfChannels; c++)
    sound.getChannelData(c).forEach((x, i) => (mixed[i] += x / sound.numberOfChannels));
  return mixed;
}

