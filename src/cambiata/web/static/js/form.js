// Form fields from the interface's schema: one description draws them, documents and checks them.

import { el, help, newId } from "./dom.js";
import { title } from "./words.js";

/** The plain part of a schema that may be null. */
function plain(schema) {
  const options = schema.anyOf || [schema];
  const kinds = options.filter(({ type }) => type !== "null");
  return { nullable: kinds.length < options.length, kinds, kind: { ...schema, ...kinds[0] } };
}

function slider(id, { minimum = 0, maximum = 1, step }, value, describe) {
  const input = el("input", { type: "range", id, min: minimum, max: maximum, step: step || (maximum - minimum) / 100, value });
  const output = el("output", { for: id });
  const show = () => {
    output.textContent = describe(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", show);
  show();
  return { control: el("div", { class: "slider" }, input, output), input, read: () => Number(input.value), show };
}

function select(id, choices, value, words) {
  const input = el("select", { id }, choices.map((choice) =>
    el("option", { value: choice === null ? "" : String(choice), selected: choice === value }, words[choice ?? ""] || (choice === null ? "Automatic" : title(String(choice))))));
  const byText = new Map(choices.map((choice) => [choice === null ? "" : String(choice), choice]));
  return { control: input, input, read: () => byText.get(input.value) };
}

function entry(id, kind, nullable, value, many) {
  const numeric = ["number", "integer"].includes(kind.type) && !many;
  const input = el("input", {
    id, type: numeric ? "number" : "text", value: value ?? "", min: kind.minimum, max: kind.maximum,
    step: kind.type === "integer" ? 1 : "any", placeholder: nullable ? "automatic" : null, autocomplete: "off", spellcheck: "false",
  });
  const read = () => {
    const text = input.value.trim();
    if (text === "") return undefined;
    if (kind.type === "string" && !many) return text;
    return Number.isFinite(Number(text)) ? Number(text) : text;
  };
  return { control: input, input, read };
}

/** "8x5x3" as numbers, "7,4,1.5; 1,1,1" as lists of them; a text that is no such thing as it is. */
export function numbersOf(text, nested) {
  const groups = text.split(";").map((group) => group.trim()).filter(Boolean);
  if (groups.some((group) => /[^-\d.,x×=\s]/.test(group))) return text;
  const lists = groups.map((group) => (group.match(/\d+(\.\d+)?/g) || []).map(Number));
  return nested ? lists : lists.flat();
}

function numbers(id, { items }, value, separator = ",") {
  const nested = items?.type === "array";
  const text = (value || []).map((each) => (nested ? each.join(separator) : each)).join(nested ? "; " : separator);
  const input = el("input", { id, type: "text", value: text, autocomplete: "off", spellcheck: "false", placeholder: nested ? "7,4,1.5; …" : null });
  return { control: input, input, read: () => (input.value.trim() ? numbersOf(input.value, nested) : undefined) };
}

/** "key=value, key=value" as an object of settings. */
export function settingsOf(text) {
  const pairs = text.split(",").map((pair) => pair.split("=").map((part) => part.trim())).filter(([key]) => key);
  return Object.fromEntries(pairs.map(([key, value = ""]) => [key, value !== "" && Number.isFinite(Number(value)) ? Number(value) : value]));
}

/**
 * A field for one option. `look` may give label, words (of choices), choices, explain, describe, slider, value, separator (of numbers).
 * @returns {{element: HTMLElement, name: string, read: () => any, input: HTMLElement, fallback: any}}
 */
export function field(name, schema, look = {}) {
  const { nullable, kinds, kind } = plain(schema);
  const id = newId(name);
  const label = look.label || title(name);
  const fallback = schema.default ?? null;
  const value = look.value ?? fallback;
  const describe = look.describe || ((number) => String(Math.round(100 * number) / 100));
  const choices = look.choices || (kind.enum && [...(nullable ? [null] : []), ...kind.enum]);
  let made;
  if (choices) made = select(id, choices, value, look.words || {});
  else if (kind.type === "boolean") {
    const input = el("input", { type: "checkbox", id, checked: value === true });
    made = { control: input, input, read: () => input.checked };
  } else if (kind.type === "object") {
    const input = el("input", { id, type: "text", placeholder: "key=value, key=value", autocomplete: "off" });
    made = { control: input, input, read: () => (input.value.trim() ? settingsOf(input.value) : undefined) };
  } else if (kind.type === "array") made = numbers(id, kind, value, look.separator);
  else if (look.slider) made = slider(id, { ...kind, ...look.slider }, value, describe);
  else made = entry(id, kind, nullable, value, kinds.length > 1);
  const explained = look.explain || schema.description || kind.description;
  const [mark, note] = explained ? help(label, explained) : [null, null];
  const heading = el("label", { for: id }, label);
  const element = kind.type === "boolean"
    ? el("div", { class: "field check" }, made.control, heading, mark, note)
    : el("div", { class: "field" }, el("div", { class: "row" }, heading, mark), note, made.control);
  element.dataset.option = name;
  return { element, name, fallback, ...made };
}

/** Fields of a verb and their values; those equal to the default are left out of the body. */
export class Fields {
  #fields = new Map();

  add(made) {
    this.#fields.set(made.name, made);
    made.input.addEventListener("input", () => this.onchange?.(made.name));
    return made.element;
  }

  get(name) {
    return this.#fields.get(name);
  }

  show(name, visible) {
    const made = this.#fields.get(name);
    if (made) made.element.hidden = !visible;
  }

  values() {
    const body = {};
    for (const [name, { read, fallback, element }] of this.#fields) {
      if (element.hidden) continue;
      const value = read();
      if (value !== undefined && value !== null && JSON.stringify(value) !== JSON.stringify(fallback)) body[name] = value;
    }
    return body;
  }
}

/** The rest of a verb's options, behind "More settings". */
export function moreSettings(fields, schema, left, looks = {}) {
  const names = left.filter((name) => schema.properties[name] && !fields.get(name));
  const made = names.map((name) => fields.add(field(name, schema.properties[name], looks[name])));
  return el("details", { class: "more" }, el("summary", {}, "More settings"), el("div", { class: "fields" }, made));
}
