// Play: a score, or the notes of a recording, with a sound.

import { get } from "../api.js";
import { el } from "../dom.js";
import { field, Fields, moreSettings } from "../form.js";
import { JobBar } from "../job.js";
import { library } from "../library.js";
import { remembered } from "../remembered.js";
import { Results } from "../results.js";
import { Roll } from "../roll.js";
import { Slot } from "../slot.js";
import { verbNamed } from "../systems.js";
import { MORE_LOOKS, seedField, systemFields } from "./transfer.js";

const MORE = ["transpose", "to_key", "drums", "tail_s", "tune_number", "output_format", "sample_rate", "n_channels", "subtype", "settings", "strict"];

/** The choice of a part of the score, filled from its tracks. */
function trackField(fields, schema) {
  const made = field("track", schema.properties.track, { label: "Part", choices: [null], words: { "": "All" }, explain: "Which part of the score is played." });
  made.read = () => (made.input.value ? Number(made.input.value) : null);
  const show = (sound) => {
    const tracks = sound?.tracks || [];
    made.element.hidden = tracks.length < 2;
    made.input.replaceChildren(new Option("All", ""), ...tracks.map(({ number, name, n_notes, is_drum }) =>
      new Option(`${number}: ${name || (is_drum ? "drums" : "no name")} (${n_notes} notes)`, number)));
  };
  return [fields.add(made), show];
}

/** The notes that a job played, in the result's time. */
async function playedScore(job) {
  const { midi } = job.result.sounds;
  const score = await get(`/api/sounds/${midi?.id || job.inputs.score.id}/notes`);
  const tempo = job.request.tempo || 1, track = job.request.track;
  const parts = score.parts.filter(({ number, is_drum }) => (track ? number === track : !is_drum || score.parts.length === 1));
  const scaled = parts.map((part) => ({ ...part, notes: part.notes.map(([start, end, pitch, velocity]) => [start / tempo, end / tempo, pitch, velocity]) }));
  return { parts: scaled, bars_s: midi ? [] : score.bars_s.map((seconds) => seconds / tempo), duration_s: Math.max(score.duration_s / tempo, job.result.sounds.output.duration_s) };
}

function tracksOf(job) {
  const score = library.sound(job.inputs.score.id), sound = library.sound(job.inputs.sound.id);
  const plain = (job.request.tempo || 1) === 1 && !job.request.track && !job.request.transpose && !job.request.to_key;
  const before = score && (score.kind === "recording" || plain) ? [{ label: score.kind === "score" ? "Sketch" : "Recording", sound: score }] : [];
  const named = library.named.some(({ name }) => name === job.inputs.sound.id);
  const style = sound ? [{ label: "Sound", sound, repeat: true }] : named ? [{ label: "Sound", named: job.inputs.sound.id, repeat: true }] : [];
  return [...before, ...style, { label: "Result", sound: job.result.sounds.output }];
}

/** Builds the tab. */
export async function build(panel) {
  const { schema } = await verbNamed("play");
  const fields = new Fields();
  const score = new Slot({ label: "Score: the notes", hint: "MIDI, MusicXML or ABC; of a recording the notes are found first.", accepts: "recording-or-score", ink: "content", regions: false });
  const sound = new Slot({ label: "Sound: who plays", accepts: "recording-or-timbre", ink: "style", regions: false });
  const [track, showTracks] = trackField(fields, schema);
  const main = [
    ...(await systemFields(fields, schema, "play")), track,
    fields.add(field("tempo", schema.properties.tempo, { label: "Tempo", slider: { minimum: 0.5, maximum: 2, step: 0.05 }, describe: (factor) => `× ${factor.toFixed(2)}`, explain: "How many times as fast as it is written." })),
    fields.add(field("instrument", schema.properties.instrument, { label: "The recording is of", words: { any: "Any instruments", piano: "A piano" } })),
    fields.add(field("pedal", schema.properties.pedal, { label: "The sustain pedal counts" })),
    seedField(fields, schema),
  ];
  const more = moreSettings(fields, schema, MORE, MORE_LOOKS);
  const roll = new Roll({ label: "Notes played" });
  const rollBox = el("section", { hidden: true }, el("h2", {}, "Notes"), roll.element);
  const results = new Results({ verbs: ["play"], tracksOf });
  results.listening.addEventListener("time", () => roll.setPosition(results.listening.switcher.position));
  roll.addEventListener("seek", ({ seconds }) => results.listening.switcher.seek(seconds));
  const request = () => {
    score.taken("score: nothing is chosen; choose or drop a MIDI, MusicXML or ABC file, or a recording");
    sound.taken("sound: nothing is chosen; choose, drop or record a sound, or take an instrument");
    return { verb: "play", body: { score: score.choice.ref, sound: sound.choice.ref, ...fields.values() } };
  };
  const bar = new JobBar({ key: "play", label: "Play", request, ondone: async (job) => {
    const [, notes] = await Promise.all([results.show(job), playedScore(job)]);
    rollBox.hidden = false;
    roll.setScore(notes);
  } });
  score.onchange = () => {
    const recording = score.choice?.sound?.kind === "recording";
    showTracks(score.choice?.sound);
    fields.show("instrument", recording);
    fields.show("pedal", !recording);
  };
  panel.replaceChildren(el("h2", { class: "hidden" }, "Play"), el("div", { class: "columns" }, score.element, sound.element),
    el("section", {}, el("div", { class: "fields" }, main), more), bar.element, rollBox, results.element);
  await Promise.all([
    remembered("play-score", score, library.example("tune.mid")?.id),
    remembered("play-sound", sound, "violin"),
  ]);
  await bar.resume();
  await results.refresh();
  return { show: (job) => bar.show(job) };
}
