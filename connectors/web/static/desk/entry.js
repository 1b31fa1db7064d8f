// One entry of the timeline: a message, a note for staff, or what happened.

import { h, icon } from "../chat/dom.js";
import { build } from "../chat/markup.js";
import { fileAddress } from "./api.js";
import { customerName, dayOf, sizeOf, timeOfDay } from "./format.js";
import { me } from "./store.js";

const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const SAYS = {
  outbox: "On its way…",
  failed: "Not delivered: the channel refused it",
  withdrawn: "Never sent: the customer can't be reached",
};

export const dayLine = (at) => h("div", { class: "day", role: "separator" }, h("span", {}, dayOf(at)));

export const eventLine = (entry) =>
  h("div", { class: "event" }, h("span", {}, entry.text), h("time", {}, timeOfDay(entry.at)));

/** `on` has what the buttons do: open(citation), why(entry), teach(entry), edit(entry), retry(key), recall(key). */
export function entryElement(entry, open, on) {
  if (entry.kind === "event") return eventLine(entry);
  const side = entry.kind === "note" ? "note" : entry.author;
  return h(
    "article",
    { class: "entry", "data-side": side, "data-status": entry.status || null, "aria-label": `${labelOf(entry, open)}, ${timeOfDay(entry.at)}` },
    h("header", { class: "entry-who" }, side === "note" ? icon("lock") : side === "bot" ? icon("bot") : null, h("b", {}, labelOf(entry, open)), h("time", {}, timeOfDay(entry.at)), entry.edited ? h("span", {}, "edited") : null),
    entry.text || entry.blocks ? h("div", { class: "entry-text" }, entry.blocks ? build(entry.blocks, (number) => cite(entry, number, on)) : entry.text) : null,
    files(entry, open),
    sources(entry, on),
    foot(entry, open, on),
  );
}

function labelOf(entry, open) {
  if (entry.kind === "note") return `Note by ${entry.name || "a colleague"}`;
  if (entry.author === "customer") return customerName(open);
  if (entry.author === "bot") return "Assistant";
  if (entry.author === "notice") return "Notice";
  return entry.name || "Team";
}

function cite(entry, number, on) {
  const found = entry.citations.find((each) => each.number === number);
  if (!found) return h("span", { class: "cite" }, String(number));
  return h("button", { type: "button", class: "cite", "aria-label": `Source ${number}: ${found.title}`, onclick: () => on.open(found) }, String(number));
}

export function sources(entry, on) {
  if (!entry.citations.length) return null;
  const chips = entry.citations.map((each) =>
    h("li", {}, h("button", { type: "button", class: "chip", onclick: () => on.open(each) }, h("span", { class: "cite" }, String(each.number)), h("span", {}, each.title || each.document), each.internal ? h("span", { class: "tag", "data-internal": "true" }, "internal") : null)),
  );
  return h("ul", { class: "chips", "aria-label": "Sources" }, chips);
}

function files(entry, open) {
  if (!entry.attachments?.length) return null;
  const shown = entry.attachments.map((each, place) => {
    const address = entry.key ? null : fileAddress(open.id, entry.id, place);
    const name = h("span", {}, each.name, h("small", {}, sizeOf(each.size)));
    const picture = address && IMAGES.has(each.media_type) ? h("img", { src: address, alt: each.name, loading: "lazy" }) : icon("page");
    return h("li", {}, address ? h("a", { class: "file", href: address, target: "_blank", rel: "noopener" }, picture, name) : h("span", { class: "file" }, picture, name));
  });
  return h("ul", { class: "files", "aria-label": "Files" }, shown);
}

function foot(entry, open, on) {
  if (entry.key)
    return entry.problem
      ? h(
          "footer",
          { class: "entry-foot failed" },
          h("span", {}, entry.problem),
          h("button", { type: "button", onclick: () => on.retry(entry.key) }, "Try again"),
          h("button", { type: "button", onclick: () => on.recall(entry.key) }, "Back to the editor"),
        )
      : h("footer", { class: "entry-foot" }, entry.kind === "note" ? "Saving…" : "Sending…");
  const canEdit = entry.author === "person" && entry.status === "sent" && open.owner === "human" && open.person === me.id;
  const says = entry.author === "bot" && entry.status === "withdrawn" && !open.gone ? "Never sent: a person took over" : SAYS[entry.status];
  const explains = entry.author === "bot" && entry.explained;
  const teaches = entry.text && entry.status === "sent" && (entry.author === "person" || explains);
  if (!says && !canEdit && !explains && !teaches) return null;
  return h(
    "footer",
    { class: `entry-foot${entry.status === "failed" ? " failed" : ""}` },
    says ? h("span", {}, says) : null,
    explains ? h("button", { type: "button", "data-focus": `why-${entry.id}`, onclick: () => on.why(entry) }, "Why?") : null,
    teaches ? h("button", { type: "button", "data-focus": `teach-${entry.id}`, onclick: () => on.teach(entry) }, entry.author === "bot" ? "Correct it" : "Save as answer") : null,
    canEdit ? h("button", { type: "button", "data-focus": "edit", onclick: () => on.edit(entry) }, "Edit") : null,
  );
}
