// Several sounds started together, of which one is heard: switching has no gap and keeps the place.

import { equalGains, loudness } from "./loudness.js";

// Switches fade over this time, too short to hear as a fade and long enough not to click.
const FADE_S = 0.012;

let shared = null;

/** The page's one audio context: browsers allow few. @type {() => AudioContext} */
export function audioContext() {
  if (!shared) shared = new AudioContext();
  return shared;
}

const channelsOf = (buffer) => Array.from({ length: buffer.numberOfChannels }, (_, index) => buffer.getChannelData(index));

/** A buffer's stretch from `start` to `end` seconds. @type {(buffer: AudioBuffer, start: number, end: number) => AudioBuffer} */
export function cut(buffer, start, end) {
  const rate = buffer.sampleRate;
  const first = Math.min(buffer.length - 1, Math.max(0, Math.round(start * rate)));
  const last = Math.max(first + 1, Math.min(buffer.length, Math.round(end * rate)));
  if (first === 0 && last === buffer.length) return buffer;
  const part = new AudioBuffer({ length: last - first, numberOfChannels: buffer.numberOfChannels, sampleRate: rate });
  channelsOf(buffer).forEach((channel, index) => part.copyToChannel(channel.subarray(first, last), index));
  return part;
}

/** A buffer of `length` samples: longer ones are cut, shorter ones repeated or followed by silence. */
function fitted(buffer, length, repeat) {
  if (buffer.length === length) return buffer;
  const whole = new AudioBuffer({ length, numberOfChannels: buffer.numberOfChannels, sampleRate: buffer.sampleRate });
  channelsOf(buffer).forEach((channel, index) => {
    const samples = whole.getChannelData(index);
    for (let at = 0; at < length; at += channel.length) {
      samples.set(channel.subarray(0, Math.min(channel.length, length - at)), at);
      if (!repeat) break;
    }
  });
  return whole;
}

function measured(buffer) {
  const channels = channelsOf(buffer);
  let peak = 0;
  for (const channel of channels) for (const sample of channel) peak = Math.max(peak, Math.abs(sample));
  return { lufs: loudness(channels, buffer.sampleRate), peak };
}

/** Sounds side by side on one clock. Events: `time` while it plays, `state` when it starts, stops or switches. */
export class Switcher extends EventTarget {
  #buffers = [];
  #gains = [];
  #nodes = [];
  #startedAt = 0;
  #from = 0;
  #frame = 0;
  chosen = 0;
  playing = false;
  duration = 0;
  loop = null;

  /** Takes decoded sounds; those in `repeated` are repeated to the length of the others. */
  load(buffers, repeated = []) {
    this.stop();
    const lengths = buffers.filter((_, index) => !repeated.includes(index)).map((buffer) => buffer.length);
    const length = Math.max(...lengths);
    this.#gains = equalGains(buffers.map(measured));
    this.#buffers = buffers.map((buffer, index) => fitted(buffer, length, repeated.includes(index)));
    this.duration = length / buffers[0].sampleRate;
    this.#from = 0;
    this.loop = null;
    this.chosen = Math.min(this.chosen, buffers.length - 1);
    this.#tell("state");
  }

  /** A sound as it is played: cut or repeated to the common length. */
  bufferOf(index) {
    return this.#buffers[index];
  }

  /** Its gain for equal loudness. */
  gainOf(index) {
    return this.#gains[index];
  }

  /** Seconds from the beginning. */
  get position() {
    if (!this.playing) return this.#from;
    const context = audioContext();
    const passed = context.currentTime - this.#startedAt - (context.outputLatency || 0);
    const at = this.#from + Math.max(0, passed);
    if (!this.loop) return Math.min(at, this.duration);
    const { start, end } = this.loop;
    return at < end ? at : start + ((at - start) % (end - start));
  }

  async play(from = this.position) {
    if (!this.#buffers.length) return;
    const context = audioContext();
    if (context.state !== "running") await context.resume();
    this.#silence();
    if (this.loop && (from < this.loop.start || from >= this.loop.end)) from = this.loop.start;
    if (from >= this.duration - 0.01) from = 0;
    // A little later than now, so that all sources start on the same sample.
    const when = context.currentTime + 0.03;
    this.#nodes = this.#buffers.map((buffer, index) => {
      const source = new AudioBufferSourceNode(context, { buffer });
      const gain = new GainNode(context, { gain: index === this.chosen ? this.#gains[index] : 0 });
      if (this.loop) Object.assign(source, { loop: true, loopStart: this.loop.start, loopEnd: this.loop.end });
      source.connect(gain).connect(context.destination);
      source.start(when, from);
      return { source, gain };
    });
    this.#nodes[0].source.addEventListener("ended", () => { if (this.playing && !this.loop) this.#ended(); });
    this.#startedAt = when;
    this.#from = from;
    this.playing = true;
    this.#tell("state");
    const tick = () => {
      if (!this.playing) return;
      this.#tell("time");
      this.#frame = requestAnimationFrame(tick);
    };
    tick();
  }

  pause() {
    if (!this.playing) return;
    const at = this.position;
    this.#silence();
    this.#from = at;
    this.#tell("state");
    this.#tell("time");
  }

  stop() {
    this.#silence();
    this.#from = 0;
    this.#tell("state");
  }

  seek(seconds) {
    const at = Math.max(0, Math.min(seconds, this.duration));
    if (this.playing) this.play(at);
    else {
      this.#from = at;
      this.#tell("time");
    }
  }

  /** Lets another sound be heard, at the same place. */
  choose(index) {
    this.chosen = index;
    const now = audioContext().currentTime;
    this.#nodes.forEach(({ gain }, each) => {
      gain.gain.cancelScheduledValues(now);
      gain.gain.setTargetAtTime(each === index ? this.#gains[each] : 0, now, FADE_S / 3);
    });
    this.#tell("state");
  }

  /** Repeats from `start` to `end` seconds, or plays on after null. */
  setLoop(range) {
    const at = this.position;
    const valid = range && range.end - range.start >= 0.05;
    this.loop = valid ? { start: Math.max(0, range.start), end: Math.min(this.duration, range.end) } : null;
    if (this.playing) this.play(at);
    else this.#from = at;
  }

  #ended() {
    this.#silence();
    this.#from = 0;
    this.#tell("state");
    this.#tell("time");
  }

  #silence() {
    this.playing = false;
    cancelAnimationFrame(this.#frame);
    for (const { source, gain } of this.#nodes) {
      source.stop();
      source.disconnect();
      gain.disconnect();
    }
    this.#nodes = [];
  }

  #tell(kind) {
    this.dispatchEvent(new Event(kind));
  }
}
