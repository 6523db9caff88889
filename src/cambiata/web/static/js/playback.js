// One thing sounds at a time: who begins to play pauses who played before.

import { el, setText } from "./dom.js";

let current = null;

/** Takes the loudspeaker: `player.pause()` is called when another takes it. */
export function claim(player) {
  if (current && current !== player) current.pause();
  current = player;
}

/** Silences whatever plays. */
export function hush() {
  current?.pause();
  current = null;
}

/** A button that plays an address and stops; `about` tells screen readers what. @returns {HTMLButtonElement} */
export function playButton(addressOf, label, about) {
  const button = el("button", { type: "button" });
  const audio = new Audio();
  const player = { pause: () => audio.pause() };
  const show = (playing) => {
    setText(button, playing ? "Stop" : label, about);
  };
  audio.addEventListener("play", () => show(true));
  for (const end of ["pause", "ended"]) audio.addEventListener(end, () => show(false));
  button.addEventListener("click", async () => {
    if (!audio.paused) {
      audio.pause();
      return;
    }
    claim(player);
    const address = new URL(addressOf(), location.href).href;
    if (audio.src !== address) audio.src = address;
    audio.currentTime = 0;
    await audio.play().catch(() => show(false));
  });
  show(false);
  return button;
}
