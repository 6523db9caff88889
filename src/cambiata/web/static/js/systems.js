// Systems and presets in plain words; what is not named here has the server's own summary.

import { facts } from "./api.js";
import { title } from "./words.js";

const SYSTEMS = {
  oneshot: "Note by note (start here)",
  musaicing: "Mosaic of the style's moments",
  ulyanov: "Texture only (slow)",
  vqvae: "Published network, 16 kHz",
  player: "Note by note (start here)",
  performancenet: "PerformanceNet (published)",
  wavenet: "WaveNet (published, slow)",
  translation: "Ensembles (start here)",
  melody: "Learnt from tunes (start here)",
  pati2018: "Pati 2018: rhythms of a genre",
  retrieval: "Most usual rhythms (a baseline)",
};
const PRESETS = {
  default: "Default",
  "full-band": "Whole sound, drums too",
  driedger2015: "As published in 2015",
  shifted: "Moments may be moved in pitch",
  cifka2021: "As compared in 2021",
  tuned: "Tuned",
  "high-style": "More style",
  supervised: "Supervised",
  "self-supervised": "Self-supervised",
  "mor2018-small": "As published in 2018, small (slow)",
};

/** The systems of a job: choices, words for them, one explanation, presets by system. */
export async function systemsOf(job) {
  const { systems } = await facts("/api/systems");
  const own = systems.filter((system) => system.job === job);
  const presetsOf = (name) => {
    const { presets } = own.find((system) => system.name === name) || {};
    return Array.isArray(presets) ? presets : Object.keys(presets || {});
  };
  return {
    names: own.map(({ name }) => name),
    words: Object.fromEntries(own.map(({ name }) => [name, SYSTEMS[name] || title(name)])),
    explain: own.map(({ name, summary, needs }) => `${SYSTEMS[name] || title(name)} (${name}): ${summary}${needs && needs !== "base install" ? `; needs ${needs}` : ""}.`).join("\n"),
    presetsOf,
  };
}

/** Words for presets. @type {Record<string, string>} */
export const presetWords = PRESETS;

/** A select's choices replaced by a system's presets. */
export function showPresets(made, presets) {
  const several = presets.length > 1;
  made.element.hidden = !several;
  made.input.replaceChildren(...["", ...presets].map((preset) => new Option(preset ? PRESETS[preset] || title(preset) : "Default", preset)));
  made.read = () => made.input.value || null;
}

/** The verb's description: inputs and schema. */
export async function verbNamed(name) {
  const { verbs } = await facts("/api/verbs");
  return verbs.find(({ verb }) => verb === name);
}
