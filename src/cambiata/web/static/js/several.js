// Places for several sounds: each that is chosen, dropped or recorded comes into a list.

import { button, el, newId } from "./dom.js";
import { library } from "./library.js";
import { Slot } from "./slot.js";
import { title } from "./words.js";

/** A list of sounds and the place that they come through. `onchange` after each change of the list. */
export class Several {
  #chosen = new Map();
  onchange = () => {};

  constructor(look) {
    this.slot = new Slot({ ...look, regions: false, several: true });
    this.list = el("ul", { class: "list" });
    this.element = el("div", {}, this.slot.element, this.list);
    this.slot.onchange = () => {
      const { choice } = this.slot;
      if (!choice || this.#chosen.has(choice.ref)) return;
      this.#chosen.set(choice.ref, choice.name);
      this.#show();
    };
  }

  /** Names by reference, in the order in which they came. */
  get chosen() {
    return this.#chosen;
  }

  /** The references; else an error that says what is missing. */
  taken(missing) {
    this.slot.taken(null); // which may still be on its way
    if (!this.#chosen.size && missing) throw new Error(missing);
    return [...this.#chosen.keys()];
  }

  /** Puts instruments that ship into the list. */
  fill(names) {
    for (const { name } of library.named) if (names.includes(name)) this.#chosen.set(name, title(name));
    this.#show();
  }

  #show() {
    this.list.replaceChildren(...[...this.#chosen].map(([ref, name]) => el("li", {}, el("div", { class: "row" }, el("span", { class: "grow" }, name), button("Remove", () => {
      this.#chosen.delete(ref);
      this.#show();
    }, { "aria-label": `Remove ${name}` })))));
    this.onchange();
  }
}

/** Either one sound or several, as the person says. `look` has `one` and `several`, each as of its place. */
export class OneOrSeveral {
  isSeveral = false;
  onchange = () => {};

  constructor({ label, one, several, ...look }) {
    this.slot = new Slot({ ...look, regions: false, ...one });
    this.several = new Several({ ...look, ...several });
    this.label = label;
    const group = newId("one-or-several");
    const choice = (words, isSeveral) => el("label", {}, el("input", { type: "radio", name: group, checked: !isSeveral, onchange: () => this.#choose(isSeveral) }), words);
    this.element = el("div", {}, el("fieldset", { class: "pick spaced" }, el("legend", { class: "hidden" }, label), choice(one.label, false), choice(several.label, true)),
      this.slot.element, this.several.element);
    this.#choose(false);
  }

  taken(missing) {
    return this.isSeveral ? this.several.taken(missing) : this.slot.taken(missing);
  }

  #choose(isSeveral) {
    this.isSeveral = isSeveral;
    this.slot.element.hidden = isSeveral;
    this.several.element.hidden = !isSeveral;
    this.onchange();
  }
}
