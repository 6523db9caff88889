// One thing sounds at a time: who begins to play pauses who played before.

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

/** A button that plays an address and stops. @returns {HTMLButtonElement} */
export function playButton(button, addressOf, label) {
  const audio = new Audio();
  const player = { pause: () => audio.pause() };
  const show = (playing) => {
    button.textContent = playing ? "Stop" : label;
    button.setAttribute("aria-pressed", String(playing));
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
