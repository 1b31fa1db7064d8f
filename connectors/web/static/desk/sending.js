// What was written and isn't confirmed yet: shown at once, sent once, kept until the server has it.

import { ApiError, act, newKey } from "./api.js";
import { now } from "./format.js";
import { keep, kept } from "./keeping.js";
import { changed, me, state } from "./store.js";

const PENDING = "pending";
const ACTIONS = { reply: "reply", note: "note", edit: "correct" };

/** `done(conversation)` is called when the server has it, `failed(problem)` when it hasn't. */
export function createSending(done, failed) {
  let line = Promise.resolve(); // one at a time: they arrive in the order they were written in

  /** What has a key of its own, such as a draft, is sent once, however often that is asked for. */
  function send(written, key = newKey(), conversation = state.open) {
    if (state.pending.has(key)) return;
    const attachments = written.files.map((file) => ({ name: file.name, size: file.size, media_type: file.type }));
    state.pending.set(key, { ...written, key, conversation, attachments, at: now(), author: "person", name: me.name, status: "", citations: [], problem: "" });
    deliver(key);
  }

  function deliver(key) {
    update(key, { problem: "" });
    const next = () => attempt(key);
    line = line.then(next, next);
  }

  async function attempt(key) {
    const written = state.pending.get(key);
    if (!written) return;
    try {
      const body = { key, text: written.text };
      if (written.kind === "edit") body.seq = written.seq;
      if (written.kind === "reply") body.files = await Promise.all(written.files.map(encoded));
      await act(written.conversation, ACTIONS[written.kind], body);
      await done(written.conversation);
      state.pending.delete(key);
      state.sent.add(key);
      keepWords();
      changed();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      update(key, { problem: error.message });
      failed(error);
    }
  }

  function update(key, changes) {
    state.pending.set(key, { ...state.pending.get(key), ...changes });
    keepWords();
    changed();
  }

  /** Take back what wasn't sent. */
  function recall(key) {
    const written = state.pending.get(key);
    state.pending.delete(key);
    keepWords();
    changed();
    return written;
  }

  for (const written of JSON.parse(kept(PENDING) ?? "[]"))
    state.pending.set(written.key, { ...written, problem: written.attachments.length ? "Not sent, and its files have to be attached again." : "Not sent." });
  for (const written of state.pending.values()) if (written.attachments.length) Object.assign(written, { attachments: [] });

  return { send, retry: deliver, recall };
}

/** Words outlive the page; files don't fit. */
function keepWords() {
  const words = [...state.pending.values()].map((each) => ({ ...each, files: [] }));
  keep(PENDING, words.length ? JSON.stringify(words) : "");
}

async function encoded(file) {
  const address = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(new ApiError(`${file.name} can't be read any more. Attach it again.`, "file", false)));
    reader.readAsDataURL(file);
  });
  return { name: file.name, media_type: file.type || "application/octet-stream", content: address.slice(address.indexOf(",") + 1) };
}
