// Transfer: the notes of one recording with the sound of another.

import { button, el } from "../dom.js";
import { field, Fields, moreSettings } from "../form.js";
import { JobBar } from "../job.js";
import { library } from "../library.js";
import { remembered } from "../remembered.js";
import { Results } from "../results.js";
import { Slot } from "../slot.js";
import { presetWords, showPresets, systemsOf, verbNamed } from "../systems.js";

const OCTAVES = { "": "As they are", auto: "Automatic: to where the style plays", "-2": "Two down", "-1": "One down", 1: "One up", 2: "Two up" };
const DYNAMICS = { "": "The content's", content: "The content's, always", style: "The style's" };
const FORMATS = { "": "The content's", wav: "WAV", flac: "FLAC", ogg: "Ogg Vorbis", mp3: "MP3", aiff: "AIFF" };
const UNPITCHED = { drop: "Leave out", keep: "Keep as they are" };
const MORE = ["transpose", "to_key", "in_place", "unpitched", "tail_s", "output_format", "sample_rate", "n_channels", "subtype", "settings", "strict"];
export const MORE_LOOKS = {
  to_key: { label: "Move to the key" }, in_place: { label: "Keep the rest around the part taken" }, unpitched: { label: "Drums and noises", words: UNPITCHED },
  tail_s: { label: "Seconds for the last note to ring" }, output_format: { label: "Format of the result", words: FORMATS },
  sample_rate: { label: "Sample rate (Hz)" }, n_channels: { label: "Channels" }, subtype: { label: "Sample format" }, strict: { label: "Refuse damaged files" },
};

/** The seed's field, with a button for another one. */
export function seedField(fields, schema) {
  const made = field("seed", schema.properties.seed, { label: "Seed", explain: "What is left to chance. The same seed gives the same result; another one another take." });
  const another = button("Another", () => {
    made.input.value = Math.floor(Math.random() * 10000);
    made.input.dispatchEvent(new Event("input"));
  });
  const row = el("div", { class: "row" });
  made.control.before(row);
  row.append(made.control, another);
  return fields.add(made);
}

/** Amount from the content to the full transfer, as a slider. */
export function amountField(fields, schema, ends = ["content", "full transfer"]) {
  const element = fields.add(field("amount", schema.properties.amount, {
    label: "Amount", slider: { minimum: 0, maximum: 1, step: 0.01 }, describe: (share) => `${Math.round(100 * share)} %`,
    explain: `How far to go: 0 % is the ${ends[0]}, 100 % the ${ends[1]}.`,
  }));
  element.append(el("div", { class: "ends" }, el("span", {}, ends[0]), el("span", {}, ends[1])));
  return element;
}

/** System and preset, tied together. */
export async function systemFields(fields, schema, job) {
  const systems = await systemsOf(job);
  const system = field("system", schema.properties.system, { label: "How", choices: systems.names, words: systems.words, explain: systems.explain });
  const preset = field("preset", schema.properties.preset, { label: "Preset", choices: [null], words: presetWords, explain: "Named settings of this way of working." });
  const update = () => showPresets(preset, systems.presetsOf(system.read()));
  system.input.addEventListener("input", update);
  const elements = [fields.add(system), fields.add(preset)];
  update();
  return elements;
}

const rangeOf = ({ request }, start, end, sound) => ({ start: request[start] ?? 0, end: request[end] ?? sound.duration_s });

/** A style as a track: a recording, or an instrument that ships. Captured timbres have no sound of their own. */
function styleTrack(job) {
  const style = job.inputs.style;
  const sound = style && library.sound(style.id);
  if (sound) return [{ label: "Style", sound, range: rangeOf(job, "style_start_s", "style_end_s", sound), repeat: true }];
  if (style && library.named.some(({ name }) => name === style.id)) return [{ label: "Style", named: style.id, repeat: true }];
  return [];
}

/** Content, style and result, cut so that the same place sounds in each. */
export function tracksOf(job) {
  const content = library.sound(job.inputs.content.id);
  const whole = job.request.in_place;
  const before = content ? [{ label: "Content", sound: content, range: whole ? null : rangeOf(job, "start_s", "end_s", content) }] : [];
  return [...before, ...styleTrack(job), { label: "Result", sound: job.result.sounds.output }];
}

/** Builds the tab. */
export async function build(panel) {
  const { schema } = await verbNamed("transfer");
  const fields = new Fields();
  const content = new Slot({ label: "Content: the notes", accepts: "recording", ink: "content" });
  const style = new Slot({ label: "Style: the sound", accepts: "recording-or-timbre", ink: "style", domains: true });
  const main = [
    ...(await systemFields(fields, schema, "transfer")), amountField(fields, schema, ["content", "full transfer"]),
    fields.add(field("octave", schema.properties.octave, { label: "Octaves of the notes", choices: [null, "auto", -2, -1, 1, 2], words: OCTAVES, explain: "A flute's melody lies too high for a cello: move the notes to where the style plays." })),
    fields.add(field("dynamics", schema.properties.dynamics, { label: "Loud and soft", words: DYNAMICS, explain: "Whose loud and soft the result has." })),
    seedField(fields, schema),
  ];
  const more = moreSettings(fields, schema, MORE, MORE_LOOKS);
  const request = () => {
    content.taken("content: nothing is chosen; choose, drop or record a sound");
    style.taken("style: nothing is chosen; choose, drop or record a sound, or take an instrument");
    const part = content.region ? { start_s: content.region.start, end_s: content.region.end } : {};
    const values = fields.values();
    if (style.choice.domain) {
      for (const name of ["system", "preset", "dynamics", "transpose", "to_key"]) delete values[name];
      if (values.octave === "auto") delete values.octave;
      return { verb: "translate", body: { content: content.choice.ref, to: { [style.choice.domain]: 1 }, ...part, ...values } };
    }
    const styled = style.region ? { style_start_s: style.region.start, style_end_s: style.region.end } : {};
    return { verb: "transfer", body: { content: content.choice.ref, style: style.choice.ref, ...part, ...styled, ...values } };
  };
  const results = new Results({ verbs: ["transfer", "translate"], tracksOf, label: "Listen: A, B, C" });
  const bar = new JobBar({ key: "transfer", label: "Transfer", request, ondone: (job) => results.show(job) });
  const update = () => {
    const isDomain = Boolean(style.choice?.domain);
    for (const name of ["system", "dynamics", "transpose", "to_key"]) fields.show(name, !isDomain);
  };
  style.onchange = update;
  panel.replaceChildren(el("h2", { class: "hidden" }, "Transfer"), el("div", { class: "columns" }, content.element, style.element),
    el("section", {}, el("div", { class: "fields" }, main), more), bar.element, results.element);
  await Promise.all([
    remembered("transfer-content", content, library.example("trumpet.ogg")?.id),
    remembered("transfer-style", style, library.example("cello.flac")?.id),
  ]);
  await bar.resume();
  await results.refresh();
  return { show: (job) => bar.show(job) };
}
