// Melody: a tune turned towards a dance type, or towards what another tune shows.

import { facts, get } from "../api.js";
import { showError } from "../announce.js";
import { commandLine } from "../command.js";
import { el, newId } from "../dom.js";
import { field, Fields, moreSettings } from "../form.js";
import { JobBar } from "../job.js";
import { library } from "../library.js";
import { Listening } from "../listening.js";
import { remembered } from "../remembered.js";
import { downloader, keeper } from "../results.js";
import { Roll } from "../roll.js";
import { Slot } from "../slot.js";
import { systemsOf, verbNamed } from "../systems.js";
import { title } from "../words.js";
import { amountField, seedField } from "./transfer.js";

const OWN = " own";
const METRES = { content: "The tune's", style: "The style's" };
const share = (number) => `${Math.round(100 * number)} %`;

/** A share of its own, off until it is asked for. */
function ownShare(fields, schema, name, label) {
  const made = field(name, { ...schema.properties[name], anyOf: undefined, type: "number", default: null }, { label, slider: { minimum: 0, maximum: 1, step: 0.01 }, value: 1, describe: share, explain: "The same as the amount, for this alone." });
  return fields.add(made);
}

/** Scores before and after, one above the other, with listening and files. */
export class BeforeAfter {
  #rolls = [];

  constructor() {
    this.rolls = el("div");
    this.listening = new Listening({ strips: false });
    this.files = el("div", { class: "after" });
    this.error = el("div");
    this.element = el("div", { hidden: true }, this.rolls, this.listening.element, this.error, this.files);
    this.listening.addEventListener("time", () => this.#rolls.forEach((roll) => roll.setPosition(this.listening.switcher.position)));
  }

  /** Shows sounds, {label, sound}; the last is the result. Recordings are heard, but have no roll. */
  async show(tracks, job) {
    this.element.hidden = false;
    showError(this.error, null);
    const written = tracks.filter(({ sound }) => sound.kind === "score");
    const scores = await Promise.all(written.map(({ sound }) => get(`/api/sounds/${sound.id}/notes`)));
    const pitches = scores.flatMap(({ parts }) => parts.flatMap(({ notes }) => notes.map(([, , pitch]) => pitch)));
    const range = pitches.length ? [Math.min(...pitches) - 2, Math.max(...pitches) + 2] : null;
    const duration_s = Math.max(...scores.map((score) => score.duration_s));
    if (this.#rolls.length !== written.length) this.#build(written);
    scores.forEach((score, index) => this.#rolls[index].setScore({ ...score, duration_s }, range));
    const output = tracks.at(-1).sound;
    await this.listening.load(tracks, tracks.length - 1);
    this.files.replaceChildren(el("div", { class: "row" }, el("strong", {}, output.name), keeper(output, (error) => showError(this.error, error)), await downloader(output)), commandLine(job.command));
  }

  #build(written) {
    this.#rolls = written.map(({ label }) => new Roll({ label, height: 150 }));
    const last = this.#rolls.at(-1);
    for (const roll of this.#rolls.slice(0, -1)) roll.tools.remove();
    last.addEventListener("view", () => this.#rolls.forEach((roll) => {
      roll.view = { ...last.view };
      roll.draw();
    }));
    this.rolls.replaceChildren(...this.#rolls.map((roll, index) => el("section", {}, el("h3", {}, written[index].label), roll.element)));
    for (const roll of this.#rolls) roll.addEventListener("seek", ({ seconds }) => this.listening.switcher.seek(seconds));
  }
}

/** Builds the tab. */
export async function build(panel) {
  const [{ schema }, { styles }, systems] = await Promise.all([verbNamed("melody"), facts("/api/melody-styles"), systemsOf("melody")]);
  const fields = new Fields();
  const tune = new Slot({ label: "Tune", hint: "One melody: MIDI, MusicXML or ABC.", accepts: "score", regions: false });
  const model = new Slot({ label: "Tune to take after", accepts: "score", regions: false });
  const id = newId("style");
  const style = el("select", { id }, styles.map(({ name }) => el("option", { value: name, selected: name === "hornpipe" }, title(name))), el("option", { value: OWN }, "As another tune …"));
  const showModel = () => { model.element.hidden = style.value !== OWN; };
  style.addEventListener("change", showModel);
  showModel();
  const apart = el("input", { type: "checkbox", id: `${id}-apart` });
  const showShares = () => ["rhythm", "pitch"].forEach((name) => fields.show(name, apart.checked));
  apart.addEventListener("input", showShares);
  const main = [
    amountField(fields, schema, ["tune", "whole turn"]),
    el("div", { class: "field check" }, apart, el("label", { for: `${id}-apart` }, "Rhythm and pitches apart")),
    ownShare(fields, schema, "rhythm", "Rhythm"), ownShare(fields, schema, "pitch", "Pitches"),
    fields.add(field("metre", schema.properties.metre, { label: "Metre", choices: ["content", "style", "4/4", "3/4", "2/4", "6/8", "9/8", "12/8"], words: { ...METRES, "4/4": "4/4", "3/4": "3/4", "2/4": "2/4", "6/8": "6/8", "9/8": "9/8", "12/8": "12/8" }, explain: "Whose metre, or which." })),
    fields.add(field("system", schema.properties.system, { label: "How", choices: systems.names, words: systems.words, explain: systems.explain })),
    seedField(fields, schema),
  ];
  showShares();
  const more = moreSettings(fields, schema, ["track", "skyline", "pickup", "tune_number", "output_format", "settings", "strict"], { output_format: { label: "Format of the result" }, skyline: { label: "Take the highest tones of chords" } });
  const shown = new BeforeAfter();
  const request = () => {
    tune.taken("tune: nothing is chosen; choose or drop a MIDI, MusicXML or ABC file");
    if (style.value === OWN) model.taken("style: no tune is chosen; choose one to take after, or a dance type");
    return { verb: "melody", body: { tune: tune.choice.ref, style: style.value === OWN ? model.choice.ref : style.value, ...fields.values() } };
  };
  const bar = new JobBar({ key: "melody", label: "Turn the tune", request, ondone: async (job) => {
    const before = library.sound(job.inputs.tune.id) || await get(`/api/sounds/${job.inputs.tune.id}`);
    await shown.show([{ label: "Before", sound: before }, { label: "After", sound: library.add(job.result.sounds.output) }], job);
  } });
  panel.replaceChildren(el("h2", { class: "hidden" }, "Melody"),
    el("div", { class: "columns" }, tune.element, el("section", { class: "card slot", "aria-label": "Style" }, el("h2", {}, "Style: the dance"), el("label", { for: id, class: "hidden" }, "Dance type"), style, model.element)),
    el("section", {}, el("div", { class: "fields" }, main), more), bar.element, shown.element);
  await remembered("melody", tune, library.example("reel.mid")?.id);
  await bar.resume();
  return { show: (job) => bar.show(job) };
}
