// Knobs: directions in a set of sounds, each a slider to play with.

import { get } from "../api.js";
import { el, newId } from "../dom.js";
import { table, toolTab } from "../tool.js";
import { title } from "../words.js";

const SETS = 50;
const MIDDLE = 0.5;
const share = (number) => `${Math.round(100 * number)} %`;
const rounded = (number) => String(Number(number.toPrecision(3)));
const plain = (unit) => unit.split(",")[0]; // "Hz, spectral centroid"
const nameOf = ({ result }) => result.report.sounds.join(", ");

/** A place for a set whose knobs were found: which one, and where they stand. */
class KnobSet {
  choice = null;
  onchange = () => {};
  #jobs = [];
  #knobs = [];

  constructor({ label, hint }) {
    const id = newId("set");
    this.label = label;
    this.select = el("select", { id, onchange: () => this.choose(this.select.value) });
    this.sliders = el("div", { class: "fields" });
    this.element = el("section", { class: "card slot", "aria-labelledby": `${id}-name` }, el("h2", { id: `${id}-name` }, label), el("p", { class: "hint" }, hint),
      el("label", { class: "hidden", for: id }, "Set of sounds"), this.select, this.sliders);
  }

  /** Positions of the knobs that were moved. */
  get values() {
    return Object.fromEntries(this.#knobs.map(({ name, input }) => [name, Number(input.value)]).filter(([, value]) => value !== MIDDLE));
  }

  /** Chooses a set by the job that found it; else the newest. */
  async choose(ref) {
    this.#jobs = (await get(`/api/jobs?verb=knobs-fit&state=done&limit=${SETS}`)).jobs;
    const job = this.#jobs.find(({ id }) => id === ref) || this.#jobs[0];
    const isNew = job?.id !== this.choice?.ref;
    this.choice = job ? { ref: job.id, name: nameOf(job) } : null;
    this.select.replaceChildren(...this.#jobs.map((each) => el("option", { value: each.id, selected: each === job }, nameOf(each))));
    if (!job) this.select.append(el("option", { value: "" }, "None yet: find the knobs of some sounds first"));
    if (isNew) this.#show(job?.result.report.knobs || []);
    this.onchange();
  }

  taken(missing) {
    if (!this.choice) throw new Error(missing);
    return this.choice;
  }

  #show(knobs) {
    this.#knobs = knobs.map(({ name, unit, low, high }) => {
      const input = el("input", { type: "range", id: newId("knob"), min: 0, max: 1, step: 0.01, value: MIDDLE });
      const output = el("output", { for: input.id });
      const show = () => {
        output.textContent = share(input.value);
        input.setAttribute("aria-valuetext", output.textContent);
      };
      input.addEventListener("input", show);
      show();
      const ends = unit && el("div", { class: "ends" }, el("span", {}, `${rounded(low)} ${plain(unit)}`), el("span", {}, rounded(high)));
      return { name, input, element: el("div", { class: "field" }, el("label", { for: input.id }, title(name)), el("div", { class: "slider" }, input, output), ends) };
    });
    this.sliders.replaceChildren(...this.#knobs.map(({ element }) => element));
  }
}

const SOUNDS = { label: "Sounds", hint: "Three or more: single notes, phrases, instruments or timbres; a dozen tells more.", ink: "style", examples: ["cello", "flute", "trumpet", "nylon-guitar"] };
const SET = { label: "Knobs", hint: "A knob in the middle stands at the set's mean.", missing: "knobs: none are found yet; find the knobs of some sounds first", make: (look) => new KnobSet(look), follows: ({ verb }) => verb === "knobs-fit" };
const FORMATS = { timbre: "A timbre, for the other tabs", sf2: "SoundFont: one .sf2 file", sfz: "SFZ: a text and its samples, zipped" };
const positions = ({ places }) => ({ values: places.get("knobs").values });

function found({ knobs }) {
  const rows = knobs.map(({ name, unit, low, mean, high, explained }) => [title(name), unit ? `${rounded(low)} to ${rounded(high)} ${plain(unit)}, mean ${rounded(mean)}` : `${share(explained)} of the set's variance`]);
  return table(["Knob", "It goes"], rows);
}

function measured({ descriptors, made }) {
  const { brightness, attack, warmth, noisiness } = descriptors;
  const words = `Centroid ${brightness.toFixed(0)} Hz, attack ${(1000 * attack).toFixed(0)} ms, warmth ${warmth.toFixed(0)} dB, noise ${noisiness.toFixed(0)} dB.`;
  return el("p", {}, words + (made === "timbre" ? " It is now among your timbres." : ""));
}

/** Builds the tab. */
export const build = toolTab("knobs", [
  { verb: "knobs-fit", label: "Find the knobs", go: "Find the knobs", hint: "Directions in which the sounds differ, each with a knob. Four instruments take half a minute.", inputs: { sounds: SOUNDS }, picture: "Map of the sounds by their two main directions, and the knobs", facts: found },
  {
    verb: "knobs-play", label: "Play", go: "Play", inputs: { knobs: SET, score: { label: "Score", hint: "MIDI, MusicXML or ABC; or name notes below." } },
    main: ["notes", "duration_s", "velocity"],
    looks: { notes: { label: "Notes, + makes chords", value: "C4,E4,G4,C4+E4+G4" }, duration_s: { label: "Seconds of each note" }, velocity: { label: "How hard, 1 to 127" } },
    also: positions, onchange: ({ places, fields }) => {
      for (const name of ["notes", "duration_s", "velocity"]) fields.show(name, !places.get("score").choice);
    }, facts: measured,
  },
  {
    verb: "knobs-export", label: "Export", go: "Export", inputs: { knobs: SET },
    main: ["output_format", "keys"],
    looks: { output_format: { label: "As", words: FORMATS }, keys: { label: "Keys, as 36-96", separator: "-" }, velocities: { label: "Velocity layers" }, step: { label: "Semitones between samples, at most" }, hold_s: { label: "Seconds for which a note is held" } },
    also: positions, facts: measured,
  },
]);
