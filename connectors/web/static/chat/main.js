// The chat page: keeps what the server says and what was not sent yet, and lets the other modules show it.

import { ApiError, newId, sendAction } from "./api.js";
import { createComposer, focusComposer } from "./composer.js";
import { announce, untouched } from "./dom.js";
import { joinPage, tellUnread, unseen } from "./frame.js";
import { createHeader } from "./header.js";
import { authorName } from "./message.js";
import { createOutbox } from "./outbox.js";
import { closeSource, openSource } from "./source.js";
import { listen } from "./stream.js";
import { t } from "./texts.js";
import { createTranscript } from "./transcript.js";

const WORKING_SECONDS = 12;

const state = {
  messages: new Map(), // by place in the conversation
  draft: null,
  working: false,
  owner: "bot",
  connected: false,
  synced: false, // what was there already has been shown
  unseen: 0,
  conversation: "",
  cursor: "",
};

const outbox = createOutbox({ changed: render, sending, failed });
const transcript = createTranscript({ ask, retry: outbox.retry, judge, open: openSource });
const header = createHeader({ human: () => act("human"), startAnew });
const composer = createComposer(ask, () => act("stop"));

let scheduled = false;
function render() {
  if (scheduled) return;
  scheduled = true;
  untouched().then(() => {
    scheduled = false;
    transcript.render(state, outbox.messages.values());
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

function ask(text, files = []) {
  transcript.toEnd("instant");
  focusComposer();
  outbox.add({ id: newId(), author: "customer", sender: "", text, files, at: Date.now() / 1000 });
}

function sending() {
  setWorking(state.owner === "bot" || state.owner === "closed"); // now: the answer may be quicker than the receipt
  render();
}

function failed(problem) {
  setWorking(false);
  announce(problem);
  render();
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
  outbox.clear();
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
    outbox.confirm(message.ref);
    if (message.author !== "customer") {
      state.draft = null;
      setWorking(false);
      if (isNew && state.synced) notify(message);
    }
    render();
  },
  edited({ seq, text, blocks }) {
    const message = state.messages.get(seq);
    if (message) state.messages.set(seq, { ...message, text, blocks, edited: true });
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
  connection({ open, reason }) {
    header.connection(open, reason);
    if (open && !state.connected) outbox.pump();
    state.connected = open;
  },
  reload: () => location.reload(),
};

function notify(message) {
  announce(`${authorName(message)}: ${message.text}`);
  transcript.arrived();
  if (!unseen()) return;
  state.unseen += 1;
  document.title = t("unread_title", { count: state.unseen, title: t("title") });
  tellUnread(state.unseen);
}

function seen() {
  if (unseen()) return;
  state.unseen = 0;
  document.title = t("title");
}
document.addEventListener("visibilitychange", seen);
joinPage(seen);

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
outbox.pump();
const tellOthers = listen(() => state.cursor, remembering);
header.onLanguage(async () => {
  if (state.conversation) await act("language"); // of somebody who hasn't written yet, the first message tells it
  tellOthers("reload");
});
