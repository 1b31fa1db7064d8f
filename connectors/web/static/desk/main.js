// The desk: keeps what the server says, carries out what people press, and lets the other modules show it.

import { announce, byId, h, icon } from "../chat/dom.js";
import { ApiError, act, loadClosed, loadConversation } from "./api.js";
import { createComposer } from "./composer.js";
import { createConversation } from "./conversation.js";
import { confirmed, showHelp, snoozeTime } from "./dialogs.js";
import { customerName } from "./format.js";
import { listenForKeys } from "./keys.js";
import { createKnowledge, openPassage } from "./knowledge.js";
import { createNotifications } from "./notify.js";
import { createAnswers } from "./answers.js";
import { createQueue, items } from "./queue.js";
import { createSending } from "./sending.js";
import { createSide } from "./side.js";
import { applyQueue, changed, isMine, state, watch } from "./store.js";
import { listen } from "./stream.js";
import { createTheme } from "./theme.js";
import { showWhy } from "./why.js";

const TOAST_SECONDS = 9;
const MINUTE = 60_000;

// --- what is shown ---

const show = (pane) => {
  document.body.dataset.shown = pane;
};

function toast(text, action = null) {
  const line = h("div", { class: "toast" }, h("span", {}, text), action, h("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: () => line.remove() }, icon("close")));
  byId("toasts").replaceChildren(line);
  if (!action) setTimeout(() => line.remove(), TOAST_SECONDS * 1000);
}

function signedOut() {
  const back = h("a", { class: "button", href: location.pathname }, "Sign in");
  toast("You have been signed out. What you wrote in this window is kept.", back);
}

function problem(error) {
  if (!(error instanceof ApiError)) throw error;
  if (error.code === "signed_out") signedOut();
  else toast(error.message);
}

// --- the open conversation ---

function open(id) {
  if (location.hash.slice(1) === id) opened(id);
  else location.hash = id;
}

function opened(id) {
  show(id ? "conversation" : "queue");
  if (id !== state.open) Object.assign(state, { open: id || null, case: null, entries: [], tag: "", problem: "" });
  changed();
  load();
}

let loading = Promise.resolve();
/** Look at the open conversation; one look at a time, so that an older one never wins. */
function load() {
  loading = loading.then(look, look);
  return loading;
}

async function look() {
  const id = state.open;
  if (!id) return;
  try {
    const loaded = await loadConversation(id, state.tag);
    if (!loaded || id !== state.open) return;
    const before = state.tag ? state.entries.length : Infinity;
    Object.assign(state, { case: loaded.case, entries: loaded.entries, tag: loaded.tag, problem: "" });
    for (const entry of loaded.entries.slice(before)) heard(entry);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "signed_out") signedOut();
    else if (!state.case) state.problem = error.message;
  }
  changed();
}

function heard(entry) {
  conversation.arrived();
  if (entry.kind === "event") announce(entry.text);
  else if (entry.author === "customer") announce(`${customerName(state.case)}: ${entry.text}`);
}

async function wantClosed() {
  try {
    state.closed = (await loadClosed()).cases;
    changed();
  } catch (error) {
    problem(error);
  }
}

// --- what people do ---

/** Carry out an action once at a time, however often its button is pressed; returns whether it was done. */
async function carryOut(action, body = {}, says = "", explain = problem) {
  const id = state.open;
  const running = `${id} ${action}`;
  if (!state.case || state.busy.has(running)) return false;
  state.busy.add(running);
  changed();
  try {
    await act(id, action, body);
    if (says) announce(says);
    return true;
  } catch (error) {
    explain(error);
    return false;
  } finally {
    await load();
    state.busy.delete(running);
    if (state.closed) wantClosed();
    changed();
  }
}

const isDone = () => !state.case || state.case.owner === "bot" || state.case.owner === "closed";

const actions = {
  async claim() {
    const open = state.case;
    if (!open || (isMine(open) && !open.idle_since)) return;
    if (isMine(open)) {
      await actions.keep();
      return;
    }
    const force = open.owner === "human";
    if (force && !(await confirmed(`Take over from ${open.person_name}?`, `${open.person_name} has this conversation and may be writing. The timeline says that you took it.`, "Take over"))) return;
    if (await carryOut("claim", { force }, "The conversation is yours")) composer.ready();
  },
  keep: () => carryOut("keep", {}, "It stays with you"),
  async hand_back() {
    if (!isDone()) await carryOut("return", {}, "The assistant answers again");
  },
  async resolve() {
    if (!isDone() && (await carryOut("resolve", {}, "Resolved"))) items()[0]?.focus();
  },
  async snooze() {
    if (isDone()) return;
    const until = await snoozeTime();
    if (until) await carryOut("snooze", { until }, "Snoozed");
  },
};

/** What can't be suggested is said where the suggestion would be. */
function notSuggested(error) {
  if (error.code !== "unanswered") problem(error);
  else state.unsuggested = { id: state.open, says: error.message };
}

const side = createSide({
  ...actions,
  open: openPassage,
  send: (text, key) => sending.send({ kind: "reply", text, files: [] }, key),
  edit(text) {
    show("conversation");
    composer.put(text);
  },
  suggest(hint) {
    state.unsuggested = null;
    return carryOut("suggest", { hint }, "There is a new suggestion", notSuggested);
  },
});
const sending = createSending(load, problem);
const composer = createComposer({ claim: actions.claim, problem: toast, send: (written) => send(written) });
const conversation = createConversation({
  ...actions,
  open: openPassage,
  why: (entry) => showWhy(state.case.id, entry),
  teach: (entry) => answers.teach(state.case.id, entry),
  back: () => open(""),
  details: () => select("case"),
  edit: (entry) => composer.edit(entry),
  retry: (key) => sending.retry(key),
  recall: (key) => composer.restore(sending.recall(key)),
});
const queue = createQueue(open, wantClosed, (most) => showMost(most));
const tell = createNotifications(open);
const knowledge = createKnowledge((text, mode) => {
  if (!state.case) return toast("Open a conversation first: the words go into its editor.");
  if (mode === "reply" && !isMine(state.case)) return toast("Claim the conversation first: then the words go into your reply.");
  show("conversation");
  return composer.put(text, { mode, add: true });
});

const answers = createAnswers(() => {
  announce("The answer is saved");
  load();
});

function send(written) {
  conversation.toEnd("instant");
  sending.send(written);
}

// --- the side ---

const TABS = ["case", "knowledge", "answers"];

function select(name) {
  for (const each of TABS) {
    byId(`tab-${each}`).setAttribute("aria-selected", String(each === name));
    byId(`tab-${each}`).tabIndex = each === name ? 0 : -1;
    byId(`panel-${each}`).hidden = each !== name;
  }
  if (name === "answers") answers.load();
  show("side");
}

for (const name of TABS) {
  byId(`tab-${name}`).addEventListener("click", () => select(name));
  byId(`tab-${name}`).addEventListener("keydown", (event) => {
    const step = { ArrowLeft: TABS.length - 1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const other = TABS[(TABS.indexOf(name) + step) % TABS.length];
    select(other);
    byId(`tab-${other}`).focus();
  });
}
byId("side-close").addEventListener("click", () => show(state.open ? "conversation" : "queue"));

function askAssistant() {
  select("knowledge");
  knowledge.focus();
}
byId("ask-open").addEventListener("click", askAssistant);
byId("help-open").addEventListener("click", () => {
  byId("menu").open = false;
  showHelp();
});
document.addEventListener("click", ({ target }) => {
  if (!byId("menu").contains(target)) byId("menu").open = false;
});

// --- what the server says ---

watch(() => {
  queue();
  composer.render(); // before the timeline, which gets the height that it leaves
  conversation.render();
  side();
});

const showMost = listen({
  queue(told) {
    applyQueue(told);
    tell();
    changed();
    if (state.closed) wantClosed();
  },
  changed: ({ conversations }) => conversations.includes(state.open) && load(),
  look: load,
  signed_out: signedOut,
  connection(isOpen) {
    byId("connection").textContent = isOpen ? "" : "Connection lost. Reconnecting…";
  },
});
listenForKeys({ ...actions, reply: () => composer.choose("reply"), note: () => composer.choose("note"), ask: askAssistant });
createTheme();
addEventListener("hashchange", () => opened(location.hash.slice(1)));
setInterval(changed, MINUTE / 4); // ages grow, snoozed ones come back
opened(location.hash.slice(1));
