// The knowledge of the company, internal documents included: an answer from the assistant, and the passages themselves.

import { announce, byId, h, icon } from "../chat/dom.js";
import { build } from "../chat/markup.js";
import { ApiError, ask, loadPassage, search } from "./api.js";
import { sources } from "./entry.js";

const panel = byId("panel-knowledge");
const dialog = byId("passage");

/** `insert(text, mode)` puts words into the composer, or says why it can't. */
export function createKnowledge(insert) {
  const box = h("input", { id: "question", type: "search", placeholder: "Ask, or search your documents", autocomplete: "off", maxLength: 2000 });
  const results = h("div", { class: "found", "aria-live": "polite", "aria-busy": "false" }, hint());
  const form = h("form", { class: "ask", role: "search" }, h("label", { class: "hidden", htmlFor: "question" }, "Ask the assistant, or search"), box, h("button", { class: "button button-primary" }, icon("spark"), "Ask"));
  let turn = 0;

  panel.append(form, results);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.value.trim()) find(box.value.trim());
  });

  async function find(text) {
    const mine = ++turn;
    const answer = h("div", { class: "answer" }, h("p", { class: "working" }, "Looking through the documents…"));
    const passages = h("div", { class: "passages" });
    results.setAttribute("aria-busy", "true");
    results.replaceChildren(answer, passages);
    const current = (show) => (value) => mine === turn && show(value);
    const explain = (where) => (error) => {
      if (!(error instanceof ApiError)) throw error;
      if (mine === turn) where.replaceChildren(h("p", { class: "side-problem" }, error.message));
    };
    const answered = ask(text, current((said) => showAnswer(answer, said, insert))).catch(explain(answer));
    const found = search(text).then(current((said) => showPassages(passages, said.passages, insert))).catch((error) => (error.code === "unanswered" ? null : explain(passages)(error)));
    await Promise.all([answered, found]);
    if (mine === turn) results.setAttribute("aria-busy", "false");
  }

  return { focus: () => box.focus() };
}

const hint = () => h("p", { class: "side-empty" }, "Answers come from all documents, internal ones too. What is internal is marked, and is for you, not for customers.");

function showAnswer(box, said, insert) {
  const isAnswer = said.done && said.outcome === "answered";
  const internal = said.done && said.citations.some((each) => each.internal);
  const cite = (number) => h("span", { class: "cite" }, String(number));
  const words = said.text.replace(/\s?\[\d{1,2}\]/g, "");
  box.replaceChildren(
    h("h3", {}, "Assistant"),
    said.done && said.outcome === "handoff" ? h("p", { class: "entry-text" }, "The documents don't answer this. The passages below come nearest.") : h("div", { class: "entry-text" }, build(said.blocks, cite)),
    ...(said.done ? [sources(said, { open: openPassage })].filter(Boolean) : []),
    ...(isAnswer ? [actions(words, internal, insert)] : []),
  );
}

function showPassages(box, passages, insert) {
  box.replaceChildren(h("h3", {}, passages.length ? "Passages" : "No passage is about this"), ...passages.map((each) => passageElement(each, insert)));
}

function passageElement(each, insert) {
  const where = [each.title, each.place].filter(Boolean).join(" · ");
  return h(
    "article",
    { class: "passage", "data-internal": String(each.internal) },
    h("header", {}, h("button", { type: "button", class: "passage-title", onclick: () => openPassage(each) }, where || each.document), each.internal ? h("span", { class: "tag", "data-internal": "true" }, icon("lock"), "internal") : null),
    each.question ? h("b", {}, each.question) : null,
    h("p", { lang: each.language || null }, each.text),
    actions(each.text, each.internal, insert),
  );
}

/** Public words may go into a reply; internal ones into a note, and nowhere else by a slip. */
function actions(text, internal, insert) {
  const button = (label, symbol, press) => h("button", { type: "button", class: "link", onclick: press }, icon(symbol), label);
  const copy = async (event) => {
    await navigator.clipboard.writeText(text);
    event.target.replaceChildren(icon("check"), "Copied");
    announce("Copied");
  };
  return h(
    "div",
    { class: "passage-actions" },
    internal ? button("Put into a note", "lock", () => insert(text, "note")) : button("Insert", "compose", () => insert(text, "reply")),
    navigator.clipboard ? button("Copy", "copy", copy) : null,
  );
}

/** Show a cited passage with what stands around it. */
export async function openPassage(cited) {
  const position = cited.position ?? Number(cited.passage.slice(cited.passage.lastIndexOf("#") + 1));
  const body = byId("passage-body");
  byId("passage-title").textContent = cited.title || cited.document;
  byId("passage-link").hidden = true;
  body.replaceChildren(h("p", { class: "working" }, "Loading…"));
  if (!dialog.open) dialog.showModal();
  try {
    const found = await loadPassage(cited.document, position);
    const paragraph = (each, cited) => [each.question ? h("h3", {}, each.question) : null, h("p", { class: cited ? "cited" : null, lang: each.language || null }, each.text)];
    body.replaceChildren(
      ...[
        found.internal ? h("p", { class: "internal-line" }, icon("lock"), "Internal: customers can't see this document.") : null,
        found.place ? h("p", { class: "place" }, found.place) : null,
        ...found.before.flatMap((each) => paragraph(each, false)),
        ...paragraph(found, true),
        ...found.after.flatMap((each) => paragraph(each, false)),
      ].filter(Boolean),
    );
    const link = byId("passage-link");
    link.hidden = !found.url;
    if (found.url) link.href = found.url;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    body.replaceChildren(h("p", { class: "side-problem" }, error.message));
  }
}
