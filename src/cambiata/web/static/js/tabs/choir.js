// Choir: a choir or a section made of one voice or instrument.

import { el } from "../dom.js";
import { toolTab } from "../tool.js";

const SHARE = { slider: { minimum: 0, maximum: 1, step: 0.01 }, describe: (share) => `${Math.round(100 * share)} %` };

function sung({ voices, parts, key, is_one_voice }) {
  const words = `${voices} voice${voices === 1 ? "" : "s"}${parts ? ` in parts ${parts}, ${key}` : ""}.`;
  return el("p", {}, is_one_voice ? words : `${words} Several notes sound at once: the whole recording was doubled.`);
}

/** Builds the tab. */
export const build = toolTab("choir", [{
  verb: "choir", label: "Choir", go: "Let them sing", inputs: { recording: { label: "Voice", hint: "One voice or one instrument.", example: "trumpet.ogg" } },
  main: ["voices", "parts", "key", "spread", "room", "lead", "tail_s"],
  looks: {
    parts: { label: "Parts, as SATB" }, key: { label: "Key of the parts: D, Bb, F#m" }, spread: { label: "How far they differ", ...SHARE },
    room: { label: "Where they stand", words: { small: "A small room", hall: "A hall", none: "No room" } }, lead: { label: "The singer as recorded", ...SHARE },
  },
  tracks: { recording: { label: "Alone" } }, picture: "Pitches, times and places of the voices", facts: sung, unfold: () => true,
}]);
