// Notes deleted, added and moved on a piano roll, by pointer and by keyboard.

import { announce } from "./announce.js";
import { button, el, newId } from "./dom.js";
import { Roll } from "./roll.js";
import { pitchName } from "./words.js";

// Length of a note that is added with a click, and the step by which keys move it, in seconds.
const ADDED_S = 0.3;
const STEP_S = 0.05;

const words = ({ start, end, pitch }) => `${pitchName(pitch)} at ${start.toFixed(2)} seconds, ${(end - start).toFixed(2)} long`;

/** A piano roll whose notes can be changed. Event `edit` after each change. */
export class RollEditor extends Roll {
  #past = [];
  changed = [];

  constructor(options) {
    super({ height: 300, ...options });
    const id = newId("keys");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-describedby", id);
    this.delete = button("Delete note", () => this.deleteSelected(), { disabled: true });
    this.adding = button("Add notes", () => {
      const on = this.adding.getAttribute("aria-pressed") !== "true";
      this.adding.setAttribute("aria-pressed", String(on));
    }, { "aria-pressed": "false" });
    this.undoing = button("Undo", () => this.undo(), { disabled: true });
    this.told = el("span", { class: "soft" }, "");
    this.element.append(el("div", { class: "row" }, this.delete, this.adding, this.undoing, this.told),
      el("p", { class: "hint", id }, "Click a note to choose it. Keys: ← → choose, Delete removes, ↑ ↓ change its pitch, Shift with ← → moves it, Enter adds one after it, Ctrl Z takes back."));
    this.canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  setScore(score, range) {
    super.setScore(score, range);
    this.#past = [];
    this.changed = [];
    this.#tell();
  }

  select(note) {
    this.selected = note;
    if (note && (note.start < this.view.start || note.start > this.view.start + this.view.span)) this.show(note.start);
    this.#tell();
    this.draw();
  }

  /** Pointer: a note is chosen, or added, or the playhead moved. */
  pointed(event) {
    const { seconds, pitch } = this.at(event);
    const near = 0.01 * this.view.span;
    const hit = this.notes.find((note) => note.pitch === pitch && note.start - near <= seconds && seconds <= note.end + near);
    if (hit) this.select(hit);
    else if (this.adding.getAttribute("aria-pressed") === "true") this.add({ start: Math.max(0, seconds), end: seconds + ADDED_S, pitch, velocity: 90, part: 0 });
    else {
      this.select(null);
      super.pointed(event);
    }
  }

  add(note) {
    this.#edit([...this.notes, note], [note]);
    this.select(note);
    announce(`Added ${words(note)}`);
  }

  deleteSelected() {
    const note = this.selected;
    if (!note) return;
    const index = this.notes.indexOf(note);
    this.#edit(this.notes.filter((each) => each !== note), [note]);
    this.select(this.notes[Math.min(index, this.notes.length - 1)] || null);
    announce(`Deleted ${words(note)}`);
    this.canvas.focus();
  }

  undo() {
    const last = this.#past.pop();
    if (!last) return;
    this.notes = last.notes;
    this.changed = last.changed;
    this.select(null);
    announce("Taken back");
    this.dispatchEvent(new Event("edit"));
  }

  #move(changes) {
    const moved = { ...this.selected, ...changes };
    this.#edit(this.notes.map((note) => (note === this.selected ? moved : note)), [this.selected, moved]);
    this.select(moved);
    announce(words(moved));
  }

  #edit(notes, touched) {
    this.#past.push({ notes: this.notes, changed: this.changed });
    this.notes = notes.sort((a, b) => a.start - b.start || a.pitch - b.pitch);
    this.changed = [...this.changed, ...touched];
    this.duration = Math.max(this.duration, ...touched.map(({ end }) => end));
    this.dispatchEvent(new Event("edit"));
  }

  #key(event) {
    const note = this.selected, index = this.notes.indexOf(note);
    const choose = (next) => {
      const to = this.notes[Math.max(0, Math.min(this.notes.length - 1, next))];
      if (!to) return;
      this.select(to);
      announce(words(to));
    };
    const shift = (by) => note && this.#move({ start: Math.max(0, note.start + by), end: Math.max(0, note.start + by) + note.end - note.start });
    const actions = {
      ArrowRight: () => (event.shiftKey ? shift(STEP_S) : choose(index + 1)),
      ArrowLeft: () => (event.shiftKey ? shift(-STEP_S) : choose(note ? index - 1 : 0)),
      ArrowUp: () => note && note.pitch < 127 && this.#move({ pitch: note.pitch + 1 }),
      ArrowDown: () => note && note.pitch > 0 && this.#move({ pitch: note.pitch - 1 }),
      Delete: () => this.deleteSelected(),
      Backspace: () => this.deleteSelected(),
      Enter: () => this.add(note ? { ...note, start: note.end, end: 2 * note.end - note.start } : { start: this.position, end: this.position + ADDED_S, pitch: 60, velocity: 90, part: 0 }),
      z: () => (event.ctrlKey || event.metaKey) && this.undo(),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }

  #tell() {
    this.tellCount();
    this.delete.disabled = !this.selected;
    this.undoing.disabled = this.#past.length === 0;
    this.told.textContent = this.selected ? words(this.selected) : "";
  }
}
