// Spectrograms as bitmaps, computed in one worker.

let worker = null;
let asked = 0;
const waiting = new Map();

function started() {
  if (worker) return worker;
  worker = new Worker(new URL("./spectrogram-worker.js", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data }) => {
    const resolve = waiting.get(data.id);
    waiting.delete(data.id);
    resolve(createImageBitmap(new ImageData(data.pixels, data.width, data.height)));
  });
  return worker;
}

/** Mean of a buffer's channels. @type {(buffer: AudioBuffer) => Float32Array} */
export function mono(buffer) {
  const samples = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const part = buffer.getChannelData(channel);
    for (let i = 0; i < part.length; i++) samples[i] += part[i] / buffer.numberOfChannels;
  }
  return samples;
}

/** Spectrogram of a buffer; `look` may give `lowest` and `highest` in Hz, and a `gain` for one scale. @returns {Promise<ImageBitmap>} */
export function spectrogram(buffer, width, height, look = {}) {
  const id = ++asked;
  const samples = mono(buffer);
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    started().postMessage({ id, samples, rate: buffer.sampleRate, width, height, ...look }, [samples.buffer]);
  });
}
