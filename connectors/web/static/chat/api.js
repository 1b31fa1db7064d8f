// The HTTP calls. What fails is an ApiError: `permanent` when sending the same again can't help.

import { base } from "./dom.js";
import { t } from "./texts.js";

/** An id nobody else makes; `crypto.randomUUID` is there on secure addresses only. */
export const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export class ApiError extends Error {
  constructor(message, permanent) {
    super(message);
    this.permanent = permanent;
  }
}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, signal: AbortSignal.timeout(20_000) });
  } catch {
    throw new ApiError(t("error_unavailable"), false);
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const temporary = response.status >= 500 || response.status === 408 || response.status === 429;
  throw new ApiError(body.message ?? t("error_unavailable"), !temporary);
}

const post = (path, body) =>
  call(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const sendMessage = (id, text) => post(`${base}/chat/messages`, { id, text });

export const sendAction = (action, message) => post(`${base}/chat/actions`, { id: newId(), action, message });

export const loadPassage = (document, position) =>
  call(`${base}/chat/passages/${document.split("/").map(encodeURIComponent).join("/")}/${position}`);
