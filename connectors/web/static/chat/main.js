// The chat page: keeps what the server says and what was not sent yet, and lets the other modules show it.

import { ApiError, newId, sendAction, sendMessage } from "./api.js";
import { createComposer, focusComposer } from "./composer.js";
import { announce, base } from "./dom.js";
import { createHeader } from "./header.js";
import { authorName } from "./message.js";
import { closeSource, openSource } from "./source.js";
import { listen } from "./stream.js";
import { t } from "./texts.js";
import { createTranscript } from "./transcript.js";

const WORKING_SECONDS = 12;
const PENDING = `answerdesk-pending${base}`;

const state = {
  messages: new Map(), // by place in the conversation
  pending: new Map(), // by id: written here, not confirmed by the server yet
  draft: null,
  working: false,
  owner: "bot",
  synced: false, // what was there already has been shown
  unseen: 0,
  conversation: "",
  cursor: "",
};

const transcript = createTranscript({ ask, retry: deliver, judge, open: openSource });
const header = createHeader({ human: () => act("human"), startAnew });
const composer = createComposer(ask, () => act("stop"));

let scheduled = false;
function render() {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    transcript.render(state);
    composer.setBusy(state.working || state.draft !== null);
  });
}

let workingTimer = 0;
function setWorking(working) {
  clearTimeout(workingTimer);
  state.working = working;
  if (working)
    workingTimer = setTimeout(() => {
      setWorking(false);
      render();
    }, WORKING_SECONDS * 1000);
}

// --- what the customer does ---

function ask(text) {
  const message = { id: newId(), author: "customer", sender: "", text, at: Date.now() / 1000, state: "sending" };
  state.pending.set(message.id, message);
  transcript.toEnd("instant");
  focusComposer();
  deliver(message);
}

/** One message at a time: they arrive in the order they were written in. */
let line = Promise.resolve();
function deliver(message) {
  update(message, { state: "sending", problem: "" });
  line = line.then(() => attempt(message));
}

async function attempt(message) {
  setWorking(state.owner === "bot" || state.owner === "closed"); // now: the answer may be quicker than the receipt
  try {
    await sendMessage(message.id, message.text);
    update(message, { state: "", problem: "" });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    setWorking(false);
    const problem = error.permanent ? error.message : t("not_sent");
    update(message, { state: "failed", problem, permanent: error.permanent });
    announce(problem);
  }
}

function update(message, changes) {
  const known = state.pending.get(message.id);
  if (known) state.pending.set(message.id, { ...known, ...changes });
  keepPending();
  render();
}

/** What isn't confirmed yet outlives the page. */
function keepPending() {
  sessionStorage.setItem(PENDING, JSON.stringify([...state.pending.values()]));
}

/** Send again what failed for want of a connection; the server knows a message that came through by its id. */
function deliverAll() {
  for (const message of state.pending.values()) if (message.state === "failed" && !message.permanent) deliver(message);
}

async function act(action, message) {
  try {
    await sendAction(action, message);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    header.problem(error.message);
    return false;
  }
}

async function judge(message, value) {
  state.messages.set(message.seq, { ...message, feedback: value });
  announce(t("thanks"));
  render();
  if (!(await act(value, message.seq))) {
    state.messages.set(message.seq, message);
    render();
  }
}

async function startAnew() {
  if (!(await act("new"))) return;
  state.pending.clear();
  keepPending();
  focusComposer();
}

// --- what the server says ---

const heard = {
  conversation({ id, start }) {
    const isOther = state.conversation && state.conversation !== id;
    const old = [...state.messages.keys()].filter((seq) => isOther || seq < start);
    for (const seq of old) state.messages.delete(seq);
    if (old.length) closeSource();
    state.conversation = id;
    render();
  },
  message(message) {
    const isNew = !state.messages.has(message.seq);
    state.messages.set(message.seq, message);
    if (state.pending.delete(message.ref)) keepPending();
    if (message.author !== "customer") {
      state.draft = null;
      setWorking(false);
      if (isNew && state.synced) notify(message);
    }
    render();
  },
  feedback({ seq, value }) {
    const message = state.messages.get(seq);
    if (message) state.messages.set(seq, { ...message, feedback: value });
    render();
  },
  draft({ blocks }) {
    state.draft = blocks ? { blocks } : null;
    setWorking(false);
    render();
  },
  typing() {
    if (!state.draft) setWorking(true);
    render();
  },
  status({ owner }) {
    state.owner = owner;
    state.synced = true;
    header.status(owner);
    if (owner === "waiting" || owner === "human") setWorking(false);
    render();
  },
  connection(open) {
    header.connection(open);
    if (open) deliverAll();
  },
  reload: () => location.reload(),
};

function notify(message) {
  announce(`${authorName(message)}: ${message.text}`);
  transcript.arrived();
  if (!document.hidden) return;
  state.unseen += 1;
  document.title = t("unread_title", { count: state.unseen, title: t("title") });
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  state.unseen = 0;
  document.title = t("title");
});

for (const message of JSON.parse(sessionStorage.getItem(PENDING) ?? "[]")) {
  state.pending.set(message.id, { ...message, state: "failed", problem: t("not_sent") });
}
for (const starter of document.querySelectorAll("[data-ask]"))
  starter.addEventListener("click", () => ask(starter.dataset.ask));

const remembering = Object.fromEntries(
  Object.entries(heard).map(([name, hear]) => [
    name,
    (data) => {
      if (data?.cursor) state.cursor = data.cursor;
      hear(data);
    },
  ]),
);
const tellOthers = listen(() => state.cursor, remembering);
header.onLanguage(() => tellOthers("reload"));
