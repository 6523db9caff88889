// What came out: listening, keeping, downloading, the command, and earlier takes to compare.

import { facts, get, remove } from "./api.js";
import { announce, showError } from "./announce.js";
import { commandLine } from "./command.js";
import { button, el, newId } from "./dom.js";
import { library } from "./library.js";
import { Listening } from "./listening.js";

const TAKES = 12;
const SCORE_FORMATS = ["mid", "musicxml"];

function save(href) {
  const link = el("a", { href, download: "" });
  document.body.append(link);
  link.click();
  link.remove();
}

/** A button that downloads an address. @type {(href: string, label: string) => HTMLElement} */
export const saver = (href, label) => button(label, () => save(href));

/** A choice of formats and a button that downloads. @type {(sound: object) => Promise<HTMLElement>} */
export async function downloader(sound) {
  const { writes } = await facts("/api/limits");
  const formats = sound.kind === "score" ? SCORE_FORMATS : writes;
  const format = el("select", { "aria-label": "Download as" }, el("option", { value: "" }, `As it is (${sound.format})`),
    formats.filter((each) => each !== sound.format).map((each) => el("option", { value: each }, each)));
  const download = button("Download", () => save(`/api/sounds/${sound.id}/file${format.value ? `?as=${format.value}` : ""}`));
  return el("div", { class: "row" }, format, download);
}

/** A switch that keeps a result from expiring. @type {(sound: object) => HTMLElement} */
export function keeper(sound, onError) {
  const show = () => {
    keep.setAttribute("aria-pressed", String(sound.kept));
    keep.textContent = sound.kept ? "Kept" : "Keep";
  };
  const keep = button("Keep", async () => {
    try {
      sound = await library.keep(sound.id, !sound.kept);
      announce(sound.kept ? "Kept" : "No longer kept");
      show();
    } catch (error) {
      onError(error);
    }
  });
  show();
  return keep;
}

/** Flags that differ from the defaults, as in the command. */
function flagsOf({ command }) {
  const flags = command.replace(/^cambiata \S+( \S+)?/, "").match(/ --?[a-z].*$/)?.[0] || "";
  return flags.replace(/ (-o|--output) \S+/, "").trim();
}

const namesOf = ({ inputs, result }) => Object.values(inputs).flat().map(({ name }) => name).join(" → ") || result.sounds.output.name;

/** Results of one tab. `tracksOf(job)` gives what is compared with the result. */
export class Results {
  #job = null;
  #compared = new Map();

  constructor({ verbs, tracksOf, label = "Listen" }) {
    Object.assign(this, { verbs, tracksOf });
    this.listening = new Listening({ label });
    this.actions = el("div", { class: "after" });
    this.error = el("div");
    this.takes = el("ul", { class: "list" });
    this.takesBox = el("section", { hidden: true }, el("h2", {}, "Takes"), el("p", { class: "hint" }, "Earlier results. Tick some to compare them with the one above."), this.takes);
    this.element = el("div", {}, this.listening.element, this.error, this.actions, this.takesBox);
  }

  /** Shows a job's result. */
  async show(job, compare = true) {
    this.#job = job;
    if (!compare) this.#compared.clear();
    const { output } = job.result.sounds;
    library.add(output);
    this.actions.replaceChildren(el("div", { class: "row" }, keeper(output, (error) => showError(this.error, error)), await downloader(output)), commandLine(job.command));
    await Promise.all([this.#listen(), this.refresh()]);
  }

  #listen() {
    const others = [...this.#compared.values()].filter(({ id }) => id !== this.#job.id);
    const tracks = this.tracksOf(this.#job);
    const result = tracks.length - 1;
    const takes = others.map((job, index) => ({ label: `Take ${index + 1}`, sound: job.result.sounds.output }));
    return this.listening.load([...tracks, ...takes], result);
  }

  /** Lists earlier takes. */
  async refresh() {
    const lists = await Promise.all(this.verbs.map((verb) => get(`/api/jobs?verb=${verb}&state=done&limit=${TAKES}`)));
    const jobs = lists.flatMap((list) => list.jobs).filter(({ result }) => result?.sounds?.output).sort((a, b) => b.created_at - a.created_at);
    this.takesBox.hidden = jobs.length === 0;
    this.takes.replaceChildren(...jobs.slice(0, TAKES).map((job) => this.#take(job)));
  }

  #take(job) {
    const id = newId("take");
    const name = namesOf(job), flags = flagsOf(job);
    const compare = el("input", { type: "checkbox", id, checked: this.#compared.has(job.id), onchange: () => {
      if (compare.checked) this.#compared.set(job.id, job);
      else this.#compared.delete(job.id);
      if (this.#job) this.#listen();
      else this.show(job);
    } });
    const when = new Date(1000 * job.created_at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    const about = `${name} of ${when}`;
    const label = el("label", { for: id, class: "grow" }, name, flags ? el("code", {}, ` ${flags}`) : null, el("span", { class: "soft" }, ` ${when}`));
    return el("li", {}, el("div", { class: "row" }, compare, label, el("span", { class: "row" }, button("Listen", () => this.show(job), { "aria-label": `Listen to ${about}` }),
      button("Delete", () => this.#delete(job), { "aria-label": `Delete ${about}` }))));
  }

  async #delete(job) {
    try {
      await remove(`/api/jobs/${job.id}`);
      this.#compared.delete(job.id);
      await Promise.all([this.refresh(), library.refresh()]);
      announce("Deleted");
    } catch (error) {
      showError(this.error, error);
    }
  }
}
