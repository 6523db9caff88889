// The studio's start: tabs, jobs of all windows, the token where one is wanted.

import { get, onTokenWanted, openSession, post } from "./api.js";
import { showError } from "./announce.js";
import { button, el } from "./dom.js";
import { library } from "./library.js";
import { hush } from "./playback.js";
import { makeTabs } from "./tabs.js";

const SHOWN_JOBS = 20;
const built = new Map();

async function build(name, panel) {
  const loading = el("p", { class: "soft" }, "Loading …");
  panel.replaceChildren(loading);
  try {
    const [tab] = await Promise.all([import(`./tabs/${name}.js`), library.ready()]);
    return await tab.build(panel);
  } catch (error) {
    // What stands there already goes on: its job may be running.
    const place = el("div");
    if (loading.isConnected) panel.replaceChildren(place);
    else panel.prepend(place);
    showError(place, error, () => { built.set(name, build(name, panel)); });
    return null;
  }
}

const tabs = makeTabs(document.getElementById("tabs"), (name, panel) => {
  panel.addEventListener("leave", hush);
  built.set(name, build(name, panel));
});

let asking = null;

/** Asks for the token once, however many requests were refused. */
function askToken() {
  asking ||= new Promise((resolve) => {
    const input = el("input", { type: "password", id: "token", autocomplete: "off" });
    const error = el("div");
    const enter = async () => {
      try {
        await openSession(input.value);
        dialog.close();
        dialog.remove();
        asking = null;
        resolve();
      } catch (refusal) {
        showError(error, refusal);
        input.focus();
      }
    };
    input.addEventListener("keydown", (event) => { if (event.key === "Enter") enter(); });
    const dialog = el("dialog", { "aria-labelledby": "token-title" }, el("h2", { id: "token-title" }, "The studio's token"),
      el("p", {}, "This studio was started with a token: enter it. Who started it knows it."), el("label", { for: "token" }, "Token"),
      el("div", { class: "row" }, input, button("Open", enter, { class: "primary" })), error);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
  });
  return asking;
}

onTokenWanted(askToken);

const TAB_OF = { timbre: "timbres", edit: "transcribe", stretch: "transpose" };
const WORDS = { queued: "waiting", running: "running", done: "done", failed: "failed", cancelled: "cancelled" };

async function open(job) {
  const [first] = job.verb.split("-"); // reverb-apply is done in the tab "reverb"
  const name = TAB_OF[first] || first;
  tabs.show(name);
  const tab = await built.get(name);
  tab?.show?.(await get(`/api/jobs/${job.id}`));
}

async function listJobs() {
  const { jobs } = await get(`/api/jobs?limit=${SHOWN_JOBS}`);
  const busy = jobs.filter(({ state }) => ["queued", "running"].includes(state)).length;
  document.getElementById("jobs-count").textContent = busy ? `(${busy} at work)` : "";
  const rows = jobs.map((job) => {
    const working = ["queued", "running"].includes(job.state);
    const names = Object.values(job.inputs).flat().map(({ name }) => name).join(", ");
    const what = `${job.verb} ${names}`;
    const share = job.state === "running" && job.progress > 0 ? ` ${Math.round(100 * job.progress)} %` : "";
    return el("li", {}, el("div", { class: "row" }, el("span", { class: "grow" }, el("strong", {}, job.verb), ` ${names}`, el("span", { class: "soft" }, ` ${WORDS[job.state]}${share}`)),
      working && button("Cancel", () => post(`/api/jobs/${job.id}/cancel`, {}).catch(() => {}), { "aria-label": `Cancel ${what}` }),
      job.state === "done" && button("Show", () => open(job), { "aria-label": `Show ${what}` })),
    job.error && el("p", { class: "error" }, job.error.message));
  });
  const list = document.getElementById("jobs-list");
  list.replaceChildren(rows.length ? el("ul", { class: "list" }, rows) : el("p", { class: "soft" }, "None yet."));
}

let listing = 0;

/** Lists soon, once for many events. */
function listSoon() {
  clearTimeout(listing);
  listing = setTimeout(() => listJobs().catch(() => {}), 250);
}

const details = document.getElementById("jobs");
let events = null;

// Browsers open six connections to a server, over all windows: the stream of all jobs is held only
// while its list is open and seen.
function watchJobs() {
  const wanted = details.open && document.visibilityState === "visible";
  if (wanted && !events) {
    events = new EventSource("/api/events");
    events.addEventListener("job", listSoon);
  } else if (!wanted) {
    events?.close();
    events = null;
  }
  listSoon();
}

details.addEventListener("toggle", watchJobs);
document.addEventListener("visibilitychange", watchJobs);
document.addEventListener("job", listSoon);
listSoon();

const about = document.getElementById("about");
get("/health").then(({ version }) => { about.textContent = `Cambiata ${version}. Nothing leaves this computer.`; }).catch(() => {});
