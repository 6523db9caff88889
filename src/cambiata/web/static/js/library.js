// The studio's sounds and timbres, as this window knows them.

import { facts, get, patch, remove, upload } from "./api.js";

/** Sounds, timbres and what ships; event `change` after each change. */
class Library extends EventTarget {
  sounds = [];
  timbres = [];
  named = [];
  domains = [];
  #first = null;

  /** Everything listed once; later calls wait for the first. */
  ready() {
    if (!this.#first) this.#first = this.refresh();
    return this.#first;
  }

  async refresh() {
    const [examples, sounds, timbres, named, domains] = await Promise.all([
      this.#examples(), get("/api/sounds?limit=200"), get("/api/timbres"),
      facts("/api/named-timbres"), facts("/api/domains"),
    ]);
    const own = sounds.sounds.filter(({ origin }) => origin !== "example");
    this.sounds = [...own, ...examples.sounds];
    this.timbres = timbres.timbres;
    this.named = named.timbres;
    this.domains = domains.domains.filter(({ problem }) => !problem);
    this.dispatchEvent(new Event("change"));
  }

  /** All examples: a slow machine has not put them in place yet when the first page is opened. */
  async #examples() {
    for (;;) {
      const answer = await get("/api/examples");
      if (answer.complete) return answer;
    }
  }

  sound(id) {
    return this.sounds.find((sound) => sound.id === id);
  }

  example(name) {
    return this.sounds.find((sound) => sound.origin === "example" && sound.name === name);
  }

  add(sound) {
    this.sounds = [sound, ...this.sounds.filter(({ id }) => id !== sound.id)];
    this.dispatchEvent(new Event("change"));
    return sound;
  }

  async upload(file, onShare) {
    return this.add(await upload("/api/sounds", file, onShare));
  }

  async keep(id, kept) {
    return this.add(await patch(`/api/sounds/${id}`, { kept }));
  }

  async forget(id) {
    await remove(`/api/sounds/${id}`);
    this.sounds = this.sounds.filter((sound) => sound.id !== id);
    this.dispatchEvent(new Event("change"));
  }

  async refreshTimbres() {
    this.timbres = (await get("/api/timbres")).timbres;
    this.dispatchEvent(new Event("change"));
  }
}

export const library = new Library();
