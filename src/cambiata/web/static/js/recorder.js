// The microphone, recorded as a 16-bit WAV file that every reader reads.

/** A WAV file of one channel. @type {(samples: Float32Array, rate: number) => Blob} */
export function wavOf(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true);
  view.setUint16(34, 16, true); text(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, i) => view.setInt16(44 + 2 * i, 32767 * Math.max(-1, Math.min(1, sample)), true));
  return new Blob([view], { type: "audio/wav" });
}

/** Starts to record; `stop()` of what it returns gives the file. @returns {Promise<{stop: () => Promise<File>}>} */
export async function record(onSeconds) {
  if (!navigator.mediaDevices) throw new Error("microphone: not to be had on this page; open it as http://127.0.0.1 or by https");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      // What makes calls clear spoils music.
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (error) {
    const why = error.name === "NotFoundError" ? "none is connected; connect one, or choose a file"
      : "the browser may not use it; allow it beside the page's address, or choose a file";
    throw new Error(`microphone: ${why}`);
  }
  const context = new AudioContext();
  await context.audioWorklet.addModule(new URL("./recorder-worklet.js", import.meta.url));
  const source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
  const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  const blocks = [];
  let length = 0;
  node.port.onmessage = ({ data }) => {
    blocks.push(data);
    length += data.length;
    onSeconds(length / context.sampleRate);
  };
  source.connect(node);
  return {
    stop: async () => {
      source.disconnect();
      stream.getTracks().forEach((track) => track.stop());
      const rate = context.sampleRate;
      await context.close();
      const samples = new Float32Array(length);
      let at = 0;
      for (const block of blocks) {
        samples.set(block, at);
        at += block.length;
      }
      const stamp = new Date().toTimeString().slice(0, 8).replaceAll(":", "-");
      return new File([wavOf(samples, rate)], `recording-${stamp}.wav`, { type: "audio/wav" });
    },
  };
}
