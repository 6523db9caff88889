// The map of timbres: alike ones lie near each other; a place between them is a mix.

import { announce } from "./announce.js";
import { el, newId, svg } from "./dom.js";

const HEIGHT = 460;
const MARGIN = 52;
// A mix of more than three is hardly told from one of three.
const NEAREST = 3;
// Nearer than this a click means the timbre itself.
const ON_POINT = 14;
const STEP = 18;

/** Shares of the nearest points by inverse distance. @returns {{ref: string, name: string, share: number}[]} */
export function sharesAt(points, x, y) {
  const near = points.map((point) => ({ ...point, distance: Math.hypot(point.px - x, point.py - y) })).sort((a, b) => a.distance - b.distance);
  if (!near.length) return [];
  if (near[0].distance < ON_POINT) return [{ ...near[0], share: 1 }];
  const chosen = near.slice(0, NEAREST);
  const total = chosen.reduce((sum, { distance }) => sum + 1 / distance, 0);
  const rounded = chosen.map((point) => ({ ...point, share: Math.round((100 / point.distance) / total) / 100 })).filter(({ share }) => share >= 0.05);
  const sum = rounded.reduce((all, { share }) => all + share, 0);
  return rounded.map((point) => ({ ...point, share: Math.round((100 * point.share) / sum) / 100 }));
}

/** "60 % cello, 40 % flute". */
export const mixWords = (shares) => shares.map(({ name, share }) => (shares.length === 1 ? name : `${Math.round(100 * share)} % ${name}`)).join(", ");

/** The map. `onpick(shares)` when a place is clicked or Enter is pressed. */
export class TimbreMap {
  #points = [];
  #given = [];
  #width = 720;
  #dragged = false;
  #at = { x: 360, y: HEIGHT / 2 };

  constructor(onpick) {
    this.onpick = onpick;
    const id = newId("map");
    this.words = el("p", { class: "soft" });
    this.svg = svg("svg", { role: "application", tabindex: 0, "aria-label": "Map of timbres", "aria-describedby": id,
      onpointerdown: (event) => this.#drag(event, true), onpointermove: (event) => this.#drag(event, this.#dragged), onpointerup: (event) => this.#drop(event),
      onpointercancel: () => { this.#dragged = false; }, onkeydown: (event) => this.#key(event) });
    this.element = el("div", { class: "map" }, this.svg, this.words, el("p", { class: "hint", id }, "Click between timbres, or drag the cross, to hear their mix. Keys: the arrows move the cross, Enter hears the place."));
    new ResizeObserver(() => this.show(this.#given)).observe(this.element);
  }

  /** Draws points, {ref, name, kind, x, y} with x and y from -1 to 1. */
  show(points) {
    this.#given = points;
    const width = Math.max(320, Math.round(this.element.clientWidth));
    if (this.element.clientWidth && width !== this.#width) {
      this.#at.x *= width / this.#width;
      this.#width = width;
    }
    this.svg.setAttribute("viewBox", `0 0 ${this.#width} ${HEIGHT}`);
    const place = (value, length) => MARGIN + ((value + 1) / 2) * (length - 2 * MARGIN);
    // The second dimension says less and is drawn up to twice as large, so that names have room.
    const stretch = Math.min(2, 1 / Math.max(0.1, ...points.map(({ y }) => Math.abs(y))));
    this.#points = points.map((point) => ({ ...point, px: place(point.x, this.#width), py: place(-point.y * stretch, HEIGHT) }));
    const dots = this.#points.map(({ px, py }) => [px - 5, py - 5, px + 5, py + 5]);
    const taken = [...dots];
    // One's own are named first: where points are dense, some names find no room.
    const inOrder = [...this.#points].sort((a, b) => (b.kind === "own") - (a.kind === "own"));
    const labels = inOrder.map(({ px, py, name, kind }) => {
      const length = 7 * name.length + 4;
      const free = [[9, 4], [-9 - length, 4], [-length / 2, -9], [-length / 2, 19], [9, 15], [9, -8], [-9 - length, -8]].find(([dx, dy]) => {
        const box = [px + dx, py + dy - 11, px + dx + length, py + dy + 2];
        return box[0] > 0 && box[2] < this.#width && !taken.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]);
      });
      const dot = svg("circle", { cx: px, cy: py, r: 5, fill: kind === "own" ? "var(--style)" : "var(--accent)" }, svg("title", { text: name }));
      if (!free) return dot;
      taken.push([px + free[0], py + free[1] - 11, px + free[0] + length, py + free[1] + 2]);
      return svg("g", {}, dot, svg("text", { x: px + free[0], y: py + free[1], text: name }));
    });
    this.lines = svg("g", { stroke: "var(--edge)", "stroke-width": 1.5 });
    this.cross = svg("path", { d: "M-9 0H9M0-9V9", stroke: "var(--chosen)", "stroke-width": 2.5, fill: "none" });
    this.svg.replaceChildren(this.lines, ...labels, this.cross);
    this.#move(this.#at.x, this.#at.y);
  }

  #move(x, y) {
    this.#at = { x: Math.max(0, Math.min(this.#width, x)), y: Math.max(0, Math.min(HEIGHT, y)) };
    const shares = sharesAt(this.#points, this.#at.x, this.#at.y);
    this.cross?.setAttribute("transform", `translate(${this.#at.x} ${this.#at.y})`);
    this.lines?.replaceChildren(...shares.map(({ px, py }) => svg("line", { x1: this.#at.x, y1: this.#at.y, x2: px, y2: py })));
    this.words.textContent = mixWords(shares);
    return shares;
  }

  #drag(event, dragged) {
    this.#dragged = dragged;
    if (!dragged) return [];
    this.svg.setPointerCapture(event.pointerId);
    const box = this.svg.getBoundingClientRect();
    return this.#move(((event.clientX - box.left) / box.width) * this.#width, ((event.clientY - box.top) / box.height) * HEIGHT);
  }

  #drop(event) {
    const shares = this.#drag(event, this.#dragged);
    this.#dragged = false;
    if (shares.length) this.onpick(shares);
  }

  #key(event) {
    const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP], Enter: [0, 0] }[event.key];
    if (!by) return;
    event.preventDefault();
    const shares = this.#move(this.#at.x + by[0], this.#at.y + by[1]);
    if (event.key === "Enter") this.onpick(shares);
    else announce(mixWords(shares));
  }
}
