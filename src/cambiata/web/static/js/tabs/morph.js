// Morph: the sound between two others.

import { el, newId } from "../dom.js";
import { toolTab } from "../tool.js";

const share = (number) => `${Math.round(100 * number)} %`;
const PITCHES = { between: "Between both", a: "The first sound's", b: "The second sound's" };

function told({ kind, n_notes, amount, amount_end, over_s }) {
  const what = kind === "notes" ? `${n_notes} note${n_notes === 1 ? "" : "s"} morphed` : "The first sound's notes, with a timbre between both";
  return el("p", {}, `${what}, at ${share(amount)}${amount_end === amount ? "" : ` to ${share(amount_end)} over ${over_s.toFixed(1)} s`}.`);
}

/** Where the amount goes, if it moves. */
function endOf(tool) {
  const id = newId("moves");
  tool.moves = el("input", { type: "checkbox", id });
  tool.end = el("input", { type: "range", id: `${id}-end`, min: 0, max: 1, step: 0.01, value: 1, "aria-label": "Amount at the end" });
  const output = el("output", { for: `${id}-end` }, share(1));
  tool.end.addEventListener("input", () => {
    output.textContent = share(tool.end.value);
    tool.end.setAttribute("aria-valuetext", output.textContent);
  });
  const slider = el("div", { class: "slider" }, tool.end, output);
  const show = () => {
    slider.hidden = !tool.moves.checked;
    tool.fields.show("over_s", tool.moves.checked);
  };
  tool.moves.addEventListener("input", show);
  tool.update = show;
  return el("div", { class: "field" }, el("div", { class: "field check" }, tool.moves, el("label", { for: id }, "It moves, to this amount")), slider);
}

/** Builds the tab. */
export const build = toolTab("morph", [{
  verb: "morph", label: "Morph", go: "Morph",
  hint: "Single notes, or phrases of as many notes, are morphed note by note; of any other music, the first sound's notes are played with a timbre between both.",
  inputs: { a: { label: "A: the first sound", example: "trumpet.ogg" }, b: { label: "B: the second sound", example: "cello.flac", ink: "style" } },
  main: ["amount", "over_s", "pitch"], ends: ["A", "B"],
  looks: { over_s: { label: "Until when it moves (s)" }, pitch: { label: "Pitch", words: PITCHES } },
  extra: endOf,
  also: ({ moves, end, fields }) => (moves.checked ? { amount: [fields.get("amount").read(), Number(end.value)] } : {}),
  tracks: { a: { label: "A", repeat: true }, b: { label: "B", repeat: true } }, picture: "Both sounds, the result, and the path of its partials", facts: told, unfold: () => true,
}]);
