// Answers that staff approved: saved from a reply, listed, changed, removed.

import { byId, h, icon } from "../chat/dom.js";
import { ApiError, forget, loadLesson, loadTaught, teach } from "./api.js";
import { confirmed } from "./dialogs.js";
import { momentOf } from "./format.js";

const panel = byId("panel-answers");
const dialog = byId("teach");
const form = byId("teach-form");
const question = byId("teach-question");
const answer = byId("teach-answer");
const doubts = byId("teach-doubts");
const save = byId("teach-save");

/** `saved()` is told when there is a new answer. */
export function createAnswers(saved) {
  let about = {};
  let sure = false;

  function open(title, lesson, more) {
    about = more;
    byId("teach-title").textContent = title;
    question.value = lesson.question;
    answer.value = lesson.answer;
    form.elements.audience.value = lesson.audience ?? "public";
    doubt([]);
    if (!dialog.open) dialog.showModal();
    question.focus();
  }

  /** What was shown stays agreed to until something is changed. */
  function doubt(found) {
    sure = found.length > 0;
    save.textContent = sure ? "Save anyway" : "Save";
    doubts.replaceChildren(...(sure ? [h("p", {}, "Look at this first:"), h("ul", {}, found.map((each) => h("li", {}, each.says)))] : []));
  }

  const problem = (error) => {
    if (!(error instanceof ApiError)) throw error;
    doubts.replaceChildren(h("p", { class: "side-problem" }, error.message));
  };

  form.addEventListener("input", () => doubt([]));
  byId("teach-cancel").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    save.disabled = true;
    try {
      const came = await teach({ question: question.value, answer: answer.value, audience: form.elements.audience.value, sure, ...about });
      if (!came.document) {
        doubt(came.doubts);
        return;
      }
      dialog.close();
      saved();
      if (!panel.hidden) load();
    } catch (error) {
      problem(error);
    } finally {
      save.disabled = false;
    }
  });

  async function load() {
    try {
      const { answers } = await loadTaught();
      panel.replaceChildren(h("h3", {}, "Answers that your team approved"), ...(answers.length ? answers.map(element) : [hint()]));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      panel.replaceChildren(h("p", { class: "side-problem" }, error.message));
    }
  }

  function element(each) {
    const button = (label, symbol, press) => h("button", { type: "button", class: "link", "aria-label": `${label}: ${each.question}`, onclick: press }, icon(symbol), label);
    return h(
      "article",
      { class: "passage", "data-internal": String(each.audience === "internal") },
      h("header", {}, h("b", {}, each.question), each.audience === "internal" ? h("span", { class: "tag", "data-internal": "true" }, icon("lock"), "internal") : null),
      h("p", {}, each.answer),
      h("p", { class: "taught-at" }, momentOf(each.changed)),
      h("div", { class: "passage-actions" }, button("Change", "pencil", () => open("Change an answer", each, { replaces: each.document })), button("Remove", "close", () => removed(each))),
    );
  }

  async function removed(each) {
    if (!(await confirmed("Remove this answer?", `“${each.question}” is answered from your documents again, or goes to a person.`, "Remove"))) return;
    try {
      await forget(each.document);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
    await load();
    panel.focus();
  }

  return {
    load,
    async teach(conversation, entry) {
      open(entry.author === "bot" ? "Correct this answer" : "Save as answer", { question: "", answer: entry.text }, { conversation });
      try {
        const lesson = await loadLesson(conversation, entry.seq);
        question.value = lesson.question;
        answer.value = lesson.answer;
      } catch (error) {
        problem(error);
      }
    },
  };
}

const hint = () => h("p", { class: "side-empty" }, "None yet. Press “Save as answer” below a reply, and the next customer who asks gets it at once.");
