// A job from Go to its end: progress, Cancel, errors in the server's words, found again after a reload.

import { follow, get, post } from "./api.js";
import { announce, showError } from "./announce.js";
import { button, el } from "./dom.js";

const busy = (job) => ["queued", "running"].includes(job.state);

function stateWords(job) {
  if (job.state === "lost") return "The server does not answer: waiting for it …";
  if (job.state === "queued") return job.position ? `Waiting: ${job.position} before it` : "Waiting for its turn …";
  return job.progress > 0 ? `Working: ${Math.round(100 * job.progress)} %` : "Working …";
}

/** Go, Cancel and progress of one tab. `request()` gives {verb, body}, or throws what is missing. */
export class JobBar {
  #job = null;
  // Cancel was pressed before the server had answered, when there was no job to be cancelled yet.
  #unwanted = false;

  constructor({ key, label = "Go", request, ondone, before = null }) {
    Object.assign(this, { key: `job-${key}`, request, ondone });
    this.go = button(label, () => this.start(), { class: "primary" });
    this.cancel = button("Cancel", () => this.#cancel(), { hidden: true });
    this.progress = el("progress", { max: 1, value: 0, "aria-label": "Progress", hidden: true });
    this.state = el("span", { class: "soft" });
    this.error = el("div");
    this.element = el("div", {}, el("div", { class: "go" }, this.go, this.cancel, before, el("div", { class: "state" }, this.progress, this.state)), this.error);
  }

  /** Sends the request and follows the job. @returns {Promise<object | null>} the job, null where it was refused */
  async start() {
    showError(this.error, null);
    this.#job = null;
    this.#unwanted = false;
    this.#show({ state: "queued", progress: 0 });
    try {
      const { verb, body } = await this.request();
      if (this.#unwanted) {
        this.#rest("Cancelled");
        announce("Cancelled");
        return null;
      }
      this.#job = await post(`/api/jobs/${verb}`, body);
    } catch (error) {
      this.#rest("");
      showError(this.error, error);
      return null;
    }
    if (this.#unwanted) await this.#cancel();
    // Of this window alone: another one has its own.
    sessionStorage.setItem(this.key, this.#job.id);
    announce("Started");
    document.dispatchEvent(new Event("job"));
    return this.#follow();
  }

  /** Takes up the job that this window had before it was loaded anew. @returns {Promise<object | null>} */
  async resume() {
    const id = sessionStorage.getItem(this.key);
    if (!id) return null;
    try {
      this.#job = await get(`/api/jobs/${id}`);
    } catch (error) {
      if (error.status !== 404) throw error;
      sessionStorage.removeItem(this.key);
      return null;
    }
    if (busy(this.#job)) return this.#follow();
    if (this.#job.state === "done") await this.#done(this.#job);
    return this.#job;
  }

  /** Shows a job that is done already: from the list of jobs. */
  show(job) {
    this.#job = job;
    sessionStorage.setItem(this.key, job.id);
    showError(this.error, job.error && new Error(job.error.message));
    if (job.state === "done") this.#done(job);
    else if (busy(job)) this.#follow();
  }

  async #follow() {
    const { id } = this.#job;
    this.#show(this.#job);
    let job;
    try {
      job = await follow(id, (state) => { if (this.#job?.id === id) this.#show(state); });
    } catch (error) {
      this.#rest("");
      showError(this.error, error);
      return null;
    }
    if (this.#job?.id !== id) return null;
    await this.#finish(job);
    return job;
  }

  async #finish(job) {
    document.dispatchEvent(new Event("job"));
    if (job.state === "done") {
      await this.#done(job);
      this.#rest(`Done in ${job.elapsed_s.toFixed(1)} s`);
      announce("Done");
      return;
    }
    this.#rest(job.state === "cancelled" ? "Cancelled" : "");
    if (job.state === "cancelled") announce("Cancelled");
    else showError(this.error, new Error(job.error?.message || "studio: the job failed; try once more"));
  }

  async #done(job) {
    this.error.replaceChildren(...job.warnings.map((text) => el("p", { class: "warning" }, text)));
    try {
      await this.ondone(job);
    } catch (error) {
      showError(this.error, error, () => this.#done(job));
    }
  }

  async #cancel() {
    this.cancel.disabled = true;
    this.state.textContent = "Cancelling …";
    this.#unwanted = true;
    if (!this.#job) return;
    try {
      await post(`/api/jobs/${this.#job.id}/cancel`, {});
    } catch (error) {
      if (error.status === 409) return; // it has just ended
      this.cancel.disabled = false;
      showError(this.error, error);
    }
  }

  #show(job) {
    const first = this.cancel.hidden;
    const focused = document.activeElement === this.go;
    this.go.disabled = true;
    this.cancel.hidden = this.progress.hidden = false;
    if (first) this.cancel.disabled = false;
    if (focused) this.cancel.focus();
    if (job.progress > 0) this.progress.value = job.progress;
    else this.progress.removeAttribute("value");
    if (!this.cancel.disabled) this.state.textContent = stateWords(job);
  }

  #rest(words) {
    const focused = document.activeElement === this.cancel || document.activeElement === document.body;
    this.go.disabled = false;
    if (focused && !this.cancel.hidden) this.go.focus({ preventScroll: true });
    this.cancel.hidden = this.progress.hidden = true;
    this.state.textContent = words;
  }
}
