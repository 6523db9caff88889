// Groove: a slider from one drum part to another, heard at once.

import { el, newId } from "../dom.js";
import { field, Fields, moreSettings } from "../form.js";
import { JobBar } from "../job.js";
import { library } from "../library.js";
import { remembered } from "../remembered.js";
import { Slot } from "../slot.js";
import { systemsOf, verbNamed } from "../systems.js";
import { BeforeAfter } from "./melody.js";

const SHARES = { amount: "From A to B", hits: "What is struck", velocity: "How hard", timing: "When" };
const EXPLAINED = { amount: "0 % is A, 100 % is B.", hits: "Which drums are struck, and how densely.", velocity: "Accents and ghost notes.", timing: "Swing, and how early or late each stroke falls." };
// Sliders are moved in many small steps: the drum part is made when they rest this long.
const REST_MS = 180;

/** One slider from A to B, or three on request. */
function sliders(fields, schema, onInput) {
  const id = newId("apart");
  const made = Object.entries(SHARES).map(([name, label]) => fields.add(field(name, { ...schema.properties[name], anyOf: undefined, type: "number", default: name === "amount" ? 0.5 : null }, {
    label, slider: { minimum: 0, maximum: 1, step: 0.01 }, value: 0.5, describe: (share) => `${Math.round(100 * share)} %`, explain: EXPLAINED[name],
  })));
  const apart = el("input", { type: "checkbox", id });
  const show = () => {
    for (const name of ["hits", "velocity", "timing"]) fields.show(name, apart.checked);
    fields.show("amount", !apart.checked);
  };
  apart.addEventListener("input", () => {
    if (apart.checked) for (const name of ["hits", "velocity", "timing"]) {
      fields.get(name).input.value = fields.get("amount").input.value;
      fields.get(name).show();
    }
    show();
    onInput();
  });
  show();
  return el("section", { class: "card" }, made, el("div", { class: "ends wide" }, el("span", {}, "A"), el("span", {}, "B")), el("div", { class: "field check" }, apart, el("label", { for: id }, "Three sliders: what, how hard, when")));
}

/** Builds the tab. */
export async function build(panel) {
  const [{ schema }, systems] = await Promise.all([verbNamed("groove"), systemsOf("groove")]);
  const fields = new Fields();
  const a = new Slot({ label: "A", hint: "A drum part in MIDI, or a recording of drums.", accepts: "recording-or-score", regions: false });
  const b = new Slot({ label: "B", hint: "The drum part to go towards.", accepts: "recording-or-score", regions: false, ink: "style" });
  const shown = new BeforeAfter();
  const request = () => {
    for (const [slot, name] of [[a, "A"], [b, "B"]]) slot.taken(`${name}: nothing is chosen; choose or drop a drum part or a recording of drums`);
    return { verb: "groove", body: { a: a.choice.ref, b: b.choice.ref, ...fields.values() } };
  };
  const ondone = async (job) => {
    const output = library.add(job.result.sounds.output);
    const sides = [["A", job.inputs.a], ["B", job.inputs.b]].map(([label, input]) => ({ label, sound: library.sound([input].flat()[0].id) }));
    await shown.show([...sides.filter(({ sound }) => sound), { label: "Between", sound: output }], job);
  };
  const bar = new JobBar({ key: "groove", label: "Mix them", request, ondone });
  let resting = 0, working = false, again = false;
  const make = async () => {
    again = working;
    if (working) return;
    working = true;
    await bar.start();
    working = false;
    if (again) make();
  };
  const soon = () => {
    clearTimeout(resting);
    resting = setTimeout(make, REST_MS);
  };
  fields.onchange = (name) => { if (name in SHARES && !shown.element.hidden) soon(); };
  const shares = sliders(fields, schema, () => { if (!shown.element.hidden) soon(); });
  const system = fields.add(field("system", schema.properties.system, { label: "How", choices: systems.names.length ? systems.names.map((name) => name.match(/\((.*)\)/)?.[1] || name) : ["exact", "vae"], words: { exact: "Exact at both ends", vae: "Learnt (an autoencoder)" }, explain: systems.explain }));
  const more = moreSettings(fields, schema, ["metre", "tempo", "tempo_b", "drums", "seed", "strict"], { tempo_b: { label: "Tempo of B" } });
  panel.replaceChildren(el("h2", { class: "hidden" }, "Groove"), el("div", { class: "columns" }, a.element, b.element), shares, el("section", {}, el("div", { class: "fields" }, system), more), bar.element, shown.element);
  await Promise.all([remembered("groove-a", a, library.example("funk.mid")?.id), remembered("groove-b", b, library.example("rock.mid")?.id)]);
  await bar.resume();
  return { show: (job) => bar.show(job) };
}
