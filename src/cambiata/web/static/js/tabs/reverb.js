// Reverb: rooms measured, put on a sound, matched, estimated, simulated, taken out.

import { el } from "../dom.js";
import { table, toolTab } from "../tool.js";

const RECORDING = { label: "Sound", example: "trumpet.ogg" };
const isRoom = ({ verb, result }) => Boolean(["reverb-room", "reverb-capture"].includes(verb) && result.sounds.output && result.report.octaves);
const ROOM = { label: "Room", hint: "An impulse response: one that you measured or simulated here, or any file of one.", ink: "style", follows: isRoom };
const SWEEP = { label: "Sweep", hint: "The very file that was played in the room; none for a clap, a balloon or a pistol.", ink: "style", follows: ({ verb }) => verb === "reverb-sweep" };
const IN_ROOM = { label: "Recording in the room", hint: "Begin before the sweep (or the clap), and stop after its last chirp and its echo." };
const REFERENCE = { label: "Reference: the room", hint: "Music or speech in the room that is meant, ten seconds or more, with pauses or short notes.", ink: "style" };

const number = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits));

/** Measures of a room by octaves; what is hidden by noise is a dash. */
function octaves({ octaves: rows, rt60_s, drift_ppm, onset_s }) {
  if (!rows) return [];
  const isMeasured = rows.some(({ edt_s, c50_db }) => edt_s !== null || c50_db !== null);
  const words = [`Reverberation time ${isMeasured ? "" : "about "}${number(rt60_s, 2)} s`, onset_s !== null && `found at ${number(onset_s, 2)} s`, drift_ppm !== null && `clocks ${number(drift_ppm, 0)} ppm apart`];
  const head = isMeasured ? ["Octave (Hz)", "RT60 (s)", "EDT (s)", "C50 (dB)", "Noise (dB)"] : ["Octave (Hz)", "RT60 (s)"];
  const cells = rows.map((each) => [number(each.centre_hz, 0), number(each.rt60_s, 2), number(each.edt_s, 2), number(each.c50_db, 1), number(each.noise_db, 0)]);
  return [el("p", {}, `${words.filter(Boolean).join(", ")}.`), table(head, cells.map((row) => row.slice(0, head.length)))];
}

/** Times of a reverb that was laid on a sound. */
function times({ rt60_s }) {
  if (!rt60_s) return [];
  return table(["Octave (Hz)", "RT60 (s)"], Object.entries(rt60_s).map(([centre_hz, time_s]) => [number(Number(centre_hz), 0), number(time_s, 2)]));
}

const BEFORE = { label: "Before" };
const AMOUNT = ["sound", "all of the reverb"];
const BEFORE_AFTER = "Spectrograms of before and after";
const DECAY = "Decay of each octave";

/** Builds the tab. */
export const build = toolTab("reverb", [
  {
    verb: "reverb-room", label: "Simulate a room", go: "Simulate", inputs: { recording: RECORDING },
    hint: "Length, width and height in metres; listener and source lie in the room, counted from a corner. Without a sound, the room's impulse response is made.",
    main: ["size", "listener", "source", "path", "rt60_s", "n_channels", "tail_s", "amount"], ends: AMOUNT,
    looks: {
      size: { label: "Size of the room (m)", separator: "x", value: [8, 5, 3] }, listener: { label: "Listener (m)", value: [2, 2, 1.5] }, source: { label: "Source (m)", value: [6, 3, 1.5] },
      path: { label: "The source moves to (m)" }, rt60_s: { label: "Reverberation time (s)" }, n_channels: { label: "Receivers: 1 or 2" }, absorption: { label: "Absorption of the walls, instead" },
    },
    tracks: { recording: BEFORE }, picture: `${DECAY}, or ${BEFORE_AFTER.toLowerCase()}`, facts: octaves, unfold: ({ octaves: rows }) => rows,
  },
  {
    verb: "reverb-apply", label: "Put into a measured room", go: "Put into the room", inputs: { recording: RECORDING, room: ROOM },
    main: ["amount", "tail_s"], ends: AMOUNT, tracks: { recording: BEFORE }, picture: BEFORE_AFTER,
  },
  {
    verb: "reverb-match", label: "Match a recording", go: "Match", inputs: { dry: RECORDING, reference: REFERENCE },
    main: ["amount", "direct_db", "tail_s"], ends: AMOUNT,
    looks: { direct_db: { label: "Direct sound against the reverb", slider: { minimum: -20, maximum: 20, step: 0.5 }, describe: (level) => `${level} dB` } },
    tracks: { dry: BEFORE, reference: { label: "Reference", repeat: true } }, picture: BEFORE_AFTER, facts: times,
  },
  {
    verb: "reverb-remove", label: "Less reverb", go: "Take it out", inputs: { recording: RECORDING },
    main: ["amount"], ends: ["sound", "all that is found"], tracks: { recording: BEFORE }, picture: BEFORE_AFTER,
  },
  { verb: "reverb-estimate", label: "How long it rings", go: "Estimate", inputs: { recording: RECORDING }, picture: "Decay of each octave, estimated", facts: octaves },
  {
    verb: "reverb-sweep", label: "Measure: the sweep", go: "Make the sweep", inputs: {},
    hint: "A room is measured in two steps: make this sweep and play it in the room over a loudspeaker while you record; then take the recording to the next step. A clap needs no sweep.",
    main: ["duration_s", "tail_s", "low_hz", "high_hz"],
    looks: {
      duration_s: { label: "Length of the sweep (s)" }, tail_s: { label: "Silence after it (s)" }, low_hz: { label: "Lowest frequency (Hz)" }, high_hz: { label: "Highest frequency (Hz)" },
      level_db: { label: "Level (dB)" }, sample_rate: { label: "Sample rate (Hz)" }, output_format: { label: "Format" },
    },
  },
  {
    verb: "reverb-capture", label: "Measure: the room", go: "Measure the room", inputs: { recording: IN_ROOM, sweep: SWEEP }, picture: DECAY, facts: octaves, unfold: () => true,
    hint: "What comes out is the room's impulse response: put sounds into it with “Put into a measured room”.",
    looks: { output_format: { label: "Format" } },
  },
]);
