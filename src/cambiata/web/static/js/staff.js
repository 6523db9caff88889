// Simple engraving: voices on staves as SVG, with bars that can be marked.

import { GLYPHS } from "../vendor/glyphs.js";
import { svg } from "./dom.js";

// Distance of two lines of a staff, in pixels; a glyph's 1000 units are four of them.
const SPACE = 9;
const SCALE = (4 * SPACE) / 1000;
const CLEF_PX = 34;
const SIGN_PX = 9;
const METRE_PX = 18;
// Letters by fifths, each with its step and its semitones above C.
const FIFTHS = [["F", 3, 5], ["C", 0, 0], ["G", 4, 7], ["D", 1, 2], ["A", 5, 9], ["E", 2, 4], ["B", 6, 11]];
// Of the fifths around a signature's tonic those that are spelt, as cambiata.score.spelling has it: in C
// from E flat to G sharp, as in the modes' musica ficta.
const LOWEST = -3;
const SIGNS = { "-1": "flat", 0: "natural", 1: "sharp" };
// Where a signature's signs stand under a G clef, as steps; under an F clef they are two octaves lower.
const SHARPS = [38, 35, 39, 36, 33, 37, 34], FLATS = [34, 37, 33, 36, 32, 35, 31];
// Beams: how thick, how far apart, how steep at most, and how long the shortest stem, in spaces.
const BEAM = { thick: 0.5, apart: 0.75, rise: 1, stem: 2.75 };
// Bottom lines: E4 and G2.
const BOTTOM = { gClef: 4 * 7 + 2, fClef: 2 * 7 + 4 };

const modulo = (value, by) => ((value % by) + by) % by;

/** Diatonic step, C0 is 0, and alteration of a pitch in a key. @type {(pitch: number, fifths?: number) => {step: number, alter: number}} */
export function spelled(pitch, fifths = 0) {
  const place = modulo(7 * pitch - fifths - LOWEST, 12) + fifths + LOWEST + 1;
  const [, step, semitones] = FIFTHS[modulo(place, 7)];
  const alter = Math.floor(place / 7);
  return { step: (Math.floor((pitch - alter - semitones) / 12) - 1) * 7 + step, alter };
}

/** Alteration that a signature gives a step. */
const signature = (step, fifths) => Math.floor((fifths - FIFTHS.findIndex((each) => each[1] === modulo(step, 7)) + 6) / 7);

const glyph = (name, x, y, className) =>
  svg("path", { d: GLYPHS[name][1], transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${SCALE} ${-SCALE})`, fill: "currentColor", class: className });
const line = (x1, y1, x2, y2, width = 1) => svg("line", { x1, y1, x2, y2, stroke: "currentColor", "stroke-width": width });

/** A score's parts as voices in quarter notes, bars of equal length. */
export function voicesOf({ parts, bars_s, metres, duration_s, fifths = 0 }) {
  const metre = metres[0]?.[1] || "4/4";
  const [count, unit] = metre.split("/").map(Number);
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
  return { voices, quarters, metre, fifths };
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

/** Draws a note without its stem. @returns {{x: number, y: number, width: number, stemmed: boolean}} */
function drawNote(group, { note, length }, x, top, clef, sign, className, fifths) {
  const y = top + 4 * SPACE - ((spelled(note.pitch, fifths).step - BOTTOM[clef]) * SPACE) / 2;
  const [head, stemmed] = noteHead(length);
  const width = GLYPHS[head][0] * SCALE;
  for (let at = top - SPACE; at >= y - 1; at -= SPACE) group.append(line(x - 4, at, x + width + 4, at));
  for (let at = top + 5 * SPACE; at <= y + 1; at += SPACE) group.append(line(x - 4, at, x + width + 4, at));
  group.append(glyph(head, x, y, className));
  if (sign) group.append(glyph(sign, x - GLYPHS[sign][0] * SCALE - 2, y, className));
  if ([3, 1.5, 0.75, 6].includes(length)) group.append(svg("circle", { cx: x + width + 4, cy: y - SPACE / 4, r: 1.6, fill: "currentColor" }));
  return { x, y, width, stemmed };
}

const stemAt = ({ x, width }, up) => (up ? x + width - 0.6 : x + 0.6);

/** Notes of a voice in a bar that one beam holds: shorter than a quarter, one after the other, within a beat. */
function beamed(notes, beat) {
  const groups = [];
  for (const note of notes) {
    const before = groups.at(-1)?.at(-1);
    const joined = before && note.length < 1 && before.length < 1 && Math.abs(before.from + before.length - note.from) < 1e-6
      && Math.floor(before.from / beat + 1e-6) === Math.floor(note.from / beat + 1e-6);
    if (joined) groups.at(-1).push(note);
    else groups.push([note]);
  }
  return groups;
}

function drawBeam(group, notes, top) {
  const up = notes.reduce((sum, { y }) => sum + y, 0) / notes.length > top + 2 * SPACE, sign = up ? -1 : 1;
  const at = notes.map((note) => stemAt(note, up));
  const rise = Math.max(-BEAM.rise, Math.min(BEAM.rise, (notes.at(-1).y - notes[0].y) / SPACE / 2)) * SPACE;
  const sloped = (x) => (rise * (x - at[0])) / (at.at(-1) - at[0]);
  // As far from the heads as the note that is nearest to the beam wants it.
  const from = sign * Math.max(...notes.map(({ y }, index) => sign * (y - sloped(at[index])) + BEAM.stem * SPACE));
  const tip = (x) => from + sloped(x);
  const beam = (x1, x2, level) => {
    const near = -sign * level * BEAM.apart * SPACE, far = near - sign * BEAM.thick * SPACE;
    group.append(svg("path", { d: `M${x1} ${tip(x1) + near}L${x2} ${tip(x2) + near}V${tip(x2) + far}L${x1} ${tip(x1) + far}Z`, fill: "currentColor" }));
  };
  notes.forEach(({ y }, index) => group.append(line(at[index], y, at[index], tip(at[index]), 1.3)));
  beam(at[0], at.at(-1), 0);
  notes.forEach(({ length }, index) => {
    if (length >= 0.5) return;
    if (notes[index + 1]?.length < 0.5) beam(at[index], at[index + 1], 1);
    else if (!(notes[index - 1]?.length < 0.5)) beam(at[index], at[index] + (index ? -1 : 1) * SPACE, 1);
  });
}

/** Draws the stems of a voice's notes in a bar, with flags and beams. */
function drawStems(group, notes, top, beat) {
  for (const joined of beamed(notes, beat)) {
    if (joined.length > 1) {
      drawBeam(group, joined, top);
      continue;
    }
    const [note] = joined;
    if (!note.stemmed) continue;
    const up = note.y > top + 2 * SPACE, x = stemAt(note, up), tip = note.y + (up ? -3.5 : 3.5) * SPACE;
    group.append(line(x, note.y, x, tip, 1.3));
    if (note.length < 1) group.append(glyph(`flag${note.length < 0.5 ? 16 : 8}${up ? "Up" : "Down"}`, x - 0.6, tip));
  }
}

/** Signs shown: of notes that are not as the signature, or the bar before them, has them. */
function signOf(altered, pitch, fifths) {
  const { step, alter } = spelled(pitch, fifths);
  const before = altered.get(step) ?? signature(step, fifths);
  altered.set(step, alter);
  return alter === before ? null : SIGNS[alter];
}

/** Draws a clef and a key signature. */
function drawHead(group, clef, top, fifths) {
  group.append(glyph(clef, 4, top + (clef === "gClef" ? 3 : 1) * SPACE));
  const steps = (fifths > 0 ? SHARPS : FLATS).slice(0, Math.abs(fifths)).map((step) => step - (clef === "gClef" ? 0 : 14));
  steps.forEach((step, index) => group.append(glyph(fifths > 0 ? "sharp" : "flat", CLEF_PX - 4 + index * SIGN_PX, top + 4 * SPACE - ((step - BOTTOM[clef]) * SPACE) / 2)));
}

/** Draws a metre, two numbers one above the other. */
function drawMetre(group, metre, x, top) {
  metre.split("/").forEach((text, index) => group.append(svg("text", {
    x, y: top + (1.95 + 2 * index) * SPACE, "font-size": 2.6 * SPACE, "font-family": "serif", "font-weight": "bold", "text-anchor": "middle", fill: "currentColor", text,
  })));
}

/** Bars in lines no wider than `width`, each of which begins after `head` pixels, the first after more. */
function lines(widths, width, head) {
  const found = [[]];
  let used = head + METRE_PX;
  widths.forEach((bar, index) => {
    if (used + bar > width && found.at(-1).length) {
      found.push([]);
      used = head;
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
export function engrave({ voices, quarters, metre = "4/4", fifths = 0 }, { width, label, marks = [], chosen = null }) {
  const pieces = voices.map((voice) => inBars(voice, quarters));
  const count = Math.max(1, ...pieces.flat().map(({ bar }) => bar + 1));
  const widths = Array.from({ length: count }, (_, bar) =>
    20 + Math.max(34, ...pieces.map((voice) => 24 * Math.max(...voice.filter((piece) => piece.bar === bar).map(({ length }) => quarters / Math.min(length, quarters)), 1))));
  const clefs = voices.map(({ notes }) => (notes.reduce((sum, { pitch }) => sum + pitch, 0) / notes.length >= 59 ? "gClef" : "fClef"));
  const staffGap = 9 * SPACE, systemGap = (voices.length - 1) * staffGap + 10.5 * SPACE;
  const head = CLEF_PX + Math.abs(fifths) * SIGN_PX;
  const rows = lines(widths, width, head);
  // Compound metres count in dotted quarters, with a beam for each.
  const beat = /^(6|9|12)\/8$/.test(metre) ? 1.5 : 1;
  const starts = rows.map((_, row) => head + (row ? 0 : METRE_PX));
  const full = Math.max(...rows.map((bars, row) => starts[row] + bars.reduce((sum, bar) => sum + widths[bar], 0))) + 2;
  const height = rows.length * systemGap + SPACE;
  const element = svg("svg", { width: full, height, viewBox: `0 0 ${full} ${height}`, role: "img", "aria-label": label });
  const places = [];
  rows.forEach((bars, row) => {
    const tops = voices.map((_, voice) => row * systemGap + 4.5 * SPACE + voice * staffGap);
    const end = starts[row] + bars.reduce((sum, bar) => sum + widths[bar], 0);
    const bottom = tops.at(-1) + 4 * SPACE;
    voices.forEach((_, voice) => {
      for (let each = 0; each < 5; each++) element.append(line(0, tops[voice] + each * SPACE, end, tops[voice] + each * SPACE));
      drawHead(element, clefs[voice], tops[voice], fifths);
      if (!row) drawMetre(element, metre, head + METRE_PX / 2 - 2, tops[voice]);
    });
    element.append(line(0.5, tops[0], 0.5, bottom));
    let x = starts[row];
    for (const bar of bars) {
      const mark = marks.find((each) => each.bar === bar + 1);
      if (mark) element.prepend(svg("rect", { x, y: tops[0] - 1.5 * SPACE, width: widths[bar], height: bottom - tops[0] + 3 * SPACE, class: "bad", fill: "currentColor", opacity: 0.16 }, svg("title", { text: mark.words })));
      element.append(svg("text", { x: x + 2, y: tops[0] - 2 * SPACE, "font-size": 11, fill: "currentColor", class: mark ? "bad" : null, text: bar + 1 }));
      voices.forEach((_, voice) => {
        const altered = new Map(), drawn = [];
        for (const piece of pieces[voice].filter((each) => each.bar === bar)) {
          const at = x + 20 + ((widths[bar] - 26) * piece.from) / quarters;
          const tiedFrom = piece.note.at < bar * quarters - 1e-6;
          const sign = signOf(altered, piece.note.pitch, fifths);
          const note = drawNote(element, piece, at, tops[voice], clefs[voice], tiedFrom ? null : sign, piece.note === chosen ? "bad" : null, fifths);
          const { y } = note;
          drawn.push({ ...note, from: piece.from, length: piece.length });
          if (piece.tied) element.append(svg("path", { d: `M${at + 8} ${y + 8}q${(x + widths[bar] + 20 - at) / 2 - 4} 8 ${x + widths[bar] + 12 - at} 0`, fill: "none", stroke: "currentColor", "stroke-width": 1.4 }));
          places.push({ note: piece.note, voice, x: at, y, top: tops[voice], clef: clefs[voice] });
        }
        drawStems(element, drawn, tops[voice], beat);
      });
      x += widths[bar];
      element.append(line(x, tops[0], x, bottom, bar === count - 1 ? 3 : 1));
    }
  });
  return { element, places };
}
