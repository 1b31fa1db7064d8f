// Where replies and notes are written. They look different, go different ways, and are kept apart for each conversation.

import { byId, h, icon } from "../chat/dom.js";
import { sizeOf } from "./format.js";
import { keep, kept } from "./keeping.js";
import { isMine, state } from "./store.js";

const LIMIT = Number(document.body.dataset.limit);
const LARGEST = Number(document.body.dataset.largestFile);
const MOST_FILES = 5;
const WARN_WITHIN = 300;

const form = byId("composer");
const box = byId("words");
const submit = byId("submit");
const count = byId("composer-count");
const uploads = byId("uploads");
const chooser = byId("files");
const closed = byId("composer-closed");
const opened = byId("composer-open");
const modes = { reply: byId("mode-reply"), note: byId("mode-note") };
const WORDS = {
  reply: ["Reply to the customer", "Write to the customer…", "The customer reads this", "Send"],
  note: ["Note for your team", "Write a note for your team…", "Only your team sees this", "Add note"],
  edit: ["Edit the reply", "", "The customer sees the new words where the channel can show them", "Save"],
};

// The server counts characters (code points), a string's length counts UTF-16 units.
const lengthOf = (text) => [...text].length;

/** `on` has `send({kind, text, files, seq})`, `claim()` and `problem(text)`. */
export function createComposer(on) {
  const files = new Map(); // by conversation
  const editing = new Map(); // by conversation: the entry that is edited
  const wanted = new Map(); // by conversation: the mode that was chosen
  let shownFor = "";

  const chosen = () => wanted.get(state.open) ?? "reply";
  const mode = () => (chosen() === "reply" && editing.has(state.open) ? "edit" : chosen());
  const place = () => `draft ${state.open} ${mode()}`;
  const attached = () => (mode() === "reply" ? (files.get(state.open) ?? []) : []);
  const mayWrite = () => chosen() === "note" || isMine(state.case);

  function update() {
    const left = LIMIT - lengthOf(box.value);
    submit.disabled = left < 0 || (!box.value.trim() && !attached().length);
    count.textContent = left < 0 ? `${-left} characters too many` : left < WARN_WITHIN ? `${left} characters left` : "";
    count.classList.toggle("over", left < 0);
    if (!CSS.supports("field-sizing", "content")) {
      box.style.height = "auto";
      box.style.height = `${box.scrollHeight}px`;
    }
  }

  function showFiles() {
    uploads.replaceChildren(
      ...attached().map((file) =>
        h("li", { class: "upload" }, icon("page"), h("span", {}, file.name, h("small", {}, sizeOf(file.size))), h("button", { type: "button", class: "icon-button", "aria-label": `Remove ${file.name}`, onclick: () => drop(file) }, icon("close"))),
      ),
    );
    uploads.hidden = !attached().length;
  }

  function drop(file) {
    files.set(state.open, attached().filter((each) => each !== file));
    showFiles();
    update();
    box.focus();
  }

  function attach(list) {
    if (mode() !== "reply" || !isMine(state.case)) return;
    const held = attached();
    for (const file of list) {
      if (held.length >= MOST_FILES) on.problem(`A reply can have ${MOST_FILES} files at most.`);
      else if (file.size > LARGEST) on.problem(`${file.name} is too large: a file can have ${sizeOf(LARGEST)} at most.`);
      else if (!file.size) on.problem(`${file.name} is empty.`);
      else held.push(file);
    }
    files.set(state.open, held.slice(0, MOST_FILES));
    showFiles();
    update();
  }

  function choose(next, focus = true) {
    wanted.set(state.open, next);
    render();
    if (focus && mayWrite()) box.focus();
  }

  function put(text, { mode: next = "reply", focus = true, add = false } = {}) {
    wanted.set(state.open, next);
    if (next === "reply" && !add) editing.delete(state.open);
    render();
    box.value = add && box.value.trim() ? `${box.value.trimEnd()}\n\n${text}` : text;
    keepWords();
    if (focus) box.focus();
  }

  const keepWords = () => {
    keep(place(), box.value);
    update();
  };

  function render() {
    const open = state.case;
    byId("foot").hidden = !open;
    if (!open) {
      shownFor = "";
      return;
    }
    const now = mode();
    const [label, placeholder, says, action] = WORDS[now];
    form.dataset.mode = now;
    for (const [name, button] of Object.entries(modes)) button.setAttribute("aria-pressed", String(chosen() === name));
    byId("words-label").textContent = label;
    box.placeholder = placeholder;
    byId("mode-says").textContent = says;
    submit.replaceChildren(icon(now === "note" ? "lock" : now === "edit" ? "check" : "send"), h("span", {}, action));
    byId("attach").hidden = now !== "reply";
    byId("cancel-edit").hidden = now !== "edit";
    opened.hidden = !mayWrite();
    closed.hidden = mayWrite();
    if (!mayWrite()) showClosed(open);
    if (shownFor !== place()) {
      shownFor = place();
      box.value = kept(shownFor) ?? (now === "edit" ? editing.get(open.id).text : "");
      showFiles();
      update();
    }
  }

  function showClosed(open) {
    const [text, label] =
      open.owner === "waiting"
        ? ["Claim this conversation to reply.", "Claim"]
        : open.owner === "human"
          ? [`${open.person_name} has this conversation. You can leave a note.`, "Take over"]
          : open.owner === "closed"
            ? ["Resolved. When the customer writes again, the assistant answers.", "Write again"]
            : ["The assistant has this conversation. Claim it to write to the customer.", "Claim"];
    const stamp = `${open.id} ${text}`;
    if (closed.dataset.stamp === stamp) return;
    closed.dataset.stamp = stamp;
    closed.replaceChildren(h("span", {}, text), h("button", { type: "button", class: "button", onclick: on.claim }, icon("person"), label));
  }

  for (const name of Object.keys(modes)) modes[name].addEventListener("click", () => choose(name));
  box.addEventListener("input", keepWords);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") box.blur();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return; // 229: an input method is at work
    event.preventDefault();
    form.requestSubmit();
  });
  box.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    attach(event.clipboardData.files);
  });
  byId("attach").addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    attach(chooser.files);
    chooser.value = "";
    box.focus();
  });
  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    attach(event.dataTransfer.files);
  });
  byId("cancel-edit").addEventListener("click", () => {
    keep(place(), "");
    editing.delete(state.open);
    render();
    box.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (submit.disabled || !mayWrite()) return;
    const sent = { kind: mode(), text: box.value.trim(), files: attached(), seq: editing.get(state.open)?.seq };
    box.value = "";
    keepWords();
    files.delete(state.open);
    if (sent.kind === "edit") editing.delete(state.open);
    if (sent.kind === "note") wanted.set(state.open, "reply"); // the next words may be for the customer: let them choose anew
    render();
    showFiles();
    update();
    on.send(sent);
  });

  return {
    render,
    choose,
    /** The conversation may be answered: go to the reply, unless a note is being written by now. */
    ready() {
      if (chosen() === "reply" && !form.contains(document.activeElement)) choose("reply");
    },
    put,
    edit(entry) {
      editing.set(state.open, entry);
      choose("reply");
    },
    /** What wasn't sent comes back into the editor. */
    restore(sent) {
      if (sent.kind === "edit") editing.set(state.open, { seq: sent.seq, text: sent.text });
      else if (sent.files.length) files.set(state.open, sent.files);
      put(sent.text, { mode: sent.kind === "note" ? "note" : "reply", add: sent.kind !== "edit" });
      showFiles();
      update();
    },
  };
}
