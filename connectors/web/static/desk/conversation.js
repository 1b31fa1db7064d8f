// The open conversation: its bar with what can be done, and its timeline.

import { byId, h, icon } from "../chat/dom.js";
import { dayLine, entryElement } from "./entry.js";
import { age, ageInWords, channelName, customerName, momentOf } from "./format.js";
import { isMine, isSnoozed, keyed, state } from "./store.js";

const NEAR_END = 90;
const bar = byId("conversation-bar");
const timeline = byId("timeline");
const jump = byId("jump");

/** `on` has the actions by name, and what entries' buttons do. */
export function createConversation(on) {
  const known = new Map();
  const barKnown = new Map();
  let following = true;
  let shownId = null;

  let top = 0;
  timeline.addEventListener("scroll", () => {
    const isUp = timeline.scrollTop < top; // only people scroll up; a resize may leave the end out of sight
    top = timeline.scrollTop;
    if (timeline.scrollHeight - top - timeline.clientHeight < NEAR_END) following = true;
    else if (isUp) following = false;
    if (following) jump.hidden = true;
  });
  jump.addEventListener("click", () => toEnd("smooth"));
  new ResizeObserver(() => following && toEnd("instant")).observe(timeline);

  function toEnd(behavior) {
    timeline.scrollTo({ top: timeline.scrollHeight, behavior });
    following = true;
    jump.hidden = true;
  }

  return {
    toEnd,
    arrived() {
      if (!following) jump.hidden = false;
    },
    render() {
      const open = state.case;
      bar.hidden = !open;
      if (state.open !== shownId) {
        shownId = state.open;
        following = true;
        jump.hidden = true;
      }
      if (!open) {
        keyed(timeline, known, [{ key: "empty", stamp: [state.open, state.problem, state.queue.length, state.synced], make: emptyElement }]);
        return;
      }
      const busy = [...state.busy].filter((each) => each.startsWith(open.id));
      keyed(bar, barKnown, [{ key: "bar", stamp: [barStamp(open), age(open.opened_at), busy], make: () => barElement(open, on) }]);
      keyed(timeline, known, itemsOf(open, on));
      if (following) toEnd("instant");
    },
  };
}

const barStamp = (open) => [open.id, open.owner, open.person, open.person_name, open.closed_at, open.snoozed_until, open.idle_since, open.customer, open.gone];

function itemsOf(open, on) {
  const pending = [...state.pending.values()].filter((each) => each.conversation === open.id);
  const items = [];
  let day = "";
  for (const entry of [...state.entries, ...pending]) {
    const today = new Date(entry.at * 1000).toDateString();
    if (today !== day) items.push({ key: `day ${today}`, stamp: today, make: () => dayLine(entry.at) });
    day = today;
    items.push({ key: entry.key ?? entry.id, stamp: [entry, open.owner, open.person], make: () => entryElement(entry, open, on) });
  }
  return items;
}

function emptyElement() {
  const [title, text] = state.problem
    ? ["This conversation can't be shown", state.problem]
    : state.open
      ? ["Loading…", ""]
      : state.queue.length
        ? ["Choose a conversation", "Press j and k to move through the queue, Enter to open one, ? for all shortcuts."]
        : ["All quiet", "Open the chat in another window, ask for a person, and the conversation appears here. Until then, ask the assistant what your documents say: press a."];
  return h("div", { class: "empty" }, state.open ? null : icon("bot"), h("h2", {}, title), h("p", {}, text));
}

function barElement(open, on) {
  const back = h("button", { type: "button", class: "icon-button only-phone", "aria-label": "Back to the queue", "data-focus": "back", onclick: on.back }, icon("back"));
  const details = h("button", { type: "button", class: "icon-button details-button", "aria-label": "Details", title: "Details", "data-focus": "details", onclick: on.details }, icon("info"));
  const title = h("div", { class: "bar-text" }, h("h2", {}, customerName(open)), h("p", { class: "bar-state", "data-owner": open.owner }, stateOf(open)));
  return h("div", { class: "bar" }, back, title, h("div", { class: "bar-actions" }, buttonsOf(open, on)), details);
}

function stateOf(open) {
  const where = channelName(open.channel);
  if (open.gone) return `${where} · Can't be reached: ${open.gone}`;
  if (isSnoozed(open)) return `${where} · Snoozed until ${momentOf(open.snoozed_until)}`;
  if (open.owner === "waiting") return `${where} · Waiting for ${ageInWords(open.opened_at)}`;
  if (isMine(open) && open.idle_since) return `${where} · Nobody wrote for long: keep it, or the assistant takes it back`;
  if (open.owner === "human") return `${where} · ${isMine(open) ? "With you" : `With ${open.person_name}`}`;
  return `${where} · ${open.owner === "closed" ? "Resolved" : "With the assistant"}`;
}

function buttonsOf(open, on) {
  const button = (name, label, key, symbol, primary = false) =>
    h(
      "button",
      {
        type: "button",
        class: `button${primary ? " button-primary" : ""}`,
        title: `${label} (${key})`,
        "aria-keyshortcuts": key,
        "data-focus": name,
        "data-action": name,
        disabled: state.busy.has(`${open.id} ${name}`),
        onclick: () => on[name](),
      },
      icon(symbol),
      h("span", {}, label),
    );
  const claim = button("claim", open.owner === "closed" ? "Write again" : "Claim", "c", "person", true);
  const snooze = button("snooze", "Snooze", "s", "clock");
  const resolve = button("resolve", "Resolve", "e", "check");
  const hand_back = button("hand_back", "Return to bot", "b", "bot");
  if (open.owner === "waiting") return [claim, snooze, hand_back, resolve];
  if (isMine(open)) return [open.idle_since ? button("keep", "Keep", "c", "person", true) : null, snooze, hand_back, resolve].filter(Boolean);
  if (open.owner === "human") return [button("claim", "Take over", "c", "person")];
  return [claim];
}
