// Elements of the page, made by one function.

let counter = 0;

/** An identifier that no other element has. @type {(stem: string) => string} */
export const newId = (stem) => `${stem}-${++counter}`;

const isListener = (key, value) => key.startsWith("on") && typeof value === "function";

/** An element: `props` are attributes, on-listeners, `class`, `text`; false and null leave one out. */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (key === "text") element.textContent = value;
    else if (isListener(key, value)) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An SVG element with attributes. @type {(tag: string, props?: object, ...children: Node[]) => SVGElement} */
export function svg(tag, props = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (key === "text") element.textContent = value;
    else if (isListener(key, value)) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.flat().filter(Boolean));
  return element;
}

/** A button. @type {(text: string, onclick: (event: Event) => void, props?: object) => HTMLButtonElement} */
export const button = (text, onclick, props = {}) => el("button", { type: "button", onclick, ...props }, text);

/** Gives a button its visible text, and for screen readers what it is about. */
export function setText(element, text, about) {
  element.replaceChildren(text, el("span", { class: "hidden" }, `: ${about}`));
}

/** A "?" that opens an explanation, and the explanation. @returns {[HTMLElement, HTMLElement]} */
export function help(about, text) {
  const id = newId("help");
  const note = el("p", { id, class: "help", hidden: true }, text);
  const mark = button("?", () => {
    note.hidden = !note.hidden;
    mark.setAttribute("aria-expanded", String(!note.hidden));
  }, { class: "mark", "aria-expanded": "false", "aria-controls": id, "aria-label": `What is ${about}?` });
  return [mark, note];
}

/** A colour of the style sheet, for canvases. @type {(name: string) => string} */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Calls `redraw` when the scheme turns dark or light. */
export function onScheme(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

/** A canvas's context, sized to its box at the screen's resolution. @returns {[CanvasRenderingContext2D, number, number]} */
export function sized(canvas) {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const width = Math.max(1, canvas.clientWidth);
  const height = Math.max(1, canvas.clientHeight);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return [context, width, height];
}
