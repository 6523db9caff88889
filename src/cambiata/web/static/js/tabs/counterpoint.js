// Counterpoint: a cantus on a staff, solutions side by side, exercises corrected at their bars.

import { get, post } from "../api.js";
import { showError } from "../announce.js";
import { commandLine } from "../command.js";
import { el } from "../dom.js";
import { Cantus } from "../cantus.js";
import { field, Fields } from "../form.js";
import { JobBar } from "../job.js";
import { library } from "../library.js";
import { playButton } from "../playback.js";
import { remembered } from "../remembered.js";
import { downloader, keeper } from "../results.js";
import { Slot } from "../slot.js";
import { engrave, voicesOf } from "../staff.js";
import { verbNamed } from "../systems.js";

const SPECIES = { "": "By its rhythm", 1: "First: note against note", 2: "Second: two notes to one", 3: "Third: four notes to one", 4: "Fourth: tied over the bar", 5: "Fifth: florid" };
const POSITIONS = { "": "Where the cantus is not", above: "Above the cantus", below: "Below the cantus" };
const LONGEST_CANTUS = 60;

/** A score on staves, drawn anew when its place changes width. */
async function staffOf(sound, label, marks = []) {
  const voices = voicesOf(await get(`/api/sounds/${sound.id}/notes`));
  const place = el("div", { class: "staff", tabindex: 0, role: "group", "aria-label": label });
  const draw = () => {
    if (place.clientWidth) place.replaceChildren(engrave(voices, { width: place.clientWidth - 12, label, marks }).element);
  };
  new ResizeObserver(draw).observe(place);
  return place;
}

async function solutionCard(sound, number, score, onError) {
  const words = `Solution ${number}`;
  const play = playButton(() => `/api/sounds/${sound.id}/audio`, "Play", words);
  return el("section", { class: "card", "aria-label": words }, el("h3", {}, words, score === undefined ? null : el("span", { class: "soft" }, ` log-likelihood ${score.toFixed(2)}`)),
    await staffOf(sound, words), el("div", { class: "row" }, play, keeper(sound, onError), await downloader(sound)));
}

function speciesField(fields, schema, nullable) {
  const choices = nullable ? [null, 1, 2, 3, 4, 5] : [1, 2, 3, 4, 5];
  return fields.add(field("species", schema.properties.species, { label: "Species", choices, words: SPECIES }));
}

/** Solving: a cantus in, solutions out. */
async function solver() {
  const { schema } = await verbNamed("counterpoint-solve");
  const fields = new Fields();
  const slot = new Slot({ label: "Cantus", hint: "One melody in whole notes; change it on the staff below, or bring your own.", accepts: "score", regions: false, picture: false });
  const cantus = new Cantus();
  const shown = el("div", { class: "columns" }), command = el("div"), error = el("div");
  slot.onchange = async () => {
    const { choice } = slot;
    if (!choice) return;
    try {
      const { parts, fifths } = await get(`/api/sounds/${choice.ref}/notes`);
      const notes = parts.find((part) => part.notes.length)?.notes || [];
      if (slot.choice === choice) cantus.show([...notes].sort((x, y) => x[0] - y[0]).slice(0, LONGEST_CANTUS).map(([, , pitch]) => pitch), choice.ref, fifths);
    } catch (refusal) {
      showError(error, refusal, () => slot.onchange());
    }
  };
  const main = [
    speciesField(fields, schema, false),
    fields.add(field("position", schema.properties.position, { label: "Counterpoint", choices: ["above", "below"], words: POSITIONS })),
    fields.add(field("voices", schema.properties.voices, { label: "Voices", choices: [2, 3], words: { 2: "Two", 3: "Three (first species)" } })),
    fields.add(field("best", { ...schema.properties.best, default: 1 }, { label: "Solutions", choices: [1, 2, 3, 4, 6], value: 2, explain: "How many, the likeliest first: by what real music does." })),
    fields.add(field("seed", schema.properties.seed, { label: "Seed" })),
  ];
  const request = async () => {
    slot.taken("cantus: nothing is chosen; choose or drop a MIDI, MusicXML or ABC file");
    let { ref } = slot.choice;
    if (cantus.edited) ref = library.add(await post("/api/scores", cantus.score)).id;
    return { verb: "counterpoint-solve", body: { cantus: ref, ...fields.values() } };
  };
  const bar = new JobBar({ key: "solve", label: "Solve", request, ondone: async (job) => {
    const sounds = Object.entries(job.result.sounds).filter(([name]) => name.startsWith("output")).map(([, sound]) => library.add(sound));
    const scores = job.result.report.scores || [];
    shown.replaceChildren(...await Promise.all(sounds.map((sound, index) => solutionCard(sound, index + 1, scores[index], (refusal) => showError(error, refusal)))));
    command.replaceChildren(commandLine(job.command));
  } });
  const element = el("section", { class: "card" }, el("h2", {}, "Write a counterpoint"), slot.element, el("div", { class: "spaced" }, cantus.element),
    el("div", { class: "fields" }, main), bar.element, error, shown, command);
  return { element, bar, slot };
}

/** Correcting: an exercise in, its breaches at their bars. */
async function checker() {
  const { schema } = await verbNamed("counterpoint-check");
  const fields = new Fields();
  const slot = new Slot({ label: "Exercise", hint: "A cantus and its counterpoint.", accepts: "score", regions: false, picture: false });
  const shown = el("div"), error = el("div");
  slot.onchange = async () => {
    const { choice } = slot;
    shown.replaceChildren();
    if (!choice?.sound) return;
    try {
      const staff = await staffOf(choice.sound, choice.name);
      if (slot.choice === choice && !shown.children.length) shown.replaceChildren(staff);
    } catch (refusal) {
      showError(error, refusal, () => slot.onchange());
    }
  };
  const main = [speciesField(fields, schema, true), fields.add(field("position", schema.properties.position, { label: "Counterpoint", choices: [null, "above", "below"], words: POSITIONS }))];
  const request = () => {
    slot.taken("exercise: nothing is chosen; choose or drop a MIDI, MusicXML or ABC file");
    return { verb: "counterpoint-check", body: { score: slot.choice.ref, ...fields.values() } };
  };
  const bar = new JobBar({ key: "check", label: "Correct", request, ondone: async (job) => {
    const breaches = job.result.breaches || [];
    const sound = library.sound(job.inputs.score.id) || await get(`/api/sounds/${job.inputs.score.id}`);
    const marks = breaches.map(({ bar: number, words }) => ({ bar: number, words }));
    const verdict = breaches.length === 0 ? "No breach: every rule is kept." : `${breaches.length} ${breaches.length === 1 ? "breach" : "breaches"}:`;
    const marked = job.result.sounds?.marked;
    shown.replaceChildren(el("h3", {}, verdict), await staffOf(sound, "Exercise", marks),
      el("ul", { class: "list" }, breaches.map(({ bar: number, words }) => el("li", {}, el("strong", {}, `Bar ${number}: `), words))),
      marked ? el("div", { class: "row" }, el("span", {}, "The score with these remarks:"), await downloader(library.add(marked))) : "", commandLine(job.command));
  } });
  const element = el("section", { class: "card" }, el("h2", {}, "Correct an exercise"), slot.element, el("div", { class: "fields spaced" }, main), bar.element, error, shown);
  return { element, bar, slot };
}

/** Builds the tab. */
export async function build(panel) {
  const [solve, check] = await Promise.all([solver(), checker()]);
  panel.replaceChildren(el("h2", { class: "hidden" }, "Counterpoint"), solve.element, check.element);
  await Promise.all([remembered("cantus", solve.slot, library.example("cantus.mid")?.id), remembered("exercise", check.slot, library.example("worksheet.mid")?.id)]);
  await Promise.all([solve.bar.resume(), check.bar.resume()]);
  return { show: (job) => (job.verb === "counterpoint-check" ? check.bar : solve.bar).show(job) };
}
