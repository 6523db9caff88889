// Simple engraving: voices on staves as SVG, with bars that can be marked.

import { GLYPHS } from "../vendor/glyphs.js";
import { svg } from "./dom.js";

// Distance of two lines of a staff, in pixels; a glyph's 1000 units are four of them.
const SPACE = 9;
const SCALE = (4 * SPACE) / 1000;
const CLEF_PX = 34;
const LETTERS = { C: 0, D: 1, E: 2, F: 3, G: 4, A: 5, B: 6 };
// As in the modes' musica ficta: leading notes sharp, B and E flat.
const SPELLED = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"];
// Bottom lines: E4 and G2.
const BOTTOM = { gClef: 4 * 7 + 2, fClef: 2 * 7 + 4 };

/** Diatonic step, C0 is 0, and the accidental of a pitch. @type {(pitch: number) => {step: number, sign: string}} */
export function spelled(pitch) {
  const [letter, sign = ""] = SPELLED[pitch % 12];
  return { step: (Math.floor(pitch / 12) - 1) * 7 + LETTERS[letter], sign };
}

const glyph = (name, x, y, className) =>
  svg("path", { d: GLYPHS[name][1], transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${SCALE} ${-SCALE})`, fill: "currentColor", class: className });
const line = (x1, y1, x2, y2, width = 1) => svg("line", { x1, y1, x2, y2, stroke: "currentColor", "stroke-width": width });

/** A score's parts as voices in quarter notes, bars of equal length. */
export function voicesOf({ parts, bars_s, metres, duration_s }) {
  const [count, unit] = (metres[0]?.[1] || "4/4").split("/").map(Number);
  const quarters = (4 * count) / unit;
  const bars = bars_s.length ? bars_s : [0];
  const lengthOf = (index) => (bars[index + 1] ?? (index ? 2 * bars[index] - bars[index - 1] : duration_s || 2)) - bars[index] || 1;
  const place = (seconds) => {
    let index = bars.length - 1;
    while (index > 0 && bars[index] > seconds + 0.02) index--;
    return Math.round(4 * quarters * (index + (seconds - bars[index]) / lengthOf(index))) / 4;
  };
  const voices = parts.filter(({ notes }) => notes.length).map(({ name, notes }) => ({
    name, notes: notes.map(([start, end, pitch]) => ({ at: place(start), length: Math.max(0.25, place(end) - place(start)), pitch })),
  }));
  return { voices, quarters };
}

/** A voice's notes cut at bar lines; those that go on are tied. */
function inBars({ notes }, quarters) {
  return notes.flatMap((note) => {
    const pieces = [];
    let { at } = note;
    const end = note.at + note.length;
    while (at < end - 1e-6) {
      const bar = Math.floor(at / quarters + 1e-6), until = Math.min(end, (bar + 1) * quarters);
      pieces.push({ note, bar, from: at - bar * quarters, length: until - at, tied: until < end - 1e-6 });
      at = until;
    }
    return pieces;
  });
}

function noteHead(length) {
  if (length >= 4) return ["whole", false];
  return length >= 2 ? ["half", true] : ["black", true];
}

function drawNote(group, { note, length }, x, top, clef, sign, className) {
  const y = top + 4 * SPACE - ((spelled(note.pitch).step - BOTTOM[clef]) * SPACE) / 2;
  const [head, stemmed] = noteHead(length);
  const width = GLYPHS[head][0] * SCALE;
  for (let at = top - SPACE; at >= y - 1; at -= SPACE) group.append(line(x - 4, at, x + width + 4, at));
  for (let at = top + 5 * SPACE; at <= y + 1; at += SPACE) group.append(line(x - 4, at, x + width + 4, at));
  group.append(glyph(head, x, y, className));
  if (sign) group.append(glyph(sign, x - GLYPHS[sign][0] * SCALE - 2, y, className));
  if ([3, 1.5, 0.75, 6].includes(length)) group.append(svg("circle", { cx: x + width + 4, cy: y - SPACE / 4, r: 1.6, fill: "currentColor" }));
  if (!stemmed) return y;
  const up = y > top + 2 * SPACE, stemX = up ? x + width - 0.6 : x + 0.6, tip = y + (up ? -3.5 : 3.5) * SPACE;
  group.append(line(stemX, y, stemX, tip, 1.3));
  if (length < 1) group.append(glyph(`flag${length < 0.5 ? 16 : 8}${up ? "Up" : "Down"}`, stemX - 0.6, tip));
  return y;
}

/** Signs shown: of altered notes, and naturals where the bar had the letter altered before. */
function signOf(altered, pitch) {
  const { step, sign } = spelled(pitch);
  const before = altered.get(step) || "";
  altered.set(step, sign);
  if (sign === before) return null;
  return { "#": "sharp", b: "flat", "": "natural" }[sign];
}

/** Bars in lines no wider than `width`. */
function lines(widths, width) {
  const found = [[]];
  let used = CLEF_PX;
  widths.forEach((bar, index) => {
    if (used + bar > width && found.at(-1).length) {
      found.push([]);
      used = CLEF_PX;
    }
    found.at(-1).push(index);
    used += bar;
  });
  return found;
}

/**
 * Voices engraved within `width` pixels. `marks` are bars in words: {bar (from 1), words}; `chosen` a note.
 * @returns {{element: SVGElement, places: {note: object, voice: number, x: number, y: number}[]}}
 */
export function engrave({ voices, quarters }, { width, label, marks = [], chosen = null }) {
  const pieces = voices.map((voice) => inBars(voice, quarters));
  const count = Math.max(1, ...pieces.flat().map(({ bar }) => bar + 1));
  const widths = Array.from({ length: count }, (_, bar) =>
    20 + Math.max(34, ...pieces.map((voice) => 24 * Math.max(...voice.filter((piece) => piece.bar === bar).map(({ length }) => quarters / Math.min(length, quarters)), 1))));
  const clefs = voices.map(({ notes }) => (notes.reduce((sum, { pitch }) => sum + pitch, 0) / notes.length >= 59 ? "gClef" : "fClef"));
  const staffGap = 9 * SPACE, systemGap = (voices.length - 1) * staffGap + 10.5 * SPACE;
  const rows = lines(widths, width);
  const full = Math.max(...rows.map((bars) => CLEF_PX + bars.reduce((sum, bar) => sum + widths[bar], 0))) + 2;
  const height = rows.length * systemGap + SPACE;
  const element = svg("svg", { width: full, height, viewBox: `0 0 ${full} ${height}`, role: "img", "aria-label": label });
  const places = [];
  rows.forEach((bars, row) => {
    const tops = voices.map((_, voice) => row * systemGap + 4.5 * SPACE + voice * staffGap);
    const end = CLEF_PX + bars.reduce((sum, bar) => sum + widths[bar], 0);
    const bottom = tops.at(-1) + 4 * SPACE;
    voices.forEach((_, voice) => {
      for (let each = 0; each < 5; each++) element.append(line(0, tops[voice] + each * SPACE, end, tops[voice] + each * SPACE));
      element.append(glyph(clefs[voice], 4, tops[voice] + (clefs[voice] === "gClef" ? 3 : 1) * SPACE));
    });
    element.append(line(0.5, tops[0], 0.5, bottom));
    let x = CLEF_PX;
    for (const bar of bars) {
      const mark = marks.find((each) => each.bar === bar + 1);
      if (mark) element.prepend(svg("rect", { x, y: tops[0] - 1.5 * SPACE, width: widths[bar], height: bottom - tops[0] + 3 * SPACE, class: "bad", fill: "currentColor", opacity: 0.16 }, svg("title", { text: mark.words })));
      element.append(svg("text", { x: x + 2, y: tops[0] - 2 * SPACE, "font-size": 11, fill: "currentColor", class: mark ? "bad" : null, text: bar + 1 }));
      voices.forEach((_, voice) => {
        const altered = new Map();
        for (const piece of pieces[voice].filter((each) => each.bar === bar)) {
          const at = x + 20 + ((widths[bar] - 26) * piece.from) / quarters;
          const tiedFrom = piece.note.at < bar * quarters - 1e-6;
          const sign = signOf(altered, piece.note.pitch);
          const y = drawNote(element, piece, at, tops[voice], clefs[voice], tiedFrom ? null : sign, piece.note === chosen ? "bad" : null);
          if (piece.tied) element.append(svg("path", { d: `M${at + 8} ${y + 8}q${(x + widths[bar] + 20 - at) / 2 - 4} 8 ${x + widths[bar] + 12 - at} 0`, fill: "none", stroke: "currentColor", "stroke-width": 1.4 }));
          places.push({ note: piece.note, voice, x: at, y, top: tops[voice], clef: clefs[voice] });
        }
      });
      x += widths[bar];
      element.append(line(x, tops[0], x, bottom, bar === count - 1 ? 3 : 1));
    }
  });
  return { element, places };
}
