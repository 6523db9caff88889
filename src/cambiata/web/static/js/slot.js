// Where a person puts a sound: dropped, chosen, recorded, or taken from the studio.

import { facts, Refusal } from "./api.js";
import { announce, showError } from "./announce.js";
import { button, el, newId, setText } from "./dom.js";
import { library } from "./library.js";
import { playButton } from "./playback.js";
import { record } from "./recorder.js";
import { ScorePicture } from "./score-picture.js";
import { Waveform } from "./waveform.js";
import { pitchName, size, time, title } from "./words.js";

/** What the choice lists, by what the slot takes: [group's name, entries]. */
function groups(accepts, domains) {
  const recordings = library.sounds.filter(({ kind }) => kind === "recording");
  const scores = library.sounds.filter(({ kind }) => kind === "score");
  const fitting = { recording: recordings, score: scores, "recording-or-score": [...recordings, ...scores] }[accepts] || recordings;
  const sounds = (origin) => fitting.filter((sound) => origin.includes(sound.origin)).map((sound) => [sound.id, sound.name]);
  const found = [["Yours", sounds(["upload"])], ["Results", sounds(["job", "edit"])], ["Examples", sounds(["example"])]];
  if (accepts === "recording-or-timbre") {
    found.unshift(["Your timbres", library.timbres.map(({ id, name }) => [id, name])]);
    found.push(["Instruments that come with Cambiata", library.named.map(({ name }) => [name, title(name)])]);
  }
  if (domains) found.push(["Ensembles it has learnt (translate)", library.domains.map(({ name }) => [`domain:${name}`, title(name)])]);
  return found.filter(([, entries]) => entries.length);
}

const ANY = ".mid,.midi,.musicxml,.mxl,.xml,.abc";
const FILES = { recording: "audio/*", "recording-or-timbre": "audio/*", score: ANY, "recording-or-score": `audio/*,${ANY}` };
const WANTED = { recording: "a sound", "recording-or-timbre": "a sound", score: "a score (MIDI, MusicXML or ABC)", "recording-or-score": "a sound or a score (MIDI, MusicXML, ABC)" };

/** One place for a sound. `onchange` after each new choice or region; `choice` is {ref, name, kind, sound}. */
export class Slot {
  choice = null;
  region = null;
  onchange = () => {};
  #recording = null;
  #sending = null;

  constructor({ label, hint = "", accepts, ink = "content", regions = true, domains = false, picture = true, several = false }) {
    this.accepts = accepts;
    this.regions = regions;
    this.domains = domains;
    this.picture = picture;
    this.several = several;
    const id = newId("slot");
    this.select = el("select", { id: `${id}-choice`, onchange: () => this.#pick(this.select.value) });
    this.file = el("input", { type: "file", accept: FILES[accepts], multiple: several, hidden: true, onchange: () => {
      this.#takeAll([...this.file.files]);
      this.file.value = "";
    } });
    this.status = el("p", { class: "hint" });
    this.error = el("div");
    this.view = el("div", { class: "view" });
    this.recorder = accepts === "score" ? null : button("", () => this.#record());
    this.element = el("section", { class: "card slot", "aria-labelledby": `${id}-name` },
      el("h2", { id: `${id}-name` }, label),
      hint && el("p", { class: "hint" }, hint),
      el("label", { class: "hidden", for: `${id}-choice` }, `${label}: from the studio`), this.select,
      el("div", { class: "row" }, button(several ? "Choose files…" : "Choose a file…", () => this.file.click(), { "aria-label": `${label}: choose ${several ? "files" : "a file"}` }), this.recorder,
        el("span", { class: "soft" }, `or drop ${several ? "them" : "it"} here`)), this.file, this.status, this.error, this.view);
    this.label = label;
    if (this.recorder) setText(this.recorder, "Record", label);
    this.wave = new Waveform(el("div", { class: "wave" }), ink, { onRegion: regions ? (range) => this.#setRegion(range, false) : null });
    this.#acceptDrops();
    library.addEventListener("change", () => this.#list());
    this.#list();
  }

  #list() {
    const chosen = this.choice?.ref || "";
    this.select.replaceChildren(el("option", { value: "" }, `Choose ${WANTED[this.accepts]}…`),
      ...groups(this.accepts, this.domains).map(([name, entries]) =>
        el("optgroup", { label: name }, entries.map(([value, text]) => el("option", { value, selected: value === chosen }, text)))));
    if (chosen && this.select.value !== chosen) this.select.append(el("option", { value: chosen, selected: true }, this.choice.name));
  }

  #acceptDrops() {
    const over = (on) => (event) => {
      event.preventDefault();
      this.element.classList.toggle("over", on);
    };
    this.element.addEventListener("dragover", over(true));
    this.element.addEventListener("dragleave", over(false));
    this.element.addEventListener("drop", (event) => {
      over(false)(event);
      this.#takeAll([...event.dataTransfer.files]);
    });
  }

  async #record() {
    showError(this.error, null);
    try {
      if (this.#recording) {
        const { stop } = this.#recording;
        this.#recording = null;
        setText(this.recorder, "Record", this.label);
        this.recorder.classList.remove("on");
        await this.take(await stop());
        return;
      }
      this.#recording = await record((seconds) => { this.status.textContent = `Recording: ${time(seconds)}`; });
      setText(this.recorder, "Stop recording", this.label);
      this.recorder.classList.add("on");
      announce("Recording. Press again to stop.");
    } catch (error) {
      showError(this.error, error);
    }
  }

  /** What is in place; else an error that says what is missing (where that is said), or that it is still on its way. */
  taken(missing) {
    if (this.#sending) throw new Error(`${this.#sending}: is still on its way; press again when it is in place`);
    if (!this.choice && missing) throw new Error(missing);
    return this.choice;
  }

  async #takeAll(files) {
    for (const file of this.several ? files : files.slice(0, 1)) await this.take(file);
  }

  /** Sends a file to the studio and chooses it. */
  async take(file) {
    this.#sending = file.name;
    try {
      await this.#take(file);
    } finally {
      this.#sending = null;
    }
  }

  async #take(file) {
    showError(this.error, null);
    const { upload_bytes } = await facts("/api/limits");
    try {
      if (file.size > upload_bytes)
        throw new Refusal({ what: file.name, wrong: `${size(file.size)} is more than the studio takes (${size(upload_bytes)})`, cure: "cut it, or choose a compressed file" });
      this.status.textContent = `Sending ${file.name} …`;
      const sound = await library.upload(file, (share) => { this.status.textContent = `Sending ${file.name}: ${Math.round(100 * share)} %`; });
      this.status.textContent = "";
      if (!groups(this.accepts, false).some(([, entries]) => entries.some(([id]) => id === sound.id)))
        throw new Refusal({ what: sound.name, wrong: `is a ${sound.kind}`, cure: `choose ${WANTED[this.accepts]} here` });
      const shown = this.choose(sound.id);
      this.#sending = null;
      await shown;
      announce(`${sound.name} is in place`);
    } catch (error) {
      this.status.textContent = "";
      showError(this.error, error);
    }
  }

  #pick(ref) {
    showError(this.error, null);
    return this.choose(ref);
  }

  /** Chooses a sound, a timbre or a domain by its reference; "" for none. */
  async choose(ref) {
    this.region = null;
    this.wave.clear();
    this.choice = this.#choiceOf(ref);
    this.#list();
    this.view.replaceChildren();
    this.status.textContent = "";
    this.onchange();
    const choice = this.choice;
    try {
      if (choice?.sound?.kind === "recording") await this.#showRecording(choice.sound);
      else if (choice?.sound) await this.#showScore(choice.sound);
      else if (choice) this.#showTimbre(choice);
    } catch (error) {
      if (choice === this.choice) showError(this.error, error, () => { if (choice === this.choice) this.choose(ref); });
    }
  }

  #choiceOf(ref) {
    if (!ref) return null;
    const sound = library.sound(ref);
    if (sound) return { ref, name: sound.name, kind: "sound", sound };
    if (ref.startsWith("domain:")) return { ref, name: title(ref.slice(7)), kind: "domain", domain: ref.slice(7) };
    const own = library.timbres.find(({ id }) => id === ref);
    if (own) return { ref, name: own.name, kind: "timbre" };
    const named = library.named.find(({ name }) => name === ref);
    return named ? { ref, name: title(named.name), kind: "named", named } : null;
  }

  async #showRecording(sound) {
    const play = button("", () => (this.wave.playing ? this.wave.pause() : this.wave.play(this.region)));
    this.wave.onPlaying = (on) => setText(play, on ? "Stop" : "Play", this.label);
    this.wave.onPlaying(false);
    const bound = (name) => el("input", { type: "number", min: 0, max: sound.duration_s, step: 0.1, "aria-label": `${this.label}: ${name}, in seconds`,
      onchange: () => this.#typedRegion() });
    this.from = bound("from");
    this.to = bound("to");
    const range = el("div", { class: "times" }, el("span", {}, "From"), this.from, el("span", {}, "to"), this.to, el("span", {}, "s"),
      button("Whole", () => this.#setRegion(null, true), { class: "link", "aria-label": `${this.label}: take the whole` }));
    const parts = [`${time(sound.duration_s)}`, `${sound.sample_rate / 1000} kHz`, { 1: "mono", 2: "stereo" }[sound.n_channels] || `${sound.n_channels} channels`];
    this.view.replaceChildren(this.wave.place, el("div", { class: "row" }, play, el("span", { class: "soft" }, parts.join(", "))),
      ...(this.regions ? [range, el("p", { class: "hint" }, "Drag over the waveform to take a part of it.")] : []), ...this.#warnings(sound));
    this.#setRegion(null, false);
    await this.wave.load(sound);
  }

  async #showScore(sound) {
    const play = playButton(() => `/api/sounds/${sound.id}/audio`, "Play a sketch", this.label);
    const picture = new ScorePicture();
    this.view.replaceChildren(this.picture ? picture.element : "", el("div", { class: "row" }, play, el("span", { class: "soft" }, `${sound.n_notes} notes, ${time(sound.duration_s)}`)), ...this.#warnings(sound));
    if (this.picture) await picture.load(sound);
  }

  #showTimbre({ kind, ref, named, name }) {
    const range = named && `${named.instrument}, ${pitchName(named.lowest)} to ${pitchName(named.highest)}`;
    const words = { domain: "The content will be translated: played as this ensemble would, which the studio has learnt beforehand.", timbre: "A timbre that you captured.", named: range }[kind];
    const play = kind === "named" && playButton(() => `/api/named-timbres/${ref}/audio`, "Play", name);
    this.view.replaceChildren(el("div", { class: "row" }, play, el("span", { class: "soft" }, words)));
  }

  #warnings(sound) {
    return (sound.warnings || []).map((text) => el("p", { class: "warning" }, text));
  }

  #typedRegion() {
    const duration = this.wave.duration || Infinity;
    const start = this.from.value === "" ? 0 : Number(this.from.value);
    const end = this.to.value === "" ? duration : Number(this.to.value);
    this.#setRegion(start <= 0 && end >= duration ? null : { start, end }, true);
  }

  #setRegion(range, draw) {
    this.region = range;
    if (this.from) {
      const round = (value) => Math.round(100 * value) / 100;
      this.from.value = range ? round(range.start) : 0;
      this.to.value = range ? round(range.end) : round(this.choice?.sound?.duration_s || 0);
    }
    if (draw) this.wave.setRegion(range && range.end > range.start ? range : null);
    this.onchange();
  }
}
