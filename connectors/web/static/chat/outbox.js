// What was written here and isn't in the conversation yet: sent in the order it was written in, and kept over a reload.
// What fails for want of a connection is tried again by itself. Meanwhile it stays as it is shown: a button that is
// about to be pressed doesn't go away unless the message went through.

import { ApiError, sendMessage } from "./api.js";
import { keep, recall } from "./kept.js";
import { t } from "./texts.js";

const FIRST_RETRY = 3; // seconds, unless the server names a time
const LONGEST_RETRY = 60;

/** `on` has changed(), sending() for a message on its way, and failed(problem). */
export function createOutbox(on) {
  const messages = new Map(); // by id
  let running = false;
  let timer = 0;
  let wait = FIRST_RETRY;

  function changed() {
    keep("pending", [...messages.values()]);
    on.changed();
  }

  function update(id, changes) {
    if (!messages.has(id)) return; // the stream told of it before the receipt came
    messages.set(id, { ...messages.get(id), ...changes });
    changed();
  }

  const unsent = () => [...messages.values()].filter((message) => message.state && !message.permanent);

  /** Send the oldest first; behind one that can't be sent now, all wait. */
  async function pump() {
    clearTimeout(timer);
    if (running) return;
    running = true;
    try {
      while (unsent().length && (await attempt(unsent()[0])));
    } finally {
      running = false;
    }
  }

  async function attempt(message) {
    if (message.state === "sending") on.sending();
    try {
      await sendMessage(message);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      fail(error.permanent ? [message] : unsent(), error);
      return error.permanent;
    }
    wait = FIRST_RETRY;
    update(message.id, { state: "", problem: "" });
    return true;
  }

  function fail(those, error) {
    const problem = error.permanent || error.told ? error.message : t("not_sent");
    const news = those.some((message) => message.state === "sending");
    for (const { id } of those) update(id, { state: "failed", problem, permanent: error.permanent });
    if (news) on.failed(problem);
    if (error.permanent) return;
    timer = setTimeout(pump, (error.retryAfter ?? wait * (0.75 + Math.random() / 2)) * 1000);
    wait = Math.min(wait * 2, LONGEST_RETRY);
  }

  for (const message of recall("pending", []))
    messages.set(message.id, message.permanent ? message : { ...message, state: "failed", problem: t("not_sent") });

  addEventListener("online", pump);

  return {
    messages,
    pump,
    add(message) {
      messages.set(message.id, { ...message, state: "sending" });
      changed();
      pump();
    },
    /** Somebody pressed the button: now. */
    retry() {
      for (const { id } of unsent()) update(id, { state: "sending", problem: "" });
      pump();
    },
    /** It is in the conversation. */
    confirm(id) {
      if (messages.delete(id)) changed();
    },
    clear() {
      messages.clear();
      changed();
    },
  };
}
