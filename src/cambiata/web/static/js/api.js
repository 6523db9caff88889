// The HTTP interface, as functions. Nothing else on the page talks to the server.

/** A refusal in the server's words: what, wrong, cure. */
export class Refusal extends Error {
  constructor(body, status) {
    super(body.message || `${body.what}: ${body.wrong}; ${body.cure}`);
    this.status = status;
  }
}

// How often a server that does not answer is asked whether it is there again.
const AGAIN_MS = 2000;
const UNREACHABLE = { message: "studio: no answer from the server; is `cambiata serve` still running? Start it again, then try once more" };

let waiting = null;

/** Resolves when the server answers again, after a request that had no answer. @returns {Promise<void>} */
export function answered() {
  waiting ||= new Promise((resolve) => {
    const ask = () => fetch("/health").then(() => {
      waiting = null;
      resolve();
    }, () => setTimeout(ask, AGAIN_MS));
    setTimeout(ask, AGAIN_MS);
  });
  return waiting;
}

let askToken = null;

/** Registers what asks for the token where one is wanted. @type {(ask: () => Promise<void>) => void} */
export const onTokenWanted = (ask) => { askToken = ask; };

async function refusalOf(response) {
  let body;
  try {
    body = await response.json();
  } catch {
    body = { message: `studio: the server answered ${response.status}; try once more` };
  }
  return new Refusal(body, response.status);
}

async function send(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refusal(UNREACHABLE, 0);
  }
  if (response.status === 401 && askToken && path !== "/api/session") {
    await askToken();
    return send(path, options);
  }
  if (!response.ok) throw await refusalOf(response);
  return response;
}

const jsonOf = async (path, options) => (await send(path, options)).json();
const bodyOf = (method, body) => ({ method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const get = (path) => jsonOf(path);
export const post = (path, body) => jsonOf(path, bodyOf("POST", body));
export const patch = (path, body) => jsonOf(path, bodyOf("PATCH", body));
export const remove = (path) => send(path, { method: "DELETE" });
export const bytes = async (path) => (await send(path)).arrayBuffer();
export const bytesOf = async (path, first, last) => (await send(path, { headers: { Range: `bytes=${first}-${last}` } })).arrayBuffer();
export const openSession = (token) => send("/api/session", bodyOf("POST", { token }));

/** A file sent to the studio, `onShare` called with the share that is sent. @returns {Promise<object>} */
export function upload(path, file, onShare = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${path}?name=${encodeURIComponent(file.name)}`);
    request.upload.addEventListener("progress", (event) => onShare(event.loaded / Math.max(1, event.total)));
    request.addEventListener("error", () => reject(new Refusal(UNREACHABLE, 0)));
    request.addEventListener("load", () => {
      let body;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        body = { message: `studio: the server answered ${request.status}; try once more` };
      }
      if (request.status < 300) resolve(body);
      else reject(new Refusal(body, request.status));
    });
    request.send(file);
  });
}

const once = new Map();

/** Facts that do not change while the page is open, asked for once. @type {(path: string) => Promise<any>} */
export function facts(path) {
  if (!once.has(path)) {
    const answer = get(path);
    answer.catch(() => once.delete(path));
    once.set(path, answer);
  }
  return once.get(path);
}

/** Follows a job to its end; `onChange` gets each state. @returns {Promise<object>} the whole job */
export function follow(id, onChange) {
  return new Promise((resolve, reject) => {
    let source = null;
    const finish = (job) => {
      source?.close();
      resolve(job);
    };
    // Polls where the stream breaks: a server that was restarted goes on with the same job.
    const poll = async () => {
      try {
        const job = await get(`/api/jobs/${id}`);
        onChange(job);
        if (!["queued", "running"].includes(job.state)) finish(job);
        else setTimeout(poll, 1000);
      } catch (error) {
        if (error.status) reject(error);
        else {
          onChange({ id, state: "lost", progress: 0 });
          setTimeout(poll, 2000);
        }
      }
    };
    source = new EventSource(`/api/jobs/${id}/events`);
    source.addEventListener("progress", (event) => onChange(JSON.parse(event.data)));
    for (const end of ["done", "failed", "cancelled"])
      source.addEventListener(end, (event) => finish(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      source.close();
      poll();
    });
  });
}
