// A score's small piano roll.

import { get } from "./api.js";
import { Roll } from "./roll.js";

/** Picture of a score in a slot or a result. */
export class ScorePicture {
  constructor(label = "Notes", height = 110) {
    this.roll = new Roll({ label, height, tools: false });
    this.element = this.roll.element;
  }

  /** Shows a score's notes. @returns {Promise<object>} the notes as the interface gives them */
  async load(sound) {
    const score = await get(`/api/sounds/${sound.id}/notes`);
    this.roll.setScore(score);
    return score;
  }
}
