// Piano rolls on canvases: what is drawn. Editing is in roll-editor.js.

import { button, colour, el, newId, onScheme, sized } from "./dom.js";
import { clock, pitchName } from "./words.js";

const BLACK = new Set([1, 3, 6, 8, 10]);
const KEYS_PX = 34;
const AXIS_PX = 18;
// A quarter of a minute shows single notes on a wide screen; longer music is scrolled.
const WIDEST_S = 15;
// Names of the General MIDI drums that grooves use.
const DRUMS = { 35: "kick", 36: "kick", 37: "stick", 38: "snare", 39: "clap", 40: "snare", 41: "tom", 42: "hat", 43: "tom", 44: "pedal", 45: "tom", 46: "open", 47: "tom", 48: "tom", 49: "crash", 50: "tom", 51: "ride", 53: "bell", 55: "splash", 57: "crash", 59: "ride" };

/** Notes of a score's parts in one list, by their starts. @type {(parts: object[]) => object[]} */
export function notesOf(parts) {
  const notes = parts.flatMap((part, index) => part.notes.map(([start, end, pitch, velocity]) => ({ start, end, pitch, velocity, part: index })));
  return notes.sort((a, b) => a.start - b.start || a.pitch - b.pitch);
}

/** A piano roll that follows the sound. Events: `seek` with `seconds`, `view` when another stretch is shown. */
export class Roll extends EventTarget {
  notes = [];
  ghosts = [];
  bars = [];
  duration = 1;
  lowest = 48;
  highest = 84;
  position = 0;
  selected = null;
  view = { start: 0, span: 1 };
  background = null;
  drums = false;

  constructor({ label, height = 220, tools = true }) {
    super();
    const id = newId("roll");
    this.canvas = el("canvas", { style: `height: ${height}px`, role: "img", "aria-label": label, id });
    this.scroll = el("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0, "aria-label": `${label}: place`, oninput: () => {
      this.view.start = Number(this.scroll.value);
      this.draw();
      this.dispatchEvent(new Event("view"));
    } });
    this.tools = el("div", { class: "row" }, el("span", { class: "grow" }, this.scroll),
      button("−", () => this.zoom(2), { "aria-label": `${label}: show more time` }), button("+", () => this.zoom(0.5), { "aria-label": `${label}: show less time` }));
    this.withTools = tools;
    this.element = el("div", { class: "roll" }, this.canvas, tools && this.tools);
    this.label = label;
    this.canvas.addEventListener("pointerdown", (event) => this.pointed(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    onScheme(() => this.draw());
  }

  /** Shows the notes of parts, as `/api/sounds/{id}/notes` gives them. */
  setScore({ parts, duration_s, bars_s = [] }, range = null) {
    this.notes = notesOf(parts);
    this.drums = parts.length > 0 && parts.every(({ is_drum }) => is_drum);
    this.bars = bars_s;
    this.duration = Math.max(0.1, duration_s);
    this.selected = null;
    this.fit(range);
    this.zoom(1, true);
    this.tellCount();
  }

  /** Names the canvas by what it shows. */
  tellCount() {
    this.canvas.setAttribute("aria-label", `${this.label}: ${this.notes.length} notes in ${clock(this.duration)}`);
  }

  /** Sets the pitches shown: of the notes, or of a range that holds them. */
  fit(range) {
    const pitches = [...this.notes, ...this.ghosts].map(({ pitch }) => pitch);
    const low = Math.min(...pitches, 127), high = Math.max(...pitches, 0);
    [this.lowest, this.highest] = range || (pitches.length ? [low - 2, high + 2] : [48, 84]);
    const missing = 14 - (this.highest - this.lowest);
    if (missing > 0) {
      this.lowest -= Math.ceil(missing / 2);
      this.highest += Math.floor(missing / 2);
    }
  }

  zoom(factor, whole = false) {
    const middle = this.view.start + this.view.span / 2;
    const span = !this.withTools ? this.duration : whole ? Math.min(this.duration, WIDEST_S) : Math.max(1, Math.min(this.duration, this.view.span * factor));
    const start = whole ? 0 : middle - span / 2;
    this.view = { start: Math.max(0, Math.min(start, this.duration - span)), span };
    this.scroll.max = Math.max(0, this.duration - span);
    this.scroll.value = this.view.start;
    this.tools.hidden = this.duration <= 1;
    this.scroll.disabled = span >= this.duration;
    this.draw();
    this.dispatchEvent(new Event("view"));
  }

  /** Moves the playhead, and the view after it. */
  setPosition(seconds) {
    this.position = seconds;
    const { start, span } = this.view;
    if (seconds < start || seconds > start + span) this.show(seconds);
    this.draw();
  }

  show(seconds) {
    this.view.start = Math.max(0, Math.min(seconds - 0.1 * this.view.span, this.duration - this.view.span));
    this.scroll.value = this.view.start;
  }

  get #plot() {
    const width = this.canvas.clientWidth - KEYS_PX, height = this.canvas.clientHeight - AXIS_PX;
    return { width, height, row: height / (this.highest - this.lowest + 1) };
  }

  x(seconds) {
    return KEYS_PX + ((seconds - this.view.start) / this.view.span) * this.#plot.width;
  }

  y(pitch) {
    return (this.highest - pitch) * this.#plot.row;
  }

  /** Time and pitch under a pointer. */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const { width, row } = this.#plot;
    return {
      seconds: this.view.start + ((event.clientX - box.left - KEYS_PX) / width) * this.view.span,
      pitch: this.highest - Math.floor((event.clientY - box.top) / row),
    };
  }

  pointed(event) {
    const { seconds } = this.at(event);
    const seek = new Event("seek");
    seek.seconds = Math.max(0, Math.min(seconds, this.duration));
    this.dispatchEvent(seek);
  }

  draw() {
    if (!this.canvas.clientWidth) return;
    const [context, width, height] = sized(this.canvas);
    const { row } = this.#plot;
    context.fillStyle = colour("panel");
    context.fillRect(0, 0, width, height);
    context.save();
    context.beginPath();
    context.rect(KEYS_PX, 0, width - KEYS_PX, height);
    context.clip();
    if (this.background) this.#drawBackground(context, width, height);
    else this.#drawRows(context, width, row);
    this.#drawBars(context, height);
    for (const ghost of this.ghosts) this.#drawNote(context, ghost, row, true);
    for (const note of this.notes) this.#drawNote(context, note, row, false);
    context.fillStyle = colour("chosen");
    context.fillRect(this.x(this.position) - 1, 0, 2, height - AXIS_PX);
    context.restore();
    this.#drawKeys(context, row, height);
  }

  #drawBackground(context, width, height) {
    const { start, span } = this.view, all = this.background.width / this.duration;
    context.drawImage(this.background, start * all, 0, span * all, this.background.height, KEYS_PX, 0, width - KEYS_PX, height - AXIS_PX);
  }

  #drawRows(context, width, row) {
    context.fillStyle = colour("black-key");
    for (let pitch = this.lowest; pitch <= this.highest; pitch++)
      if (BLACK.has(((pitch % 12) + 12) % 12)) context.fillRect(KEYS_PX, this.y(pitch), width, row);
  }

  #drawBars(context, height) {
    const light = this.background ? "rgb(255 255 255 / .35)" : colour("line");
    context.font = "11px system-ui, sans-serif";
    const gap = this.bars.length > 1 ? this.x(this.bars[1]) - this.x(this.bars[0]) : 100;
    const each = Math.max(1, Math.ceil(28 / Math.max(1, gap)));
    this.bars.forEach((seconds, index) => {
      const x = this.x(seconds);
      context.fillStyle = light;
      context.fillRect(x, 0, 1, height - AXIS_PX);
      context.fillStyle = colour("soft");
      if (index % each === 0) context.fillText(String(index + 1), x + 2, height - 5);
    });
    if (this.bars.length) return;
    const step = [0.5, 1, 2, 5, 10, 30, 60, 300].find((seconds) => (seconds / this.view.span) * this.#plot.width > 60) || 600;
    context.fillStyle = colour("soft");
    for (let at = Math.ceil(this.view.start / step) * step; at < this.view.start + this.view.span; at += step)
      context.fillText(clock(at), this.x(at) + 2, height - 5);
  }

  #drawNote(context, note, row, ghost) {
    const x = this.x(note.start), right = this.x(note.end);
    if (right < KEYS_PX || x > this.canvas.clientWidth) return;
    const width = Math.max(this.drums ? 5 : 2, right - x - 1), y = this.y(note.pitch);
    const chosen = note === this.selected, sounding = note.start <= this.position && this.position < note.end && this.position > 0;
    context.globalAlpha = ghost ? 0.35 : 0.45 + 0.55 * ((note.velocity || 90) / 127);
    context.fillStyle = ghost ? colour("soft") : chosen || sounding ? colour("chosen") : this.background ? "#8ee3ff" : colour("note");
    context.fillRect(x, y + Math.min(1, row / 6), width, Math.max(2, row - 1));
    context.globalAlpha = 1;
    if (!chosen && !this.background) return;
    context.strokeStyle = chosen ? (this.background ? "#fff" : colour("ink")) : "rgb(0 0 0 / .6)";
    context.lineWidth = chosen ? 2 : 1;
    context.strokeRect(x, y, width, Math.max(2, row));
  }

  #drawKeys(context, row, height) {
    context.fillStyle = colour("paper");
    context.fillRect(0, 0, KEYS_PX, height);
    context.fillStyle = colour("soft");
    context.font = "11px system-ui, sans-serif";
    const used = new Set(this.notes.map(({ pitch }) => pitch));
    let last = Infinity;
    for (let pitch = this.lowest; pitch <= this.highest; pitch++) {
      const name = this.drums ? used.has(pitch) && DRUMS[pitch] : pitch % 12 === 0 && pitchName(pitch);
      const y = this.y(pitch) + row / 2 + 4;
      if (!name || last - y < 11) continue;
      context.fillText(name, 2, Math.min(height - AXIS_PX, Math.max(10, y)));
      last = y;
    }
  }
}
