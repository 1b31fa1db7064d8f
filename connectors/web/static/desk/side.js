// The case: who, why, how they feel, what it is about, and what the assistant would say.

import { byId, h, icon } from "../chat/dom.js";
import { build } from "../chat/markup.js";
import { sources } from "./entry.js";
import { age, ageInWords, channelName, customerName, languageName, momentOf, reasonOf } from "./format.js";
import { isMine, keyed, state } from "./store.js";

const panel = byId("panel-case");
const SURE = 0.5; // below it, sending the words as they are isn't what we offer first
const MOODS = { calm: "Calm", unhappy: "Unhappy", angry: "Angry" };

/** `on` has send(text, key), edit(text), suggest(hint), claim(), open(citation). */
export function createSide(on) {
  const known = new Map();

  return function render() {
    const open = state.case;
    if (!open) {
      keyed(panel, known, [{ key: "empty", stamp: "", make: () => h("p", { class: "side-empty" }, "Open a conversation to see who it is and why it came to you.") }]);
      return;
    }
    const suggesting = state.busy.has(`${open.id} suggest`);
    const problem = state.unsuggested?.id === open.id ? state.unsuggested.says : "";
    keyed(panel, known, [
      { key: "facts", stamp: [open.id, open.customer, open.reason, open.detail, open.mood, open.language, open.person_name, age(open.opened_at)], make: () => facts(open) },
      { key: "summary", stamp: [open.id, open.summary], make: () => summary(open) },
      { key: "suggestion", stamp: [open.id, open.suggestion, open.owner, isMine(open), suggesting, problem, progress(open.suggestion)], make: () => suggestion(open, suggesting, problem, on) },
    ]);
  };
}

function facts(open) {
  const row = (name, value, mood = null) => [h("dt", {}, name), h("dd", { "data-mood": mood }, value)];
  return h(
    "section",
    { class: "block" },
    h("h3", {}, customerName(open)),
    h(
      "dl",
      { class: "facts" },
      row("Why", reasonOf(open)),
      row("Mood", MOODS[open.mood] ?? open.mood, open.mood),
      row("Language", languageName(open.language)),
      row("Channel", channelName(open.channel)),
      row("Since", `${momentOf(open.opened_at)} (${ageInWords(open.opened_at)})`),
      row("With", open.person_name || (open.owner === "waiting" ? "Nobody yet" : "The assistant")),
    ),
  );
}

function summary(open) {
  return h("section", { class: "block" }, h("h3", {}, "In short"), open.summary.length ? h("ul", { class: "summary" }, open.summary.map((line) => h("li", {}, line))) : h("p", { class: "side-empty" }, "Nothing was said yet."));
}

function suggestion(open, busy, problem, on) {
  const made = open.suggestion;
  const answerable = open.owner === "waiting" || open.owner === "human";
  const hint = h("input", { id: "hint", type: "text", maxLength: 500, placeholder: "Hint: offer a refund", "data-focus": "hint", autocomplete: "off" });
  const again = h(
    "form",
    {
      class: "again",
      onsubmit: (event) => {
        event.preventDefault();
        on.suggest(hint.value.trim());
      },
    },
    h("label", { class: "hidden", htmlFor: "hint" }, "Hint for the assistant"),
    hint,
    h("button", { class: "button", disabled: busy, "data-focus": "suggest" }, icon(made ? "retry" : "spark"), busy ? "Thinking…" : made ? "Suggest again" : "Suggest"),
  );
  return h(
    "section",
    { class: "block suggestion" },
    h("h3", {}, "What the assistant would say"),
    made ? body(made, on) : h("p", { class: "side-empty" }, "It has no suggestion."),
    made && isMine(open) ? buttons(made, on) : null,
    made && !isMine(open) && answerable ? h("p", { class: "side-empty" }, "Claim the conversation to send it.") : null,
    problem ? h("p", { class: "side-problem", role: "status" }, problem) : null,
    answerable ? again : null,
  );
}

function body(made, on) {
  const percent = Math.round(made.confidence * 100);
  const cite = (number) => {
    const found = made.citations.find((each) => each.number === number);
    return found ? h("button", { type: "button", class: "cite", "aria-label": `Source ${number}: ${found.title}`, onclick: () => on.open(found) }, String(number)) : h("span", { class: "cite" }, String(number));
  };
  const meter = h("meter", { min: 0, max: 1, value: made.confidence, "aria-label": "How sure the assistant is" });
  return h(
    "div",
    { class: "suggested" },
    h("div", { class: "entry-text" }, build(made.blocks, cite)),
    sources(made, on),
    h("p", { class: "sure" }, meter, h("span", {}, `${percent} % sure${isSure(made) ? "" : ": read it before you use it"}`), made.hint ? h("span", {}, `Hint: ${made.hint}`) : null),
  );
}

function buttons(made, on) {
  const sent = progress(made);
  return h(
    "div",
    { class: "suggestion-buttons" },
    h("button", { type: "button", class: `button${isSure(made) ? " button-primary" : ""}`, "data-focus": "send-draft", disabled: Boolean(sent), onclick: () => on.send(plain(made), keyOf(made)) }, icon("send"), sent || "Send draft"),
    h("button", { type: "button", class: "button", "data-focus": "edit-draft", onclick: () => on.edit(plain(made)) }, icon("pencil"), "Edit & send"),
  );
}

/** One suggestion is sent once. */
const keyOf = (made) => `draft-${Math.round(made.at * 1000)}`;

function progress(made) {
  if (!made) return "";
  return state.pending.has(keyOf(made)) ? "Sending…" : state.sent.has(keyOf(made)) ? "Sent" : "";
}

const isSure = (made) => made.confidence >= SURE;

/** The words without the markers, whose sources a customer wouldn't see. */
const plain = (made) => made.text.replace(/\s?\[\d{1,2}\]/g, "");
