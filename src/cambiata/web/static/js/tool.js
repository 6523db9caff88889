// Tabs of the sound tools: a tab is a list of things to do, each a verb and a few words about it.
//
// What a verb takes, its options, their defaults and explanations are its schema's. A tab says what
// places and settings are called, which settings are at hand, and what of a result is told.

import { facts } from "./api.js";
import { commandLine } from "./command.js";
import { el, newId } from "./dom.js";
import { field, Fields, moreSettings } from "./form.js";
import { JobBar } from "./job.js";
import { library } from "./library.js";
import { hush } from "./playback.js";
import { remembered } from "./remembered.js";
import { Results, saver } from "./results.js";
import { OneOrSeveral, Several } from "./several.js";
import { Slot } from "./slot.js";
import { amountField, MORE_LOOKS } from "./tabs/transfer.js";
import { size } from "./words.js";

const LOOKS = { ...MORE_LOOKS, tail_s: { label: "Seconds for it to ring out" } };
const fileOf = (job, role) => `/api/jobs/${job.id}/files/${role}`;

/** What a job made, as an input of another. */
const refOf = (job) => job.result.sounds.output?.id || job.id;

/** A table for what was measured. @type {(head: string[], rows: string[][]) => HTMLElement} */
export const table = (head, rows) => el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "What was measured" }, el("table", {},
  el("thead", {}, el("tr", {}, head.map((words) => el("th", { scope: "col" }, words)))),
  el("tbody", {}, rows.map((row) => el("tr", {}, row.map((words) => el("td", {}, words)))))));

/** A place for what an input takes: one sound, several, or either. */
function placeOf(look, schema) {
  const accepts = schema["x-input"];
  if (look.make) return look.make(look);
  if (schema["x-many"] === "one-or-list" && look.several) return new OneOrSeveral({ accepts, ...look });
  if (schema["x-many"] === "list") return new Several({ accepts, ...look });
  return new Slot({ accepts, regions: false, ...look });
}

/** What is done with one verb: places, settings, a bar, and what came out. */
class Tool {
  constructor(action, { verb, summary, inputs, schema }, places) {
    Object.assign(this, { action, verb, inputs, schema, fields: new Fields() });
    this.places = new Map(inputs.map((name) => [name, places(action.inputs[name], schema.properties[name])]));
    this.told = el("div", { class: "after" });
    this.pictured = el("div");
    this.results = new Results({ verbs: [verb], tracksOf: (job) => this.#tracks(job) });
    this.bar = new JobBar({ key: verb, label: action.go, request: () => this.#request(), ondone: (job) => this.#show(job) });
    this.element = el("div", {}, el("p", { class: "soft" }, action.hint || summary), this.#settings(), this.bar.element, this.told, this.results.element);
    this.update();
  }

  /** Shows the settings that count for what is in place. */
  update() {
    this.action.onchange?.(this);
  }

  #settings() {
    const { main = [], looks = {}, ends } = this.action;
    const { fields, schema } = this;
    const known = { ...LOOKS, ...looks };
    const made = [this.#oneOf(), ...main.map((name) => (name === "amount" ? amountField(fields, schema, ends) : fields.add(field(name, schema.properties[name], known[name])))), this.action.extra?.(this)].filter(Boolean);
    const rest = Object.keys(schema.properties).filter((name) => !this.inputs.includes(name) && !main.includes(name));
    return el("section", {}, el("div", { class: "fields" }, made), rest.length > 0 && moreSettings(fields, schema, rest, known));
  }

  /** A choice between settings of which one counts. */
  #oneOf() {
    const { oneOf } = this.action;
    if (!oneOf) return null;
    const id = newId("one-of");
    const select = el("select", { id }, Object.keys(oneOf.choices).map((words) => el("option", {}, words)));
    const show = () => Object.entries(oneOf.choices).forEach(([words, names]) => names.forEach((name) => this.fields.show(name, words === select.value)));
    select.addEventListener("input", show);
    this.update = () => {
      show();
      this.action.onchange?.(this);
    };
    return el("div", { class: "field" }, el("div", { class: "row" }, el("label", { for: id }, oneOf.label)), select);
  }

  #request() {
    const body = {};
    for (const [name, place] of this.places) {
      const isWanted = this.schema.required?.includes(name);
      const what = this.schema.properties[name]["x-input"] === "recording-or-timbre" ? "a sound, or take an instrument" : "a sound";
      const taken = place.taken(isWanted && (this.action.inputs[name].missing || `${place.label || name}: nothing is chosen; choose, drop or record ${what}`));
      if (taken) body[name] = taken.ref ?? taken;
    }
    return { verb: this.verb, body: { ...body, ...this.fields.values(), ...this.action.also?.(this) } };
  }

  #tracks(job) {
    const before = Object.entries(this.action.tracks || {}).map(([name, look]) => ({ ...look, sound: library.sound(job.inputs[name]?.id) }));
    return [...before.filter(({ sound }) => sound), { label: "Result", sound: job.result.sounds.output }];
  }

  async #show(job) {
    const { report, sounds, files } = job.result;
    const picture = files.picture && el("figure", { class: "picture", tabindex: 0, "aria-label": "Picture" }, el("img", { src: fileOf(job, "picture"), alt: this.action.picture }));
    const download = files.output && saver(fileOf(job, "output"), `Download ${files.output.name} (${size(files.output.bytes)})`);
    if (job.result.timbre) library.refreshTimbres();
    this.told.replaceChildren(...[this.action.facts?.(report, job), !sounds.output && picture, download, !sounds.output && commandLine(job.command)].flat().filter(Boolean));
    if (sounds.output) {
      await this.results.show(job);
      this.pictured.replaceChildren(picture ? el("details", { open: Boolean(this.action.unfold?.(report)) }, el("summary", {}, "Picture"), picture) : "");
      this.results.actions.append(this.pictured);
    }
    this.onresult?.(job);
  }

  /** Puts into place what was there before, else examples, and finds the job that this window had. */
  async begin(fresh) {
    await Promise.all([...this.places.values()].filter((place) => fresh.has(place)).map((place) => fresh.get(place)()));
    await this.bar.resume();
    await this.results.refresh();
  }
}

/**
 * A tab. Each action is {verb, label, go, inputs} with, as wanted: hint, main (settings at hand), looks, ends (of the amount),
 * oneOf (settings of which one counts: {label, choices: {words: names}}), extra(tool) (an element beside them), unfold(report) (the picture),
 * tracks (of inputs to compare with, {label, repeat}), picture (its words), facts(report, job), also(tool), onchange(tool).
 * Inputs are looks of places, with `missing` (words where nothing is chosen), `example` or `examples` and `follows(job)`: whose result comes there, or `make(look)`, which gives
 * a place of another kind; actions that name the same look share its place.
 */
export const toolTab = (name, actions) => async (panel) => {
  const { verbs } = await facts("/api/verbs");
  const looks = new Map(), fresh = new Map(), tools = new Map(), results = [];
  const label = name.charAt(0).toUpperCase() + name.slice(1);
  const columns = el("div", { class: "columns" }), work = el("div");
  const places = (look, schema) => {
    if (looks.has(look)) return looks.get(look);
    const place = placeOf(look, schema);
    looks.set(look, place);
    const slot = place.slot || place;
    const latest = results.findLast((job) => look.follows?.(job));
    const example = look.example && (library.example(look.example)?.id || look.example);
    if (place instanceof Several) place.fill(look.examples || []);
    else fresh.set(place, () => (latest ? slot.choose(refOf(latest)) : remembered(`${name}-${look.key || look.label}`, slot, example)));
    place.onchange = () => tools.forEach((tool) => tool.update());
    return place;
  };
  const onresult = (job) => {
    results.push(job);
    for (const [look, place] of looks) if (look.follows?.(job)) place.choose(refOf(job));
  };
  const choose = async (action) => {
    hush();
    const isNew = !tools.has(action.verb);
    if (isNew) tools.set(action.verb, new Tool(action, verbs.find(({ verb }) => verb === action.verb), places));
    const tool = tools.get(action.verb);
    columns.replaceChildren(...[...tool.places.values()].map(({ element }) => element));
    columns.hidden = tool.places.size === 0;
    work.replaceChildren(tool.element);
    sessionStorage.setItem(`action-${name}`, action.verb);
    if (!isNew) return tool;
    const begun = new Map(fresh);
    fresh.clear();
    await tool.begin(begun);
    tool.onresult = onresult;
    return tool;
  };
  const group = newId("action");
  const radios = new Map(actions.map((action) => [action.verb, el("input", { type: "radio", name: group, onchange: () => choose(action) })]));
  const pick = el("fieldset", { class: "pick spaced" }, el("legend", { class: "hidden" }, "What to do"), actions.map((action) => el("label", {}, radios.get(action.verb), action.label)));
  const start = (verb) => {
    const action = actions.find((each) => each.verb === verb) || actions[0];
    radios.get(action.verb).checked = true;
    return choose(action);
  };
  panel.replaceChildren(el("h2", { class: "hidden" }, label), actions.length > 1 ? pick : "", columns, work);
  await start(sessionStorage.getItem(`action-${name}`));
  return { show: async (job) => (await start(job.verb)).bar.show(job) };
};
