// Transcribe: the notes of a recording over its spectrogram, corrected by hand, and heard in place.

import { bytes, get, post } from "../api.js";
import { showError } from "../announce.js";
import { commandLine } from "../command.js";
import { button, el, newId } from "../dom.js";
import { field, Fields, moreSettings } from "../form.js";
import { JobBar } from "../job.js";
import { library } from "../library.js";
import { Listening } from "../listening.js";
import { remembered } from "../remembered.js";
import { downloader, keeper } from "../results.js";
import { RollEditor } from "../roll-editor.js";
import { Slot } from "../slot.js";
import { spectrogram } from "../spectrogram.js";
import { audioContext } from "../switcher.js";
import { verbNamed } from "../systems.js";

const GRIDS = { "": "Leave as played", "1/4": "Quarters", "1/8": "Eighths", "1/16": "Sixteenths", "1/32": "Thirty-seconds", "1/8T": "Eighth triplets", "1/16T": "Sixteenth triplets" };
// As in listening.js: longer ones are not decoded in the browser, so their roll has no picture behind it.
const LONGEST_S = 360;
const hertz = (pitch) => 440 * 2 ** ((pitch - 69) / 12);

/** Threshold: automatic, or a slider. */
function thresholdField(fields, schema) {
  const made = field("onset_threshold", { ...schema.properties.onset_threshold, anyOf: undefined, type: "number", default: null }, {
    label: "Threshold of notes", slider: { minimum: 0.05, maximum: 0.95, step: 0.01 }, value: 0.5, describe: (share) => share.toFixed(2),
    explain: "How sure it must be of a note: less finds more notes, and more wrong ones. Automatic is what served best.",
  });
  const id = newId("automatic");
  const automatic = el("input", { type: "checkbox", id, checked: true });
  const read = made.read;
  const show = () => { made.control.hidden = automatic.checked; };
  made.read = () => (automatic.checked ? null : read());
  automatic.addEventListener("input", show);
  made.control.before(el("div", { class: "row" }, automatic, el("label", { for: id, class: "plain" }, "Automatic")));
  show();
  return fields.add(made);
}

function fieldsOf(fields, schema) {
  const main = [
    fields.add(field("instrument", schema.properties.instrument, { label: "Who plays", words: { any: "Any instruments", piano: "A piano", drums: "Drums" } })),
    thresholdField(fields, schema),
    fields.add(field("tempo", schema.properties.tempo, { label: "Tempo", explain: "Quarter notes a minute, or “auto” to find the beats. Left empty, times are kept and 120 is written." })),
    fields.add(field("quantise", schema.properties.quantise, { label: "Grid", choices: [null, "1/4", "1/8", "1/16", "1/32", "1/8T", "1/16T"], words: GRIDS, explain: "Moves notes to a grid of the beats; wants a tempo." })),
    fields.add(field("pedal", schema.properties.pedal, { label: "Find the sustain pedal" })),
    fields.add(field("bends", schema.properties.bends, { label: "Write bends and vibrato" })),
  ];
  return el("section", {}, el("div", { class: "fields" }, main), moreSettings(fields, schema, ["strict"]));
}

/** The roll with what can be done with its notes. */
class Transcript {
  constructor() {
    this.roll = new RollEditor({ label: "Notes found" });
    this.listening = new Listening({ strips: false });
    this.error = el("div");
    this.files = el("div", { class: "after" });
    this.command = el("div", { class: "after" });
    const bound = (name) => el("input", { type: "number", min: 0, step: 0.1, value: 0, "aria-label": `Played anew ${name}, in seconds` });
    this.from = bound("from");
    this.to = bound("to");
    this.edit = new JobBar({ key: "edit", label: "Hear the change", request: () => this.#editRequest(), ondone: (job) => this.#heard(job) });
    const range = el("div", { class: "times" }, el("span", {}, "Play anew from"), this.from, el("span", {}, "to"), this.to, el("span", {}, "s"));
    this.saving = button("Save the changed notes", () => this.#save().then((sound) => this.#offer(sound)).catch((error) => showError(this.error, error)));
    this.change = el("section", { class: "card", hidden: true }, el("h2", {}, "Edit and hear"),
      el("p", { class: "hint" }, "The bars that you changed are played anew in the recording's own sound; the rest stays as it is."), range, this.edit.element, el("div", { class: "row" }, this.saving));
    this.element = el("div", { hidden: true }, el("section", {}, el("h2", {}, "Notes"), this.roll.element), this.error, this.files, this.change, this.listening.element, this.command);
    this.roll.addEventListener("edit", () => this.#edited());
    this.roll.addEventListener("seek", ({ seconds }) => this.listening.switcher.seek(seconds));
    this.listening.addEventListener("time", () => this.roll.setPosition(this.listening.switcher.position));
  }

  async show(job) {
    this.element.hidden = false;
    this.change.hidden = true;
    showError(this.error, null);
    this.score = job.result.sounds.output;
    this.recording = library.sound(job.inputs.recording.id) || await get(`/api/sounds/${job.inputs.recording.id}`);
    library.add(this.score);
    this.notes = await get(`/api/sounds/${this.score.id}/notes`);
    this.notes.duration_s = Math.max(this.notes.duration_s, this.recording.duration_s);
    if (job.request.tempo === null || job.request.tempo === undefined) this.notes.bars_s = [];
    this.roll.background = null;
    const pitches = this.notes.parts.flatMap(({ notes }) => notes.map(([, , pitch]) => pitch));
    // Room around the notes: what was missed often lies an octave off or beside them.
    this.roll.setScore(this.notes, pitches.length ? [Math.max(0, Math.min(...pitches) - 6), Math.min(127, Math.max(...pitches) + 8)] : [48, 84]);
    this.command.replaceChildren(commandLine(job.command));
    await Promise.all([this.#offer(this.score), this.#picture(), this.listening.load([{ label: "Recording", sound: this.recording }, { label: "Notes, as a sketch", sound: this.score }], 0)]);
  }

  async #offer(sound) {
    this.files.replaceChildren(el("div", { class: "row" }, el("strong", {}, sound.name), keeper(sound, (error) => showError(this.error, error)), await downloader(sound)));
  }

  async #picture() {
    const { roll, recording } = this;
    if (recording.duration_s > LONGEST_S) return;
    const buffer = await audioContext().decodeAudioData(await bytes(`/api/sounds/${recording.id}/audio`));
    const columns = Math.min(4096, Math.max(800, Math.round(60 * recording.duration_s)));
    const bitmap = await spectrogram(buffer, columns, 4 * (roll.highest - roll.lowest + 1), { lowest: hertz(roll.lowest - 0.5), highest: hertz(roll.highest + 0.5) });
    // Notes may outlast the recording by the last one's release: the picture covers the recording alone.
    roll.background = roll.duration === recording.duration_s ? bitmap : await widened(bitmap, roll.duration / recording.duration_s);
    roll.draw();
  }

  /** Bars that the changes touch, else the changed notes with a little around them. */
  #edited() {
    this.change.hidden = this.roll.changed.length === 0;
    if (!this.roll.changed.length) return;
    let start = Math.min(...this.roll.changed.map((note) => note.start)), end = Math.max(...this.roll.changed.map((note) => note.end));
    const bars = this.notes.bars_s;
    if (bars.length) {
      start = Math.max(0, ...bars.filter((bar) => bar <= start));
      end = Math.min(this.recording.duration_s, ...bars.filter((bar) => bar >= end));
    } else [start, end] = [start - 0.1, end + 0.2];
    this.from.value = Math.max(0, start).toFixed(2);
    this.to.value = Math.min(this.recording.duration_s, end).toFixed(2);
  }

  #save() {
    const parts = this.notes.parts.length ? this.notes.parts : [{ name: "", program: 0, is_drum: false }];
    return post("/api/scores", {
      name: this.score.name.replace(/\.[^.]*$/, "") + "-edited.mid", like: this.score.id,
      parts: parts.map(({ name, program, is_drum, pedal = [] }, index) => ({ name, program, is_drum, pedal, notes: this.roll.notes.filter(({ part }) => part === index).map(({ start, end, pitch, velocity }) => [start, end, pitch, velocity]) })),
    }).then((sound) => library.add(sound));
  }

  async #editRequest() {
    const edited = await this.#save();
    await this.#offer(edited);
    return { verb: "edit", body: { recording: this.recording.id, score: edited.id, start_s: Number(this.from.value), end_s: Number(this.to.value) } };
  }

  async #heard(job) {
    const { output } = job.result.sounds;
    library.add(output);
    if (!this.recording) return;
    await this.listening.load([{ label: "Recording", sound: this.recording }, { label: "With the change", sound: output }], 1);
    this.listening.loop({ start: Math.max(0, job.request.start_s - 0.5), end: Math.min(job.request.end_s + 0.5, output.duration_s) });
    this.files.replaceChildren(el("div", { class: "row" }, el("strong", {}, output.name), keeper(output, (error) => showError(this.error, error)), await downloader(output)));
    if (job.command) this.command.replaceChildren(commandLine(job.command));
  }
}

/** A picture with black after it, `factor` times as wide. */
function widened(bitmap, factor) {
  const canvas = new OffscreenCanvas(Math.round(bitmap.width * factor), bitmap.height);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  return createImageBitmap(canvas);
}

/** Builds the tab. */
export async function build(panel) {
  const { schema } = await verbNamed("transcribe");
  const fields = new Fields();
  const recording = new Slot({ label: "Recording", accepts: "recording", ink: "content", regions: false });
  const options = fieldsOf(fields, schema);
  const transcript = new Transcript();
  const request = () => {
    recording.taken("recording: nothing is chosen; choose, drop or record a sound");
    return { verb: "transcribe", body: { recording: recording.choice.ref, ...fields.values() } };
  };
  const bar = new JobBar({ key: "transcribe", label: "Transcribe", request, ondone: (job) => transcript.show(job) });
  panel.replaceChildren(el("h2", { class: "hidden" }, "Transcribe"), el("div", { class: "columns" }, recording.element, options), bar.element, transcript.element);
  await remembered("transcribe", recording, library.example("trumpet.ogg")?.id);
  await bar.resume();
  return { show: (job) => (job.verb === "edit" ? transcript.edit.show(job) : bar.show(job)) };
}
