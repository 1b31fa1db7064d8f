// The desk's HTTP calls. What fails is an ApiError with words that say what to do; `again` when the same may work later.

import { base } from "../chat/dom.js";

const SECONDS = 75; // the assistant may take a minute
const UNREACHED = "The server can't be reached. What you wrote is kept; try again in a moment.";
const tokens = { "X-CSRF-Token": document.body.dataset.csrf, "Content-Type": "application/json" };

/** A key nobody else makes: what is sent again under it is done once. */
export const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export class ApiError extends Error {
  constructor(message, code, again) {
    super(message);
    this.code = code;
    this.again = again;
  }
}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(`${base}/desk/${path}`, { ...options, signal: AbortSignal.timeout(SECONDS * 1000) });
  } catch {
    throw new ApiError(UNREACHED, "unreached", true);
  }
  if (response.ok || response.status === 304) return response;
  const body = await response.json().catch(() => ({}));
  const again = response.status >= 500 || response.status === 401 || response.status === 408 || response.status === 429;
  throw new ApiError(body.message ?? UNREACHED, body.error ?? "failed", again);
}

const post = async (path, body) =>
  (await call(path, { method: "POST", headers: tokens, body: JSON.stringify(body) })).json();

export const act = (conversation, action, body) => post(`conversations/${conversation}/${action}`, body);
export const search = (text) => post("search", { text });
export const loadClosed = async () => (await call("closed")).json();
export const loadWhy = async (conversation, seq) => (await call(`conversations/${conversation}/why/${seq}`)).json();
export const loadLesson = async (conversation, seq) => (await call(`conversations/${conversation}/lesson/${seq}`)).json();
export const loadTaught = async () => (await call("taught")).json();
export const teach = (lesson) => post("taught", lesson);
export const forget = (document) => post("taught/remove", { document });
export const loadPassage = async (document, position) =>
  (await call(`passages/${document.split("/").map(encodeURIComponent).join("/")}/${position}`)).json();
export const fileAddress = (conversation, entry, number) =>
  `${base}/desk/conversations/${conversation}/files/${encodeURIComponent(entry)}/${number}`;

/** The conversation, or null when it is still as under that tag. */
export async function loadConversation(id, tag) {
  const response = await call(`conversations/${id}`, tag ? { headers: { "If-None-Match": tag }, cache: "no-store" } : {});
  return response.status === 304 ? null : { ...(await response.json()), tag: response.headers.get("ETag") };
}

/** Ask the assistant; `hear(answer)` gets each draft, and at last the answer. */
export async function ask(text, hear) {
  const response = await call("ask", { method: "POST", headers: tokens, body: JSON.stringify({ text }) });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const each of lines.map((line) => JSON.parse(line))) {
      if (each.error) throw new ApiError(each.message, each.error, true);
      hear(each);
    }
  }
}
