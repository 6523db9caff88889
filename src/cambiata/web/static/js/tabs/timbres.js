// Timbres: a library of captured sounds, mixes between them, and a map.

import { get, patch, post, remove, upload } from "../api.js";
import { announce, showError } from "../announce.js";
import { commandLine } from "../command.js";
import { button, el, newId } from "../dom.js";
import { JobBar } from "../job.js";
import { library } from "../library.js";
import { Listening } from "../listening.js";
import { mixWords, TimbreMap } from "../map.js";
import { playButton } from "../playback.js";
import { Several } from "../several.js";
import { pitchName, title } from "../words.js";

// A scale's first five notes and a chord: enough to know a sound by.
const PHRASE = [[0, 0.4, 60], [0.4, 0.8, 62], [0.8, 1.2, 64], [1.2, 1.6, 65], [1.6, 2.2, 67], [2.3, 3.6, 60], [2.3, 3.6, 64], [2.3, 3.6, 67]];
const OPEN = "Mix on the map";

/** The short phrase that a timbre is heard with, made once. */
let phrase = null;
const phraseId = async () => {
  phrase ||= post("/api/scores", { name: "phrase.mid", parts: [{ notes: PHRASE.map(([start, end, pitch]) => [start, end, pitch, 90]) }] });
  return (await phrase).id;
};

/** Capturing: several recordings, one name. */
function capture(onmade) {
  const several = new Several({ label: "Recordings of one sound", hint: "One or several; each that you choose is added.", accepts: "recording" });
  const id = newId("name");
  const name = el("input", { type: "text", id, placeholder: "my violin", autocomplete: "off" });
  const command = el("div");
  const request = () => {
    const styles = several.taken("recordings: none is chosen; choose, drop or record at least one");
    return { verb: "timbre-capture", body: { styles, name: name.value.trim() || [...several.chosen.values()][0].replace(/\.[^.]*$/, "") } };
  };
  const bar = new JobBar({ key: "capture", label: "Capture", request, ondone: (job) => {
    command.replaceChildren(commandLine(job.command));
    onmade();
  } });
  return { bar, element: el("section", { class: "card" }, el("h2", {}, "Capture a timbre"), several.element, el("div", { class: "field" }, el("label", { for: id }, "Name"), name), bar.element, command) };
}

/** Mixing: shares of two or more. */
function mixer(onmade) {
  const id = newId("mix");
  const rows = el("div"), command = el("div");
  const name = el("input", { type: "text", id: `${id}-name`, placeholder: "between the two", autocomplete: "off" });
  const entries = () => [...library.timbres.filter((timbre) => timbre.name !== OPEN).map((timbre) => [timbre.id, timbre.name]), ...library.named.map((timbre) => [timbre.name, title(timbre.name)])];
  const add = (preset) => {
    const select = el("select", { "aria-label": "Timbre" }, entries().map(([value, text]) => el("option", { value, selected: value === preset }, text)));
    const share = el("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0.5, "aria-label": "Share" });
    const output = el("output", {}, "0.50");
    share.addEventListener("input", () => { output.textContent = Number(share.value).toFixed(2); });
    const row = el("div", { class: "field" }, select, el("div", { class: "slider" }, share, output, button("Remove", () => {
      if (rows.children.length > 2) row.remove();
    })));
    rows.append(row);
  };
  add("cello");
  add("flute");
  const request = () => {
    const shares = {};
    for (const row of rows.children) {
      const ref = row.querySelector("select").value;
      shares[ref] = (shares[ref] || 0) + Number(row.querySelector("input").value);
    }
    return { verb: "timbre-mix", body: { shares, name: name.value.trim() || Object.keys(shares).map((ref) => entries().find(([value]) => value === ref)?.[1] || ref).join(" and ") } };
  };
  const bar = new JobBar({ key: "mix", label: "Mix", request, ondone: (job) => {
    command.replaceChildren(commandLine(job.command));
    onmade();
  } });
  return { bar, element: el("section", { class: "card" }, el("h2", {}, "Mix timbres"), rows, el("div", { class: "row" }, button("Another timbre", () => add("oboe"))),
    el("div", { class: "field" }, el("label", { for: `${id}-name` }, "Name"), name), bar.element, command) };
}

/** The library's list: own timbres to rename, hear, download and delete; those that ship to hear. */
function shelf(hear) {
  const own = el("ul", { class: "list" }), named = el("ul", { class: "list" }), error = el("div");
  const attempt = (action) => async () => {
    showError(error, null);
    try {
      await action();
      await library.refreshTimbres();
    } catch (refusal) {
      showError(error, refusal);
    }
  };
  const item = (timbre) => {
    const name = el("input", { type: "text", value: timbre.name, "aria-label": "Name of the timbre", onchange: attempt(() => patch(`/api/timbres/${timbre.id}`, { name: name.value })) });
    const about = [timbre.n_notes && `${timbre.n_notes} notes`, timbre.lowest && `${pitchName(Math.round(timbre.lowest))} to ${pitchName(Math.round(timbre.highest))}`, !timbre.fits && "made by another version: capture it anew"].filter(Boolean).join(", ");
    return el("li", {}, el("div", { class: "row" }, el("span", { class: "grow" }, name), el("span", { class: "soft" }, about), button("Hear", () => hear([{ ref: timbre.id, name: timbre.name, share: 1 }]), { "aria-label": `Hear ${timbre.name}` }),
      el("a", { href: `/api/timbres/${timbre.id}/file`, download: "" }, "Download"), button("Delete", attempt(() => remove(`/api/timbres/${timbre.id}`)), { "aria-label": `Delete ${timbre.name}` })));
  };
  const show = () => {
    own.replaceChildren(...library.timbres.map(item));
    if (!library.timbres.length) own.replaceChildren(el("li", { class: "soft" }, "None yet: capture one, or bring a .timbre file."));
    named.replaceChildren(...library.named.map((timbre) => el("li", {}, el("div", { class: "row" }, el("span", { class: "grow" }, `${title(timbre.name)} `, el("span", { class: "soft" }, `${timbre.instrument}, ${pitchName(timbre.lowest)} to ${pitchName(timbre.highest)}; ${timbre.licence}`)),
      playButton(() => `/api/named-timbres/${timbre.name}/audio`, "Play", timbre.name)))));
  };
  const file = el("input", { type: "file", accept: ".timbre", hidden: true, onchange: attempt(async () => {
    await upload("/api/timbres", file.files[0]);
    file.value = "";
    announce("Added");
  }) });
  library.addEventListener("change", () => { if (!own.contains(document.activeElement)) show(); });
  show();
  return el("section", { class: "card" }, el("h2", {}, "Your timbres"), own, el("div", { class: "row" }, button("Bring a .timbre file…", () => file.click())), file, error,
    el("details", {}, el("summary", {}, `${library.named.length} instruments that come with Cambiata`), named));
}

/** Hearing a place on the map: one mix at a time, deleted unless it is kept under a name. */
function hearing() {
  let shares = [], made = null;
  const listening = new Listening({ strips: false, label: "Heard from the map" });
  const status = el("p", { class: "soft" }), command = el("div", { class: "after" }), error = el("div");
  const drop = async () => {
    if (made) await remove(`/api/timbres/${made}`).catch(() => {});
    made = null;
  };
  const mixBar = new JobBar({ key: "map-mix", label: "Hear it again", request: async () => {
    await drop();
    return { verb: "timbre-mix", body: { shares: Object.fromEntries(shares.map(({ ref, share }) => [ref, share])), name: OPEN } };
  }, ondone: (job) => { made = job.result.timbre.id; } });
  const playBar = new JobBar({ key: "map-play", request: async () => ({ verb: "play", body: { score: await phraseId(), sound: made || shares[0].ref } }), ondone: async (job) => {
    await listening.load([{ label: mixWords(shares), sound: job.result.sounds.output }]);
    if (!listening.switcher.playing) listening.toggle(); // the sound before may have been playing
  } });
  const keep = button("Keep this mix", async () => {
    try {
      await patch(`/api/timbres/${made}`, { name: mixWords(shares) });
      made = null;
      keep.hidden = true;
      await library.refreshTimbres();
      announce("Kept in your timbres");
    } catch (refusal) {
      showError(error, refusal);
    }
  }, { hidden: true });
  playBar.go.hidden = mixBar.go.hidden = true;
  let running = false, next = null;
  const hear = async (wanted) => {
    element.hidden = false;
    next = wanted;
    if (running) return;
    running = true;
    while (next) {
      shares = next;
      next = null;
      status.textContent = mixWords(shares);
      keep.hidden = true;
      if (shares.length > 1) {
        const job = await mixBar.start();
        if (job?.state !== "done") continue;
        command.replaceChildren(commandLine(job.command));
      } else {
        await drop();
        command.replaceChildren();
      }
      const played = await playBar.start();
      keep.hidden = !(shares.length > 1 && played?.state === "done");
    }
    running = false;
  };
  const element = el("div", { hidden: true }, status, mixBar.element, playBar.element, listening.element, el("div", { class: "row" }, keep), error, command);
  return { hear, element };
}

/** Builds the tab. */
export async function build(panel) {
  const heard = hearing();
  const map = new TimbreMap(heard.hear);
  const loading = el("p", { class: "soft" }, "Measuring the timbres for the map: about ten seconds, once …");
  const error = el("div");
  const drawMap = async () => {
    try {
      const { points } = await get("/api/timbres/map");
      map.show(points.filter(({ name }) => name !== OPEN));
      loading.remove();
    } catch (refusal) {
      showError(error, refusal, drawMap);
    }
  };
  const onmade = async () => {
    await library.refreshTimbres();
    await drawMap();
  };
  const captured = capture(onmade), mixed = mixer(onmade);
  panel.replaceChildren(el("h2", { class: "hidden" }, "Timbres"),
    el("section", { class: "card" }, el("h2", {}, "Map: alike ones lie near each other"), loading, error, map.element, heard.element),
    el("div", { class: "columns" }, captured.element, mixed.element), shelf(heard.hear));
  drawMap();
  await Promise.all([captured.bar.resume(), mixed.bar.resume()]);
  return { show: (job) => ({ "timbre-capture": captured, "timbre-mix": mixed })[job.verb].bar.show(job) };
}
