// Shows the conversation: messages in groups, what is being sent, the answer being made, and the empty state.

import { byId } from "./dom.js";
import { dayElement, draftElement, handoffElement, messageElement, workingElement } from "./message.js";
import { dayOf, t } from "./texts.js";

const GROUP_SECONDS = 300;
const NEAR_END = 80;

const scroll = byId("scroll");
const transcript = byId("transcript");
const welcome = byId("welcome");
const jump = byId("jump");

transcript.setAttribute("role", "log");
transcript.setAttribute("aria-live", "off"); // what is new is said through the announcer, whole and once
transcript.setAttribute("aria-label", t("conversation"));

/** Shows `state`, and what isn't in it yet, whenever asked; `on` has what buttons do: ask, retry, judge, open. */
export function createTranscript(on) {
  const shown = new Map();
  let following = true;

  scroll.addEventListener("scroll", () => {
    following = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END;
    if (following) jump.hidden = true;
  });
  jump.addEventListener("click", () => toEnd("smooth"));
  new ResizeObserver(() => following && toEnd("instant")).observe(scroll);

  function toEnd(behavior) {
    scroll.scrollTo({ top: scroll.scrollHeight, behavior });
    following = true;
    jump.hidden = true;
  }

  function render(state, unsent) {
    const items = itemsOf(state, unsent);
    const rising = state.synced && !shown.has("draft"); // what was read as a draft stays where it is
    const keys = new Set(items.map((item) => item.key));
    for (const [key, { element }] of shown) {
      if (keys.has(key)) continue;
      shown.delete(key);
      element.remove();
    }
    items.forEach((item, place) => {
      const element = elementFor(item, rising);
      if (transcript.children[place] !== element) transcript.insertBefore(element, transcript.children[place] ?? null);
    });
    welcome.hidden = !state.synced || items.length > 0;
    if (following) toEnd("instant");
  }

  /** The element of an item: the same one as long as nothing about it changed, so that focus and selection stay. */
  function elementFor(item, rising) {
    const known = shown.get(item.key);
    const stamp = JSON.stringify(item.stamp);
    if (known && known.stamp === stamp) return known.element;
    const element = item.make(on);
    if (known) replace(known.element, element);
    else if (rising && item.key !== "draft") element.classList.add("fresh");
    shown.set(item.key, { stamp, element });
    return element;
  }

  /** There is a new message: point to it when it is out of sight. */
  const arrived = () => {
    jump.hidden = following;
  };

  return { render, toEnd, arrived };
}

/** Put one element in another's place; a button that had the focus hands it to the one of the same name. */
function replace(old, element) {
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  old.replaceWith(element);
  if (focused) element.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

/** Everything to show, in order: day marks, messages, unsent messages, and the draft or the sign that one is being made. */
function itemsOf(state, unsent) {
  const messages = [...state.messages.values()].sort((a, b) => a.seq - b.seq);
  const sent = new Set(messages.map((message) => message.ref));
  const waiting = [...unsent].filter((message) => !sent.has(message.id));
  const items = [];
  let previous = null;
  let day = "";
  for (const message of [...messages, ...waiting]) {
    const today = dayOf(message.at);
    if (today !== day && (day || today !== dayOf(Date.now() / 1000))) items.push(dayMark(today));
    const follows = today === day && isFollowing(previous, message);
    const last = message === messages.at(-1);
    const late = !previous || message.at - previous.at > GROUP_SECONDS;
    items.push(messageItem(message, { follows, last, late }));
    [previous, day] = [message, today];
  }
  if (state.owner === "bot" && items.every((item) => item.quiet)) items.length = 0; // a greeting alone: the welcome says it better
  if (state.owner === "waiting") items.push({ key: "handoff", make: handoffElement });
  if (state.draft) items.push({ key: "draft", stamp: state.draft, make: () => draftElement(state.draft) });
  else if (state.working) items.push({ key: "working", make: workingElement });
  return items;
}

function isFollowing(previous, message) {
  return (
    previous?.author === message.author &&
    previous.sender === message.sender &&
    message.author !== "notice" &&
    message.at - previous.at < GROUP_SECONDS
  );
}

const dayMark = (day) => ({ key: `day ${day}`, stamp: day, quiet: true, make: () => dayElement(day) });

function messageItem(message, where) {
  // A message keeps its key when it turns from unsent to sent: it doesn't move or flash.
  const key = message.ref || message.id || String(message.seq);
  return {
    key,
    stamp: [message, where],
    quiet: message.author === "notice",
    make: (on) => messageElement(message, where, on),
  };
}
