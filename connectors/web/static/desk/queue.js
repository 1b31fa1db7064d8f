// The queue: who waits (the longest first), what is mine, what colleagues have, what is put aside, what was closed.

import { byId, h, icon } from "../chat/dom.js";
import { age, ageInWords, channelName, customerName, languageName, momentOf, reasonOf } from "./format.js";
import { changed, isMine, isSnoozed, keyed, state } from "./store.js";

const box = byId("queue");
const filter = byId("filter");
const SECTIONS = [
  ["waiting", "Waiting", (each) => each.owner === "waiting" && !isSnoozed(each)],
  ["mine", "Mine", (each) => isMine(each) && !isSnoozed(each)],
  ["others", "With colleagues", (each) => each.owner === "human" && !isMine(each) && !isSnoozed(each)],
  ["snoozed", "Snoozed", isSnoozed],
];
const PAGE = 100; // as `FIRST` of connectors/web/desk/telling.py
const ALL = 100_000;
const known = new Map();
const folded = new Set(["closed"]);

/**
 * Shows the queue; `open(id)` opens a conversation, `wantClosed()` loads those that were closed, `wantMost(n)` has so
 * many of each section told.
 */
export function createQueue(open, wantClosed, wantMost) {
  let most = PAGE;

  function want(count) {
    most = count;
    wantMost(most);
  }

  filter.addEventListener("input", () => {
    state.filter = filter.value.trim().toLowerCase();
    if (state.filter) wantClosed();
    changed();
  });
  filter.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || event.key === "Enter") {
      if (event.key === "Escape") {
        filter.value = "";
        filter.dispatchEvent(new Event("input"));
      }
      items()[0]?.focus();
    }
  });

  function fold(name) {
    if (!folded.delete(name)) folded.add(name);
    if (name === "closed" && !folded.has(name)) wantClosed();
    changed();
  }

  return function render() {
    if (state.filter && most < ALL && Object.values(state.more).some(Boolean)) want(ALL); // a search looks at all of them
    const shown = [];
    const add = (name, title, cases) => {
      const isFolded = folded.has(name) && !state.filter;
      const more = state.filter ? 0 : (state.more[name] ?? 0);
      const count = cases ? cases.length + more : null;
      shown.push({ key: `# ${name}`, stamp: [count, isFolded], make: () => heading(name, title, count, isFolded, fold) });
      for (const each of isFolded || !cases ? [] : cases)
        shown.push({ key: `${name} ${each.case}`, stamp: [each, each.id === state.open, age(since(each))], make: () => item(each, open) });
      if (more && !isFolded)
        shown.push({ key: `more ${name}`, stamp: [more], make: () => rest(more, () => want(Math.min(most + PAGE, ALL))) });
    };
    for (const [name, title, belongs] of SECTIONS) {
      const cases = state.queue.filter((each) => belongs(each) && matches(each));
      if (cases.length) add(name, title, cases);
    }
    if (!state.filter || state.closed?.some(matches)) add("closed", "Closed", state.closed?.filter(matches));
    const nobody = shown.every(({ key }) => key.startsWith("# closed") || key.startsWith("closed "));
    if (nobody) shown.unshift({ key: "empty", stamp: [state.synced, state.filter], make: empty });
    keyed(box, known, shown);
  };
}

/** The elements of the conversations in the order they are shown. */
export const items = () => [...box.querySelectorAll(".item")];

const matches = (each) =>
  !state.filter ||
  [customerName(each), each.question, each.id, each.person_name, channelName(each.channel), languageName(each.language), reasonOf(each)]
    .join("\n")
    .toLowerCase()
    .includes(state.filter);

/** What the age of a case counts from: the wait of who waits, else the last word. */
const since = (each) => (each.owner === "waiting" ? each.opened_at : (each.closed_at ?? each.last_at));

function empty() {
  const [title, text] = !state.synced
    ? ["Loading…", ""]
    : state.filter
      ? ["Nothing found", "Try a name, a word of the question, a channel or a language."]
      : ["Nobody is waiting", "When a customer wants a person, they appear here at once."];
  return h("div", { class: "queue-empty" }, state.synced && !state.filter ? icon("check") : null, h("b", {}, title), h("p", {}, text));
}

function heading(name, title, count, isFolded, fold) {
  const button = h(
    "button",
    { type: "button", class: "section-button", "aria-expanded": String(!isFolded), "data-focus": "fold", onclick: () => fold(name) },
    icon("right"),
    title,
    count === null ? null : h("span", { class: "count" }, String(count)),
  );
  return h("h2", { class: "section", "data-section": name }, button);
}

function rest(more, show) {
  const count = Math.min(more, PAGE);
  return h("button", { type: "button", class: "more-button", "data-focus": "more", onclick: show }, `Show ${count} more`, h("span", { class: "count" }, `${more} not shown`));
}

function item(each, open) {
  const waits = each.owner === "waiting";
  const when = since(each);
  const label = waits ? `waits since ${ageInWords(when)}` : `${ageInWords(when)} ago`;
  return h(
    "button",
    {
      type: "button",
      class: "item",
      "data-focus": "item",
      "data-id": each.id,
      "data-unread": String(each.unread > 0 && each.closed_at === null),
      "aria-current": each.id === state.open ? "true" : null,
      onclick: () => open(each.id),
    },
    h(
      "span",
      { class: "item-top" },
      h("b", {}, customerName(each)),
      each.unread && each.closed_at === null ? h("span", { class: "unread", title: `${each.unread} unread` }, String(each.unread), h("span", { class: "hidden" }, " unread")) : null,
      h("time", { dateTime: new Date(when * 1000).toISOString(), title: momentOf(when) }, h("span", { "aria-hidden": "true" }, age(when)), h("span", { class: "hidden" }, label)),
    ),
    h("span", { class: "item-text" }, each.question || reasonOf(each)),
    h(
      "span",
      { class: "tags" },
      each.mood === "calm" ? null : h("span", { class: "tag", "data-mood": each.mood }, each.mood === "angry" ? "Angry" : "Unhappy"),
      isSnoozed(each) ? h("span", { class: "tag" }, `until ${momentOf(each.snoozed_until)}`) : null,
      each.owner === "human" && !isMine(each) ? h("span", { class: "tag" }, each.person_name) : null,
      waits ? h("span", { class: "tag" }, reasonOf(each)) : null,
      h("span", { class: "tag" }, channelName(each.channel)),
      each.language ? h("span", { class: "tag" }, languageName(each.language)) : null,
    ),
  );
}
