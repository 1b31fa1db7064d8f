// How an answer of the assistant came about: how sure it was, what it read, and what it withheld.

import { byId, h, icon } from "../chat/dom.js";
import { ApiError, loadWhy } from "./api.js";
import { openPassage } from "./knowledge.js";

const dialog = byId("why");
const body = byId("why-body");
const SHORT = 240;
const OUTCOMES = { answered: "It answered", clarify: "It asked back", handoff: "It called a person" };
const BANDS = { answer: "answering", clarify: "asking back", "hand over": "calling a person" };
const percent = (value) => `${Math.round(value * 100)} %`;
const words = (name) => name.replaceAll("_", " ");

/** Show it for an entry of a conversation. */
export async function showWhy(conversation, entry) {
  body.replaceChildren(h("p", { class: "working" }, "Loading…"));
  if (!dialog.open) dialog.showModal();
  try {
    const told = await loadWhy(conversation, entry.seq);
    body.replaceChildren(...[sureness(told), passages(told), withheld(told), differences(told), details(told)].filter(Boolean));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    body.replaceChildren(h("p", { class: "side-problem" }, error.message));
  }
}

function sureness(told) {
  const reason = told.reason ? ` (${words(told.reason)})` : "";
  return h(
    "section",
    {},
    h("p", { class: "why-outcome" }, h("b", {}, `${OUTCOMES[told.outcome] ?? told.outcome}${reason}`), told.band ? `. It was ${percent(told.confidence)} sure that the passages answer the question, which calls for ${BANDS[told.band]}.` : ". No document was needed for it."),
    told.thresholds ? scale(told) : null,
  );
}

/** The three bands, and where the confidence lies. */
function scale({ confidence, thresholds: { answer, clarify } }) {
  const band = (name, from, to) => h("span", { class: "why-band", "data-band": name, style: `flex-grow: ${Math.max(0, to - from)}` });
  const label = (name, from) => h("li", { "data-band": name }, `${BANDS[name]}: ${from}`);
  return h(
    "div",
    { class: "why-scale" },
    h("div", { class: "why-bands", "aria-hidden": "true" }, band("hand over", 0, clarify), band("clarify", clarify, answer), band("answer", answer, 1), h("span", { class: "why-mark", style: `inset-inline-start: ${confidence * 100}%` })),
    h("ul", {}, label("hand over", `below ${percent(clarify)}`), label("clarify", `from ${percent(clarify)}`), label("answer", `from ${percent(answer)}`)),
  );
}

function passages(told) {
  if (!told.passages.length) return null;
  const query = told.query ? h("p", { class: "why-query" }, "Searched for: ", h("q", {}, told.query)) : null;
  return h("section", {}, h("h3", {}, "Passages it read"), query, h("ol", { class: "why-passages" }, told.passages.map(passageElement)));
}

function passageElement(each) {
  const name = [each.title || each.document, each.place].filter(Boolean).join(" · ");
  const gone = each.text === null;
  const tag = (text, marks = {}) => h("span", { class: "tag", ...marks }, text);
  return h(
    "li",
    { "data-cited": String(each.cited) },
    h("header", {}, gone ? h("b", {}, name) : h("button", { type: "button", class: "passage-title", onclick: () => openPassage(each) }, name), each.cited ? tag("cited") : null, each.internal ? tag("internal", { "data-internal": "true" }) : null),
    h("p", {}, gone ? "This passage has been changed or removed since." : shortened(each.question ? `${each.question} ${each.text}` : each.text)),
    h("p", { class: "why-figures" }, `score ${each.score.toFixed(2)} · meaning ${each.cosine.toFixed(2)} · words ${each.keyword.toFixed(2)}`),
  );
}

const shortened = (text) => (text.length > SHORT ? `${text.slice(0, SHORT)}…` : text);

function withheld(told) {
  if (!told.withheld?.length) return null;
  const line = (each) => h("li", {}, h("q", {}, each.sentence), h("span", {}, `${words(each.flaw)}${each.detail ? `: ${each.detail}` : ""}`));
  return h("section", {}, h("h3", {}, icon("lock"), "Written, and not shown to the customer"), h("ul", { class: "why-withheld" }, told.withheld.map(line)));
}

function differences(told) {
  if (!told.documents_differ.length) return null;
  const line = (each) => h("li", {}, `${each.kept} says “${each.said}”, ${each.other} says “${each.otherwise}”. It answered from the first (${words(each.ruling)}).`);
  return h("section", {}, h("h3", {}, "Documents that contradict each other"), h("ul", {}, told.documents_differ.map(line)));
}

function details(told) {
  const signals = Object.entries(told.signals ?? {}).map(([name, value]) => `${words(name)} ${Number(value).toFixed(2)}`);
  const timings = Object.entries(told.timings_ms).map(([name, value]) => `${words(name)} ${Math.round(value)} ms`);
  if (!signals.length && !timings.length) return null;
  return h("details", {}, h("summary", {}, "Figures"), signals.length ? h("p", {}, `Signals of the confidence: ${signals.join(", ")}.`) : null, h("p", {}, `Timings: ${timings.join(", ")}.`));
}
