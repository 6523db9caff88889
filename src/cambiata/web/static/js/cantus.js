// A cantus on a staff, written by pointer and by keyboard: one whole note a bar.

import { announce } from "./announce.js";
import { button, el, newId } from "./dom.js";
import { engrave } from "./staff.js";
import { pitchName } from "./words.js";

const SCALE = [0, 2, 4, 5, 7, 9, 11];
const BAR_S = 2;

/** The next note of the white keys, up or down. */
function stepped(pitch, by) {
  let next = pitch + by;
  while (!SCALE.includes(((next % 12) + 12) % 12)) next += by;
  return Math.max(21, Math.min(108, next));
}

/** A staff whose notes can be changed. `onchange` after each change by hand. */
export class Cantus {
  pitches = [];
  chosen = 0;
  edited = false;
  // The score that it was taken from, and its key signature.
  #like = null;
  #fifths = 0;
  onchange = () => {};

  constructor() {
    const id = newId("cantus");
    this.staff = el("div", { class: "staff", tabindex: 0, role: "application", "aria-label": "Cantus on a staff", "aria-describedby": id, onkeydown: (event) => this.#key(event) });
    const tool = (text, label, action) => button(text, action, { "aria-label": label });
    this.element = el("div", {}, this.staff, el("div", { class: "row" },
      tool("◀", "Choose the note before", () => this.choose(this.chosen - 1)), tool("▶", "Choose the next note", () => this.choose(this.chosen + 1)),
      tool("Up", "Move the note up a step", () => this.set(stepped(this.pitches[this.chosen], 1))), tool("Down", "Move the note down a step", () => this.set(stepped(this.pitches[this.chosen], -1))),
      tool("♯", "Raise the note by a semitone", () => this.set(this.pitches[this.chosen] + 1)), tool("♭", "Lower the note by a semitone", () => this.set(this.pitches[this.chosen] - 1)),
      tool("Add", "Add a note after it", () => this.add()), tool("Remove", "Remove the note", () => this.remove())),
    el("p", { class: "hint", id }, "One note a bar. Keys on the staff: ← → choose, ↑ ↓ move, Enter adds, Delete removes."));
    new ResizeObserver(() => this.draw()).observe(this.staff);
  }

  /** Shows pitches, as they stand in a score of that id, in its key signature. */
  show(pitches, like = null, fifths = 0) {
    this.#like = like;
    this.#fifths = fifths;
    this.pitches = [...pitches];
    this.chosen = 0;
    this.edited = false;
    this.draw();
  }

  /** The cantus as a score for the interface. */
  get score() {
    return { name: "cantus.mid", like: this.#like, tempo: 120, metre: "4/4", parts: [{ name: "Cantus", notes: this.pitches.map((pitch, bar) => [bar * BAR_S, (bar + 1) * BAR_S, pitch, 90]) }] };
  }

  choose(index) {
    this.chosen = Math.max(0, Math.min(this.pitches.length - 1, index));
    this.#told();
  }

  set(pitch) {
    if (!this.pitches.length || pitch < 21 || pitch > 108) return;
    this.pitches[this.chosen] = pitch;
    this.#changed();
  }

  add() {
    this.pitches.splice(this.chosen + 1, 0, this.pitches[this.chosen] ?? 62);
    this.chosen = Math.min(this.chosen + 1, this.pitches.length - 1);
    this.#changed();
  }

  remove() {
    if (this.pitches.length < 2) return;
    this.pitches.splice(this.chosen, 1);
    this.chosen = Math.min(this.chosen, this.pitches.length - 1);
    this.#changed();
  }

  #changed() {
    this.edited = true;
    this.#told();
    this.onchange();
  }

  #told() {
    this.draw();
    announce(`Bar ${this.chosen + 1}: ${pitchName(this.pitches[this.chosen])}`);
  }

  #key(event) {
    const actions = {
      ArrowLeft: () => this.choose(this.chosen - 1), ArrowRight: () => this.choose(this.chosen + 1),
      ArrowUp: () => this.set(event.shiftKey ? this.pitches[this.chosen] + 1 : stepped(this.pitches[this.chosen], 1)),
      ArrowDown: () => this.set(event.shiftKey ? this.pitches[this.chosen] - 1 : stepped(this.pitches[this.chosen], -1)),
      Enter: () => this.add(), Delete: () => this.remove(), Backspace: () => this.remove(),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }

  draw() {
    if (!this.pitches.length || !this.staff.clientWidth) return;
    const notes = this.pitches.map((pitch, bar) => ({ at: 4 * bar, length: 4, pitch }));
    const { element, places } = engrave({ voices: [{ notes }], quarters: 4, fifths: this.#fifths }, { width: this.staff.clientWidth - 12, label: `Cantus: ${this.pitches.map(pitchName).join(", ")}`, chosen: notes[this.chosen] });
    element.addEventListener("click", (event) => {
      const box = element.getBoundingClientRect();
      const x = event.clientX - box.left, y = event.clientY - box.top;
      const distance = (place) => Math.abs(place.x + 6 - x) + 3 * Math.max(0, Math.abs(place.top + 18 - y) - 50);
      const nearest = places.reduce((best, place) => (distance(place) < distance(best) ? place : best));
      this.choose(notes.indexOf(nearest.note));
    });
    this.staff.replaceChildren(element);
  }
}
