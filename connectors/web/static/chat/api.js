// The HTTP calls. What fails is an ApiError: `permanent` when sending the same again can't help; else `retryAfter` are the
// seconds that the server asks to wait, if it does, and `told` says that its words are meant for the customer.

import { base } from "./dom.js";
import { t } from "./texts.js";

/** An id nobody else makes; `crypto.randomUUID` is there on secure addresses only. */
export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export class ApiError extends Error {
  constructor(message, permanent, { retryAfter, told = false } = {}) {
    super(message);
    this.permanent = permanent;
    this.retryAfter = retryAfter;
    this.told = told;
  }
}

const PATIENCE = 20_000; // milliseconds
const UPLOAD_PATIENCE = 300_000;

async function call(path, options = {}, patience = PATIENCE) {
  let response;
  try {
    response = await fetch(path, { ...options, signal: AbortSignal.timeout(patience) });
  } catch {
    throw new ApiError(t("error_unavailable"), false);
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const temporary = response.status >= 500 || response.status === 408 || response.status === 429;
  const retryAfter = Number.parseInt(response.headers.get("Retry-After"), 10);
  throw new ApiError(body.message ?? t("error_unavailable"), !temporary, {
    retryAfter: Number.isNaN(retryAfter) ? undefined : retryAfter,
    told: response.status === 429 && Boolean(body.message),
  });
}

const post = (path, body) =>
  call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const sendMessage = ({ id, text, files = [] }) =>
  post(`${base}/chat/messages`, { id, text, files: files.map((file) => file.id) });

/** Hand a file in; resolves to its id, name and size. */
export const sendFile = (file) =>
  call(
    `${base}/chat/files?name=${encodeURIComponent(file.name)}`,
    { method: "POST", headers: { "Content-Type": file.type || "application/octet-stream" }, body: file },
    UPLOAD_PATIENCE,
  );

export const sendAction = (action, message) => post(`${base}/chat/actions`, { id: newId(), action, message });

export const loadPassage = (document, position) =>
  call(`${base}/chat/passages/${document.split("/").map(encodeURIComponent).join("/")}/${position}`);
