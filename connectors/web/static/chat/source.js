// The panel that shows a cited passage in its document: beside the conversation, or over it from below on a narrow screen.

import { ApiError, loadPassage } from "./api.js";
import { byId, h, icon } from "./dom.js";
import { t } from "./texts.js";

const panel = byId("source");
const tabs = byId("source-tabs");
const title = byId("source-title");
const place = byId("source-place");
const text = byId("source-text");
const link = byId("source-link");
const narrow = matchMedia("(max-width: 63.99rem)");

let opener = null;
let wanted = "";

byId("source-close").addEventListener("click", () => panel.close());
panel.addEventListener("close", () => {
  opener?.setAttribute("aria-expanded", "false");
  if (opener?.isConnected) opener.focus();
  opener = null;
});
panel.addEventListener("click", (event) => {
  if (event.target === panel && panel.matches(":modal")) panel.close(); // a tap beside the sheet
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && panel.open && !document.querySelector("dialog:modal")) panel.close();
});
narrow.addEventListener("change", () => {
  if (!panel.open) return;
  const from = opener;
  opener = null;
  panel.close();
  reveal(from);
});

function reveal(from) {
  opener?.setAttribute("aria-expanded", "false");
  opener = from;
  opener?.setAttribute("aria-expanded", "true");
  if (panel.open) return;
  if (narrow.matches) panel.showModal();
  else panel.show();
  byId("source-close").focus({ focusVisible: false });
}

export const closeSource = () => panel.close();

/** Open the panel at a message's citation; the message's other citations are one press away. */
export function openSource(message, number, from) {
  reveal(from);
  show(message, number);
}

async function show(message, number) {
  const citation = message.citations.find((item) => item.number === number);
  renderTabs(message, number);
  title.textContent = citation.title;
  place.textContent = citation.location;
  text.replaceChildren(h("p", { class: "excerpt" }, t("loading")));
  link.hidden = true;
  wanted = citation.passage;
  const position = citation.passage.slice(citation.passage.lastIndexOf("#") + 1);
  try {
    const passage = await loadPassage(citation.document, position);
    if (wanted === citation.passage) renderPassage(passage);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (wanted === citation.passage)
      text.replaceChildren(h("p", { class: "source-problem" }, t(error.permanent ? "source_gone" : "source_failed")));
  }
}

function renderTabs(message, current) {
  if (message.citations.length === 1) {
    tabs.replaceChildren(t("source", { number: current }));
    return;
  }
  const buttons = message.citations.map(({ number, title: name }) => {
    const properties = {
      type: "button",
      class: "cite",
      "aria-label": t("open_source", { number, title: name }),
      "aria-current": String(number === current),
    };
    return h("button", { ...properties, onclick: () => show(message, number) }, String(number));
  });
  tabs.replaceChildren(t("sources"), ...buttons);
  tabs.querySelector("[aria-current=true]").focus({ preventScroll: true, focusVisible: false });
}

function renderPassage(passage) {
  title.textContent = passage.title;
  place.textContent = passage.place;
  text.lang = passage.language;
  const excerpts = [...passage.before.map(excerpt), cited(passage), ...passage.after.map(excerpt)];
  text.replaceChildren(...excerpts);
  link.replaceChildren(icon(passage.url ? "up" : "page"), passage.url ? t("open_original") : t("open_document"));
  link.href = passage.url || passage.page;
  link.hidden = false;
  text.querySelector(".cited").scrollIntoView({ block: "nearest" });
}

const excerpt = ({ question, text: content }) =>
  h("div", { class: "excerpt" }, question ? h("h3", {}, question) : null, content);

function cited(passage) {
  const element = excerpt(passage);
  element.classList.add("cited");
  element.setAttribute("role", "group");
  element.setAttribute("aria-label", t("cited_passage"));
  return element;
}
