// Makes the elements of a conversation: messages with what belongs to them, the draft, and the signs of what is going on.

import { base, h, icon } from "./dom.js";
import { build } from "./markup.js";
import { sizeOf, t, timeOfDay } from "./texts.js";

export const authorName = (message) => message.sender || t(`author_${message.author}`);

export const dayElement = (day) => h("p", { class: "day" }, day);

/** A message; `where` tells its place among the others, `on` has what buttons do. */
export function messageElement(message, where, on) {
  const { follows } = where;
  const content = message.author === "notice" ? textElement(message, () => null) : spokenContent(message, where, on);
  const classes = ["message", follows && "follows", message.state && "unsent"].filter(Boolean).join(" ");
  return h(
    "article",
    { class: classes, "data-author": message.author, "aria-label": authorName(message) },
    avatar(message),
    content,
  );
}

function avatar(message) {
  if (message.author === "bot") return h("span", { class: "avatar", "aria-hidden": "true" }, icon("bot"));
  if (message.author !== "person") return null;
  return h(
    "span",
    { class: "avatar", "aria-hidden": "true" },
    message.sender ? [...message.sender][0].toUpperCase() : icon("person"),
  );
}

function spokenContent(message, { last, late }, on) {
  return h(
    "div",
    { class: "content" },
    who(message, late),
    message.text ? textElement(message, (number) => citation(message, number, on)) : null,
    message.files?.length ? files(message.files) : null,
    message.edited ? h("p", { class: "edited" }, t("edited")) : null,
    message.state ? delivery(message, on) : null,
    message.citations?.length ? sources(message, on) : null,
    last && message.suggestions?.length ? choices(message.suggestions, on) : null,
    message.author === "bot" && message.outcome === "answered" ? tools(message, on) : null,
  );
}

/** The line above a message. A customer knows their own words: the time stands there only after a pause. */
function who(message, late) {
  const customer = message.author === "customer";
  const time =
    message.at && (!customer || late)
      ? h("time", { dateTime: new Date(message.at * 1000).toISOString() }, timeOfDay(message.at))
      : null;
  if (customer) return time && h("div", { class: "who" }, time);
  return h("div", { class: "who" }, h("b", {}, authorName(message)), time);
}

function textElement(message, cite) {
  const content = message.blocks ? build(message.blocks, cite) : message.text;
  return h("div", { class: "text", lang: message.language || null }, content);
}

function files(sent) {
  const links = sent.map(({ id, name, size }) =>
    h(
      "li",
      {},
      h(
        "a",
        { class: "file", href: `${base}/chat/files/${encodeURIComponent(id)}`, download: name },
        icon("page"),
        h("span", { class: "file-name" }, name),
        size ? h("span", { class: "file-size" }, sizeOf(size)) : null,
      ),
    ),
  );
  return h("ul", { class: "files", "aria-label": t("files") }, links);
}

function citation(message, number, on) {
  const found = message.citations.find((item) => item.number === number);
  const label = t("open_source", { number, title: found.title });
  return h(
    "button",
    {
      type: "button",
      class: "cite",
      "aria-label": label,
      "aria-expanded": "false",
      onclick: (event) => on.open(message, number, event.currentTarget),
    },
    String(number),
  );
}

function sources(message, on) {
  const documents = new Map();
  for (const citation of message.citations)
    documents.set(citation.document, [...(documents.get(citation.document) ?? []), citation]);
  const chips = [...documents.values()].map((citations) => {
    const [{ number, title }] = citations;
    const numbers = citations.map((each) => h("span", { class: "cite" }, String(each.number)));
    const properties = {
      type: "button",
      class: "source-chip",
      "aria-expanded": "false",
      onclick: (event) => on.open(message, number, event.currentTarget),
    };
    return h("li", {}, h("button", properties, h("span", { class: "numbers" }, numbers), h("span", {}, title)));
  });
  return h("ul", { class: "sources", "aria-label": t("sources") }, chips);
}

function choices(suggestions, on) {
  const buttons = suggestions.map((text) =>
    h("li", {}, h("button", { type: "button", class: "choice", onclick: () => on.ask(text) }, text)),
  );
  return h("ul", { class: "choices", "aria-label": t("did_you_mean") }, buttons);
}

function tools(message, on) {
  const judge = (value, name, label) =>
    h(
      "button",
      {
        type: "button",
        class: "tool",
        title: t(label),
        "aria-label": t(label),
        "aria-pressed": String(message.feedback === value),
        onclick: () => on.judge(message, value),
      },
      icon(name),
    );
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
  return h(
    "button",
    { type: "button", class: "tool", title: t("copy"), "aria-label": t("copy"), onclick: copy },
    icon("copy"),
  );
}

function delivery(message, on) {
  if (message.state === "sending") return h("div", { class: "delivery" }, t("sending"));
  const retry = message.permanent
    ? null
    : h("button", { type: "button", onclick: on.retry }, icon("retry"), t("retry"));
  return h("div", { class: "delivery failed" }, h("span", {}, message.problem || t("not_sent")), retry);
}

/** An answer so far. Screen readers hear it when it is whole. */
export function draftElement(draft) {
  const mark = (number) => h("span", { class: "cite" }, String(number));
  const text = h("div", { class: "text" }, build(draft.blocks, mark));
  return h(
    "article",
    { class: "message draft", "data-author": "bot", "aria-hidden": "true" },
    avatar({ author: "bot" }),
    h("div", { class: "content" }, who({ author: "bot" }), text),
  );
}

export function workingElement() {
  const dots = h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
  return h(
    "article",
    { class: "message", "data-author": "bot", "aria-label": t("author_bot") },
    avatar({ author: "bot" }),
    h("div", { class: "content" }, h("div", { class: "working" }, dots, h("span", {}, t("working")))),
  );
}

export function handoffElement() {
  return h(
    "div",
    { class: "handoff" },
    h("span", { class: "badge", "aria-hidden": "true" }, icon("person")),
    h("div", {}, h("b", {}, t("status_waiting")), h("p", {}, t("status_waiting_detail"))),
  );
}
