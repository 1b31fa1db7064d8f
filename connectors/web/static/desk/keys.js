// One key for each thing to do, as long as nobody is typing.

import { byId } from "../chat/dom.js";
import { dialogIsOpen, showHelp } from "./dialogs.js";
import { items } from "./queue.js";
import { state } from "./store.js";

const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select";

function step(by) {
  const all = items();
  const current = all.findIndex((each) => each === document.activeElement);
  const from = current >= 0 ? current : all.findIndex((each) => each.dataset.id === state.open);
  const next = all[Math.min(all.length - 1, Math.max(0, from + by))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

/** `on` has what the keys do: the actions, and reply, note, ask. */
export function listenForKeys(on) {
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    c: on.claim,
    r: on.reply,
    n: on.note,
    e: on.resolve,
    s: on.snooze,
    b: on.hand_back,
    a: on.ask,
    "/": () => byId("filter").focus(),
    "?": showHelp,
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || dialogIsOpen()) return;
    if (event.target.closest(TYPING)) return;
    const press = keys[event.key];
    if (!press) return;
    event.preventDefault();
    press();
  });
}
