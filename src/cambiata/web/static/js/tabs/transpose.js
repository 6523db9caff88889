// Pitch and speed: a recording moved to another pitch or key, or made longer or shorter.

import { el } from "../dom.js";
import { toolTab } from "../tool.js";

const RECORDING = { label: "Recording", hint: "Any instruments and voices.", example: "trumpet.ogg" };
const BEFORE = { label: "Before" };
const BEFORE_AFTER = "Spectrograms of before and after";
const signed = (number) => (number > 0 ? "+" : "") + Math.round(100 * number) / 100;

function moved({ semitones, from_key, to_key }) {
  return el("p", {}, `Moved by ${signed(semitones)} semitones${from_key ? `, from ${from_key} to ${to_key}` : ""}.`);
}

/** Builds the tab. */
export const build = toolTab("transpose", [
  {
    verb: "transpose", label: "Another pitch", go: "Transpose", inputs: { recording: RECORDING },
    oneOf: { label: "Move it", choices: { "by semitones": ["semitones"], "to a key": ["key", "from_key"] } },
    main: ["semitones", "key", "from_key", "formant"],
    looks: {
      semitones: { label: "Semitones up", value: 2 }, key: { label: "Key: D, Bb, F#m" }, from_key: { label: "Its own key" },
      formant: { label: "Formants", words: { keep: "Stay: voices keep their character", follow: "Move along, as on a faster tape" } },
    },
    tracks: { recording: BEFORE }, picture: BEFORE_AFTER, facts: moved,
  },
  {
    verb: "stretch", label: "Another speed", go: "Stretch", inputs: { recording: RECORDING },
    oneOf: { label: "Make it", choices: { "times as long": ["factor"], "as long as": ["duration_s"], "of another tempo": ["tempo"] } },
    main: ["factor", "duration_s", "tempo"],
    looks: { factor: { label: "Times as long", value: 1.25 }, duration_s: { label: "Length (s)" }, tempo: { label: "From a tempo to another, as 120=90", separator: "=" } },
    tracks: { recording: BEFORE }, picture: BEFORE_AFTER, facts: ({ factor, duration_s }) => el("p", {}, `${Math.round(1000 * factor) / 1000} times as long: ${duration_s.toFixed(1)} s.`),
  },
]);
