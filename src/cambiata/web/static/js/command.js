// The command line that does what was just done: the page teaches the terminal.

import { announce } from "./announce.js";
import { button, el } from "./dom.js";

/** A command with a button that copies it. @type {(command: string) => HTMLElement} */
export function commandLine(command) {
  const code = el("code", {}, command);
  const copy = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(command);
      copy.textContent = "Copied";
      announce("Command copied");
      setTimeout(() => { copy.textContent = "Copy"; }, 1500);
    } catch {
      getSelection().selectAllChildren(code);
      announce("The command is selected: copy it");
    }
  }, { "aria-label": "Copy the command" });
  return el("div", {}, el("h3", {}, "The same in a terminal"), el("div", { class: "command" }, code, copy));
}
