// Listening side by side: A, B, C at equal loudness, switched without a gap, with loop and spectrograms.

import { bytes } from "./api.js";
import { announce, showError } from "./announce.js";
import { button, colour, el, newId, onScheme, sized } from "./dom.js";
import { claim } from "./playback.js";
import { spectrogram } from "./spectrogram.js";
import { stretch } from "./stretch.js";
import { audioContext, cut, Switcher } from "./switcher.js";
import { clock } from "./words.js";

// Three decoded stereo sounds of six minutes take about 380 MB: more would endanger the browser.
const LONGEST_S = 360;
const COLUMNS = 900;
const ROWS = 96;
const LETTERS = "ABCDEFGH";

/** Address of what is heard of a track: {ref | sound, start, end}. */
function addressOf({ sound, named }) {
  return named ? `/api/named-timbres/${named}/audio` : `/api/sounds/${sound.id}/audio`;
}

/** The panel. Tracks are {label, sound | named, range, repeat}; `time` events tell the position. */
export class Listening extends EventTarget {
  #tracks = [];
  #strips = [];
  #asked = 0;
  switcher = new Switcher();

  constructor({ strips = true, label = "Listen" } = {}) {
    super();
    this.withStrips = strips;
    const id = newId("listen");
    this.pick = el("fieldset", { class: "pick" });
    this.playing = button("Play", () => this.toggle(), { class: "primary" });
    this.seekbar = el("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, "aria-label": "Place", oninput: () => this.switcher.seek(Number(this.seekbar.value)) });
    this.clock = el("span", { class: "clock" }, "0:00.0");
    this.looping = el("input", { type: "checkbox", id: `${id}-loop`, onchange: () => this.#loop() });
    const bound = (name) => el("input", { type: "number", min: 0, step: 0.1, value: 0, "aria-label": `Loop ${name}, in seconds`, onchange: () => this.#loop() });
    this.from = bound("from");
    this.to = bound("to");
    this.strips = el("div", { class: "strips" });
    this.error = el("div");
    this.note = el("p", { class: "hint" });
    this.element = el("section", { class: "card", hidden: true, "aria-label": label },
      el("h2", {}, label), this.pick, el("div", { class: "transport" }, this.playing, this.clock, el("span", { class: "grow" }, this.seekbar)),
      el("div", { class: "times" }, this.looping, el("label", { for: `${id}-loop` }, "Loop"), el("span", {}, "from"), this.from, el("span", {}, "to"), this.to, el("span", {}, "s")),
      this.error, this.strips, this.note);
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.switcher.addEventListener("time", () => this.#showTime());
    this.switcher.addEventListener("state", () => this.#showState());
    onScheme(() => this.#drawAll());
    new ResizeObserver(() => this.#drawAll()).observe(this.strips);
  }

  /** Loads tracks and chooses one to be heard. */
  async load(tracks, chosen = tracks.length - 1) {
    const asked = ++this.#asked;
    showError(this.error, null);
    this.element.hidden = false;
    this.note.textContent = "Loading the sounds …";
    try {
      const { buffers, shortened } = await this.#buffers(tracks);
      if (asked !== this.#asked) return;
      const place = this.#tracks.length ? this.switcher.position : 0;
      const { playing } = this.switcher;
      this.switcher.load(buffers, tracks.flatMap(({ repeat }, index) => (repeat ? [index] : [])));
      this.#tracks = tracks;
      this.switcher.choose(chosen);
      this.switcher.seek(Math.min(place, this.switcher.duration - 0.1));
      this.note.textContent = [
        tracks.length > 1 ? `Equal loudness; switching keeps the place. Keys here: ${tracks.map((_, index) => LETTERS[index]).join(", ")}.` : "",
        this.withStrips ? "Click a spectrogram to go there, drag over it to loop a part." : "",
        shortened ? `Of long sounds the first ${LONGEST_S / 60} minutes are compared; the download is whole.` : "",
      ].filter(Boolean).join(" ");
      this.#build(buffers);
      // What was playing goes on at its place with the new sound: a slider is heard at once.
      if (playing) this.toggle();
      this.element.dataset.ready = String(asked);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.note.textContent = "";
      showError(this.error, error, () => { if (asked === this.#asked) this.load(tracks, chosen); });
    }
  }

  async #buffers(tracks) {
    let shortened = false;
    const buffers = await Promise.all(tracks.map(async (track) => {
      const range = track.range || { start: 0, end: track.sound?.duration_s ?? Infinity };
      const { start, end } = range;
      if (track.sound && track.sound.duration_s > LONGEST_S) {
        shortened ||= end - start > LONGEST_S;
        return audioContext().decodeAudioData(await stretch(addressOf(track), start, Math.min(end, start + LONGEST_S)));
      }
      return cut(await audioContext().decodeAudioData(await bytes(addressOf(track))), start, end);
    }));
    return { buffers, shortened };
  }

  #build(buffers) {
    const { switcher } = this;
    this.pick.replaceChildren(el("legend", { class: "hidden" }, "Which sound is heard"));
    const group = newId("heard");
    this.#tracks.forEach((track, index) => this.pick.append(el("label", {},
      el("input", { type: "radio", name: group, value: index, checked: index === switcher.chosen, onchange: () => switcher.choose(index) }),
      track.label, this.#tracks.length > 1 && track.label !== LETTERS[index] && el("span", { class: "key", "aria-hidden": "true" }, LETTERS[index]))));
    this.seekbar.max = switcher.duration;
    this.to.value = Math.round(100 * switcher.duration) / 100;
    this.from.value = 0;
    this.looping.checked = false;
    this.strips.replaceChildren();
    this.#strips = this.withStrips ? this.#tracks.map((track, index) => this.#strip(track, index)) : [];
    // The one that is heard first: they are computed one after the other.
    const order = [...this.#strips].sort((a, b) => (b.index === switcher.chosen) - (a.index === switcher.chosen));
    order.forEach(async (strip) => {
      const { index } = strip;
      strip.bitmap = await spectrogram(switcher.bufferOf(index), COLUMNS, ROWS, { gain: switcher.gainOf(index) });
      this.#draw(strip);
    });
    this.#showState();
    this.#showTime();
  }

  #strip(track, index) {
    const canvas = el("canvas", { role: "img", "aria-label": `Spectrogram of ${track.label}` });
    const element = el("div", { class: "strip" }, el("span", { class: "name" }, track.label), canvas);
    const strip = { canvas, element, index, bitmap: null };
    this.strips.append(element);
    const seconds = (event) => {
      const box = canvas.getBoundingClientRect();
      return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * this.switcher.duration;
    };
    canvas.addEventListener("pointerdown", (event) => {
      const start = seconds(event);
      canvas.setPointerCapture(event.pointerId);
      canvas.addEventListener("pointerup", (end) => {
        const stop = seconds(end);
        if (Math.abs(stop - start) < 0.02 * this.switcher.duration) this.switcher.seek(start);
        else this.loop({ start: Math.min(start, stop), end: Math.max(start, stop) });
      }, { once: true });
    });
    return strip;
  }

  /** Loops a stretch, or plays on after null. */
  loop(range) {
    this.looping.checked = Boolean(range);
    if (range) {
      this.from.value = range.start.toFixed(2);
      this.to.value = range.end.toFixed(2);
    }
    this.#loop();
  }

  #loop() {
    this.switcher.setLoop(this.looping.checked ? { start: Number(this.from.value), end: Number(this.to.value) } : null);
    this.#drawAll();
  }

  toggle() {
    if (this.switcher.playing) this.switcher.pause();
    else {
      claim(this);
      this.switcher.play();
    }
  }

  pause() {
    this.switcher.pause();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || ["text", "number"].includes(event.target.type)) return;
    const index = LETTERS.indexOf(event.key.toUpperCase());
    if (event.key.length !== 1 || index < 0 || index >= this.#tracks.length) return;
    event.preventDefault();
    this.switcher.choose(index);
    announce(this.#tracks[index].label);
  }

  #showState() {
    const { playing, chosen } = this.switcher;
    this.playing.textContent = playing ? "Pause" : "Play";
    const radios = this.pick.querySelectorAll("input");
    if (radios[chosen]) radios[chosen].checked = true;
    this.#strips.forEach(({ element, index }) => element.classList.toggle("on", index === chosen));
    this.dispatchEvent(new Event("state"));
  }

  #showTime() {
    const { position, duration } = this.switcher;
    if (document.activeElement !== this.seekbar || this.switcher.playing) this.seekbar.value = position;
    this.seekbar.setAttribute("aria-valuetext", clock(position));
    this.clock.textContent = `${clock(position)} / ${clock(duration)}`;
    this.#drawAll();
    this.dispatchEvent(new Event("time"));
  }

  #drawAll() {
    for (const strip of this.#strips) this.#draw(strip);
  }

  #draw({ canvas, bitmap }) {
    if (!bitmap || !canvas.clientWidth) return;
    const [context, width, height] = sized(canvas);
    const { position, duration, loop } = this.switcher;
    context.drawImage(bitmap, 0, 0, width, height);
    if (loop) {
      context.fillStyle = "rgb(0 0 0 / .55)";
      context.fillRect(0, 0, (width * loop.start) / duration, height);
      context.fillRect((width * loop.end) / duration, 0, width, height);
    }
    context.fillStyle = "#fff";
    context.fillRect((width * position) / duration - 1, 0, 2, height);
  }
}
