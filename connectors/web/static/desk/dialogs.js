// Small questions in between: until when, really?, and which keys there are.

import { byId, h } from "../chat/dom.js";
import { momentOf } from "./format.js";

const KEYS = [
  ["j / k", "Next and previous conversation"],
  ["Enter", "Open it"],
  ["c", "Claim, or take over"],
  ["r", "Reply"],
  ["n", "Write a note"],
  ["e", "Resolve"],
  ["s", "Snooze"],
  ["b", "Return to the bot"],
  ["a", "Ask the assistant"],
  ["/", "Search the queue"],
  ["Esc", "Leave a field, close a dialog"],
  ["?", "This overview"],
];

byId("help-keys").append(...KEYS.flatMap(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]));
export const showHelp = () => byId("help").showModal();
export const dialogIsOpen = () => document.querySelector("dialog[open]") !== null;

function answered(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

/** Ask before something that others notice; true if they want it. */
export async function confirmed(title, text, yes) {
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = yes;
  return (await answered(byId("confirm"))) === "yes";
}

function at(days, hour) {
  const time = new Date();
  time.setDate(time.getDate() + days);
  time.setHours(hour, 0, 0, 0);
  return time.getTime() / 1000;
}

function presets() {
  const now = new Date();
  const toMonday = (8 - now.getDay()) % 7 || 7;
  return [
    ["In an hour", Date.now() / 1000 + 3600],
    ["In three hours", Date.now() / 1000 + 3 * 3600],
    ["Tomorrow", at(1, 9)],
    ["Monday", at(toMonday, 9)],
  ];
}

/** Until when to snooze, in seconds since the epoch; null if they changed their mind. */
export async function snoozeTime() {
  const dialog = byId("snooze");
  const own = byId("snooze-time");
  const set = byId("snooze-set");
  byId("snooze-choices").replaceChildren(
    ...presets().map(([name, until]) => h("button", { class: "choice", value: String(until) }, h("b", {}, name), h("span", {}, momentOf(until)))),
  );
  own.value = "";
  own.min = new Date(Date.now() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  set.onclick = () => {
    const until = new Date(own.value).getTime();
    own.setCustomValidity(until > Date.now() ? "" : "Choose a time to come.");
    if (own.reportValidity()) dialog.close(String(until / 1000));
  };
  own.oninput = () => own.setCustomValidity("");
  const until = await answered(dialog);
  return until ? Number(until) : null;
}
