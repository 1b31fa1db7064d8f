// Shows the conversation: messages in groups, what is being sent, the answer being made, and the empty state.

import { byId, h, icon } from "./dom.js";
import { build } from "./markup.js";
import { dayOf, t, timeOfDay } from "./texts.js";

const GROUP_SECONDS = 300;
const NEAR_END = 80;

const scroll = byId("scroll");
const transcript = byId("transcript");
const welcome = byId("welcome");
const jump = byId("jump");

transcript.setAttribute("role", "log");
transcript.setAttribute("aria-live", "off"); // what is new is said through the announcer, whole and once
transcript.setAttribute("aria-label", t("conversation"));

export const authorName = (message) => message.sender || t(`author_${message.author}`);

/** Shows `state` whenever asked; `on` has what buttons do: ask, retry, judge, open. */
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

  function render(state) {
    const items = itemsOf(state);
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
    if (known?.stamp === stamp) return known.element;
    const element = item.make(on);
    if (known) replace(known.element, element);
    else if (rising && item.key !== "draft") element.classList.add("fresh");
    shown.set(item.key, { stamp, element });
    return element;
  }

  /** There is a new message: point to it when it is out of sight. */
  const arrived = () => { jump.hidden = following; };

  return { render, toEnd, arrived };
}

/** Put one element in another's place; a button that had the focus hands it to the one of the same name. */
function replace(old, element) {
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
  old.replaceWith(element);
  if (focused) element.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

/** Everything to show, in order: day marks, messages, unsent messages, and the draft or the sign that one is being made. */
function itemsOf(state) {
  const messages = [...state.messages.values()].sort((a, b) => a.seq - b.seq);
  const sent = new Set(messages.map((message) => message.ref));
  const waiting = [...state.pending.values()].filter((message) => !sent.has(message.id));
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
  if (state.owner === "waiting") items.push(handoffItem());
  if (state.draft) items.push(draftItem(state.draft));
  else if (state.working) items.push(workingItem());
  return items;
}

function isFollowing(previous, message) {
  return previous?.author === message.author && previous.sender === message.sender && message.author !== "notice" && message.at - previous.at < GROUP_SECONDS;
}

const dayMark = (day) => ({ key: `day ${day}`, stamp: day, quiet: true, make: () => h("p", { class: "day" }, day) });

function messageItem(message, where) {
  // A message keeps its key when it turns from unsent to sent: it doesn't move or flash.
  const key = message.ref || message.id || String(message.seq);
  return { key, stamp: [message, where], quiet: message.author === "notice", make: (on) => messageElement(message, where, on) };
}

function messageElement(message, where, on) {
  const { follows } = where;
  const content = message.author === "notice" ? textElement(message, () => null) : spokenContent(message, where, on);
  const classes = ["message", follows && "follows", message.state && "unsent"].filter(Boolean).join(" ");
  return h("article", { class: classes, "data-author": message.author, "aria-label": authorName(message) }, avatar(message), content);
}

function avatar(message) {
  if (message.author === "bot") return h("span", { class: "avatar", "aria-hidden": "true" }, icon("bot"));
  if (message.author !== "person") return null;
  return h("span", { class: "avatar", "aria-hidden": "true" }, message.sender ? [...message.sender][0].toUpperCase() : icon("person"));
}

function spokenContent(message, { last, late }, on) {
  return h(
    "div",
    { class: "content" },
    who(message, late),
    textElement(message, (number) => citation(message, number, on)),
    message.state ? delivery(message, on) : null,
    message.citations?.length ? sources(message, on) : null,
    last && message.suggestions?.length ? choices(message.suggestions, on) : null,
    message.author === "bot" && message.outcome === "answered" ? tools(message, on) : null,
  );
}

/** The line above a message. A customer knows their own words: the time stands there only after a pause. */
function who(message, late) {
  const customer = message.author === "customer";
  const time = message.at && (!customer || late) ? h("time", { dateTime: new Date(message.at * 1000).toISOString() }, timeOfDay(message.at)) : null;
  if (customer) return time && h("div", { class: "who" }, time);
  return h("div", { class: "who" }, h("b", {}, authorName(message)), time);
}

function textElement(message, cite) {
  const content = message.blocks ? build(message.blocks, cite) : message.text;
  return h("div", { class: "text", lang: message.language || null }, content);
}

function citation(message, number, on) {
  const found = message.citations.find((item) => item.number === number);
  const label = t("open_source", { number, title: found.title });
  return h("button", { type: "button", class: "cite", "aria-label": label, "aria-expanded": "false", onclick: (event) => on.open(message, number, event.currentTarget) }, String(number));
}

function sources(message, on) {
  const documents = new Map();
  for (const citation of message.citations) documents.set(citation.document, [...(documents.get(citation.document) ?? []), citation]);
  const chips = [...documents.values()].map((citations) => {
    const [{ number, title }] = citations;
    const numbers = citations.map((each) => h("span", { class: "cite" }, String(each.number)));
    const properties = { type: "button", class: "source-chip", "aria-expanded": "false", onclick: (event) => on.open(message, number, event.currentTarget) };
    return h("li", {}, h("button", properties, h("span", { class: "numbers" }, numbers), h("span", {}, title)));
  });
  return h("ul", { class: "sources", "aria-label": t("sources") }, chips);
}

function choices(suggestions, on) {
  const buttons = suggestions.map((text) => h("li", {}, h("button", { type: "button", class: "choice", onclick: () => on.ask(text) }, text)));
  return h("ul", { class: "choices", "aria-label": t("did_you_mean") }, buttons);
}

function tools(message, on) {
  const judge = (value, name, label) =>
    h("button", { type: "button", class: "tool", title: t(label), "aria-label": t(label), "aria-pressed": String(message.feedback === value), onclick: () => on.judge(message, value) }, icon(name));
  return h(
    "div",
    { class: "tools", role: "group", "aria-label": t("was_it_helpful") },
    judge("helpful", "yes", "helpful"),
    judge("not_helpful", "no", "not_helpful"),
    navigator.clipboard ? copyButton(message) : null,
    message.feedback ? h("span", { class: "tools-note" }, t("thanks")) : null,
  );
}

function copyButton(message) {
  const copy = async (event) => {
    const button = event.currentTarget;
    await navigator.clipboard.writeText(message.text);
    button.replaceChildren(icon("check"));
    button.setAttribute("aria-label", t("copied"));
    setTimeout(() => {
      button.replaceChildren(icon("copy"));
      button.setAttribute("aria-label", t("copy"));
    }, 1600);
  };
  return h("button", { type: "button", class: "tool", title: t("copy"), "aria-label": t("copy"), onclick: copy }, icon("copy"));
}

function delivery(message, on) {
  if (message.state === "sending") return h("div", { class: "delivery" }, t("sending"));
  const retry = message.permanent ? null : h("button", { type: "button", onclick: () => on.retry(message) }, icon("retry"), t("retry"));
  return h("div", { class: "delivery failed" }, h("span", {}, message.problem || t("not_sent")), retry);
}

function draftItem(draft) {
  const mark = (number) => h("span", { class: "cite" }, String(number));
  const make = () =>
    h("article", { class: "message draft", "data-author": "bot", "aria-hidden": "true" }, avatar({ author: "bot" }), h("div", { class: "content" }, who({ author: "bot" }), h("div", { class: "text" }, build(draft.blocks, mark))));
  return { key: "draft", stamp: draft, make };
}

function workingItem() {
  const dots = h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
  const make = () =>
    h("article", { class: "message", "data-author": "bot", "aria-label": t("author_bot") }, avatar({ author: "bot" }), h("div", { class: "content" }, h("div", { class: "working" }, dots, h("span", {}, t("working")))));
  return { key: "working", stamp: "working", make };
}

function handoffItem() {
  const make = () =>
    h("div", { class: "handoff" }, h("span", { class: "badge", "aria-hidden": "true" }, icon("person")), h("div", {}, h("b", {}, t("status_waiting")), h("p", {}, t("status_waiting_detail"))));
  return { key: "handoff", stamp: "handoff", make };
}
