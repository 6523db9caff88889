// Instrument: a sound or a handful of notes as an instrument for samplers.

import { el } from "../dom.js";
import { toolTab } from "../tool.js";
import { pitchName } from "../words.js";

const SOUNDS = {
  label: "Sound", ink: "style", example: "cello.flac",
  one: { label: "One sound", hint: "A timbre, an instrument that comes with Cambiata, or a recording of a phrase." },
  several: { label: "Recordings of notes", hint: "One note a file; a handful is enough. Files named by their notes (C4.wav, F#3_v96.wav) are taken at their word.", accepts: "recording" },
};
const FORMATS = { sf2: "SoundFont: one .sf2 file", sfz: "SFZ: a text and its samples, zipped" };
const layers = (count) => `${count} velocity layer${count === 1 ? "" : "s"}`;

function told(report) {
  const { keys, velocities, n_samples, n_looped, n_recorded, duration_s, output } = report;
  const recorded = n_recorded ? `, ${n_recorded} as recorded` : "";
  const words = `${pitchName(keys[0])} to ${pitchName(keys[1])}, ${layers(velocities)}, ${n_samples} samples (${n_looped} looped${recorded}), ${duration_s.toFixed(0)} s of sound.`;
  const zipped = output.endsWith(".sfz") ? " Unpack the zip, and leave the .sfz beside the folder of its samples." : "";
  return el("p", {}, words + zipped);
}

/** Builds the tab. */
export const build = toolTab("instrument", [{
  verb: "instrument", label: "Instrument", go: "Make the instrument",
  hint: "For any sampler or DAW: load what comes out there, and play it on a keyboard. All 88 keys take half a minute.",
  inputs: { sounds: SOUNDS },
  main: ["output_format", "keys", "velocities", "step", "hold_s"],
  looks: {
    output_format: { label: "File", words: FORMATS }, keys: { label: "Keys, as 21-108", separator: "-" }, velocities: { label: "Velocity layers" },
    step: { label: "Semitones between samples, at most" }, hold_s: { label: "Seconds for which a note is held" }, kind: { label: "What the sound is", words: { auto: "Automatic", timbre: "A timbre, or a phrase", notes: "A single note" } },
  },
  picture: "Map of keys and velocities, and the spectrum of each key",
  facts: told,
  also: ({ places }) => (places.get("sounds").isSeveral ? { kind: "notes" } : {}),
  onchange: ({ places, fields }) => {
    const { isSeveral } = places.get("sounds");
    for (const name of ["hold_s", "kind"]) fields.show(name, !isSeveral);
  },
}]);
