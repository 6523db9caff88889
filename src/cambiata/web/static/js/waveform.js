// A recording's waveform with one region, drawn by wavesurfer.js.

import Regions from "../vendor/regions.esm.js";
import WaveSurfer from "../vendor/wavesurfer.esm.js";
import { get } from "./api.js";
import { colour, onScheme } from "./dom.js";
import { claim } from "./playback.js";

const COLUMNS = 1200;

/** Waveform in `place`; `onRegion({start, end} | null)` after each change of the region by hand. */
export class Waveform {
  #surfer = null;
  #regions = null;
  #region = null;
  #ink;
  #asked = 0;
  duration = 0;

  constructor(place, ink, { onRegion = null, onPlaying = () => {} } = {}) {
    this.place = place;
    this.#ink = ink;
    this.onRegion = onRegion;
    this.onPlaying = onPlaying;
    onScheme(() => this.#surfer?.setOptions(this.#colours()));
  }

  #colours() {
    return { waveColor: colour(this.#ink), progressColor: colour(this.#ink), cursorColor: colour("ink") };
  }

  async load(sound) {
    this.clear();
    const asked = ++this.#asked;
    const { max, min, duration_s } = await get(`/api/sounds/${sound.id}/peaks?columns=${COLUMNS}`);
    if (asked !== this.#asked) return;
    this.duration = duration_s;
    this.#regions = Regions.create();
    this.#surfer = WaveSurfer.create({
      container: this.place, height: 72, normalize: true, ...this.#colours(), cursorWidth: 2, dragToSeek: false,
      url: `/api/sounds/${sound.id}/audio`, peaks: [max, min], duration: duration_s, plugins: [this.#regions],
    });
    this.#surfer.on("play", () => {
      claim(this);
      this.onPlaying(true);
    });
    for (const end of ["pause", "finish"]) this.#surfer.on(end, () => this.onPlaying(false));
    if (this.onRegion) this.#watchRegion();
  }

  #watchRegion() {
    this.#regions.enableDragSelection({ color: colour("region") });
    this.#regions.on("region-created", (region) => {
      if (this.#region && this.#region !== region) this.#region.remove();
      this.#region = region;
      this.#tell();
    });
    this.#regions.on("region-updated", () => this.#tell());
  }

  #tell() {
    const { start, end } = this.#region;
    if (end - start < 0.05) this.setRegion(null);
    this.onRegion(end - start < 0.05 ? null : { start, end });
  }

  /** Shows a region, or none, without telling anybody. */
  setRegion(range) {
    const told = this.onRegion;
    this.onRegion = () => {};
    this.#region?.remove();
    this.#region = null;
    if (range && this.#regions) this.#regions.addRegion({ ...range, color: colour("region") });
    this.onRegion = told;
  }

  get playing() {
    return Boolean(this.#surfer?.isPlaying());
  }

  play(range) {
    this.#surfer?.play(range?.start ?? 0, range?.end);
  }

  pause() {
    this.#surfer?.pause();
  }

  clear() {
    this.#asked++;
    this.#surfer?.destroy();
    this.#surfer = null;
    this.#region = null;
    this.place.replaceChildren();
  }
}
