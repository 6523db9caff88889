// A stretch of a long sound, without the rest: bytes of the WAV file that `/audio` serves.

import { bytesOf } from "./api.js";

const HEAD_BYTES = 4096;

/** Where a WAV's samples begin, and what they are. */
function headOf(view) {
  const name = (at) => String.fromCharCode(...Array.from({ length: 4 }, (_, i) => view.getUint8(at + i)));
  const found = {};
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const length = view.getUint32(at + 4, true);
    if (name(at) === "fmt ") {
      found.rate = view.getUint32(at + 12, true);
      found.frame = view.getUint16(at + 20, true);
      found.format = [at, 8 + length];
    } else if (name(at) === "data") return { ...found, data: at + 8, length };
    at += 8 + length + (length % 2);
  }
  throw new Error("sound: its beginning cannot be read; load the page anew");
}

/** A WAV of the seconds from `start` to `end`. @type {(address: string, start: number, end: number) => Promise<ArrayBuffer>} */
export async function stretch(address, start, end) {
  const head = await bytesOf(address, 0, HEAD_BYTES - 1);
  const { rate, frame, format, data } = headOf(new DataView(head));
  const first = data + Math.round(start * rate) * frame, last = data + Math.round(end * rate) * frame - 1;
  const samples = new Uint8Array(await bytesOf(address, first, last));
  const file = new Uint8Array(12 + format[1] + 8 + samples.length), view = new DataView(file.buffer);
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, file.length - 8, true); text(8, "WAVE");
  file.set(new Uint8Array(head, format[0], format[1]), 12);
  const at = 12 + format[1];
  text(at, "data"); view.setUint32(at + 4, samples.length, true);
  file.set(samples, at + 8);
  return file.buffer;
}
