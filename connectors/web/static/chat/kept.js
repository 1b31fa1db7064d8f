// What outlives a reload of this tab. Where the browser keeps nothing (in frames, with some settings), the page does without.

import { base } from "./dom.js";

function found() {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}
const storage = found();

/** Whether the browser keeps anything here; where it doesn't, tabs can't hear each other either. */
export const keeps = storage !== null;

const nameOf = (key) => `answerdesk-${key}${base}`;

/** What was kept; `otherwise` if there is nothing, or nothing that this version understands. */
export function recall(key, otherwise) {
  try {
    return JSON.parse(storage.getItem(nameOf(key))) ?? otherwise;
  } catch {
    return otherwise;
  }
}
export const keep = (key, value) => storage?.setItem(nameOf(key), JSON.stringify(value));
