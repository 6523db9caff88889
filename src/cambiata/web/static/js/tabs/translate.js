// Translate: a recording played as ensembles would, which were learnt beforehand.

import { button, el, newId } from "../dom.js";
import { field, Fields, moreSettings } from "../form.js";
import { JobBar } from "../job.js";
import { library } from "../library.js";
import { remembered } from "../remembered.js";
import { Results } from "../results.js";
import { Slot } from "../slot.js";
import { verbNamed } from "../systems.js";
import { title } from "../words.js";
import { amountField, MORE_LOOKS, seedField, systemFields, tracksOf } from "./transfer.js";

const MORE = ["in_place", "unpitched", "tail_s", "output_format", "sample_rate", "n_channels", "subtype", "settings", "strict"];

/** Ensembles and their shares: one, or several that are blended. */
class Blend {
  #rows = [];

  constructor() {
    this.list = el("div");
    this.adding = button("Blend with another", () => this.add());
    this.element = el("section", { class: "card slot", "aria-label": "Ensembles" }, el("h2", {}, "To: who plays"), this.list, el("div", { class: "row" }, this.adding));
    this.add();
  }

  add() {
    const id = newId("ensemble");
    const used = this.#rows.map(({ select }) => select.value);
    const next = library.domains.find(({ name }) => !used.includes(name)) || library.domains[0];
    const select = el("select", { id }, library.domains.map(({ name, own }) => el("option", { value: name, selected: name === next?.name }, `${title(name)}${own ? " (yours)" : ""}`)));
    const share = el("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0.5, "aria-label": "Share" });
    const output = el("output", {}, "50 %");
    const show = () => {
      output.textContent = `${Math.round(100 * share.value)} %`;
      share.setAttribute("aria-valuetext", output.textContent);
    };
    share.addEventListener("input", show);
    const row = { select, share };
    row.slider = el("div", { class: "slider" }, share, output, button("Remove", () => this.#remove(row)));
    row.element = el("div", { class: "field" }, el("label", { for: id, class: "hidden" }, "Ensemble"), select, row.slider);
    this.#rows.push(row);
    this.list.append(row.element);
    show();
    this.#show();
  }

  #remove(row) {
    this.#rows = this.#rows.filter((each) => each !== row);
    row.element.remove();
    this.#show();
    this.adding.focus();
  }

  #show() {
    for (const { slider } of this.#rows) slider.hidden = this.#rows.length < 2;
    this.adding.hidden = this.#rows.length >= Math.min(4, library.domains.length);
  }

  /** Shares by name. */
  get shares() {
    if (this.#rows.length === 1) return { [this.#rows[0].select.value]: 1 };
    const shares = {};
    for (const { select, share } of this.#rows) shares[select.value] = (shares[select.value] || 0) + Number(share.value);
    return shares;
  }
}

/** Builds the tab. */
export async function build(panel) {
  const { schema } = await verbNamed("translate");
  const fields = new Fields();
  const content = new Slot({ label: "Recording", accepts: "recording", ink: "content" });
  const blend = new Blend();
  const main = [
    ...(await systemFields(fields, schema, "translate")), amountField(fields, schema, ["recording", "full translation"]),
    fields.add(field("octave", schema.properties.octave, { label: "Octaves of the notes", choices: [null, -2, -1, 1, 2], words: { "": "As they are", "-2": "Two down", "-1": "One down", 1: "One up", 2: "Two up" } })),
    seedField(fields, schema),
  ];
  const more = moreSettings(fields, schema, MORE, MORE_LOOKS);
  const results = new Results({ verbs: ["translate"], tracksOf });
  const request = () => {
    content.taken("recording: nothing is chosen; choose, drop or record a sound");
    const part = content.region ? { start_s: content.region.start, end_s: content.region.end } : {};
    return { verb: "translate", body: { content: content.choice.ref, to: blend.shares, ...part, ...fields.values() } };
  };
  const bar = new JobBar({ key: "translate", label: "Translate", request, ondone: (job) => results.show(job) });
  panel.replaceChildren(el("h2", { class: "hidden" }, "Translate"), el("div", { class: "columns" }, content.element, blend.element),
    el("section", {}, el("div", { class: "fields" }, main), more), bar.element, results.element);
  await remembered("translate-content", content, library.example("trumpet.ogg")?.id);
  await bar.resume();
  await results.refresh();
  return { show: (job) => bar.show(job) };
}
