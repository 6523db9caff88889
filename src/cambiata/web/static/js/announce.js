// What happened, told to everybody: a live region for screen readers, an alert for errors.

import { answered } from "./api.js";

const live = () => document.getElementById("live");

/** Says something to screen readers without moving the focus. @type {(text: string) => void} */
export function announce(text) {
  live().textContent = "";
  setTimeout(() => { live().textContent = text; }, 50);
}

/**
 * Shows an error's words in `place`, or takes them away when there is none. That the server does not
 * answer is shown until it does; then `again` is called.
 */
export function showError(place, error, again = () => {}) {
  place.replaceChildren();
  if (!error) return;
  const text = error instanceof Error ? error.message : String(error);
  const alert = document.createElement("p");
  alert.className = "error";
  alert.setAttribute("role", "alert");
  alert.textContent = text;
  place.append(alert);
  if (error.status === 0) answered().then(() => {
    if (!alert.isConnected) return;
    alert.remove();
    again();
  });
}
