// The box that messages are written in.

import { createAttachments } from "./attachments.js";
import { byId, icon } from "./dom.js";
import { keep, recall } from "./kept.js";
import { t } from "./texts.js";

const WARN_WITHIN = 500;

const form = byId("composer");
const box = byId("text");
const send = byId("send");
const count = byId("count");
const limit = Number(document.body.dataset.limit);

// The server counts characters (code points), a string's length counts UTF-16 units.
const lengthOf = (text) => [...text].length;

/** `submit(text, files)` is called with a message that may be sent, `stop()` when the button stops an answer. */
export function createComposer(submit, stop) {
  let busy = false;
  let attachments = null;

  const update = () => {
    const left = limit - lengthOf(box.value);
    const files = attachments?.any() ?? false;
    const stops = busy && !box.value && !files;
    send.disabled = !stops && ((!box.value.trim() && !files) || left < 0 || (files && !attachments.ready()));
    send.dataset.stops = String(stops);
    send.title = t(stops ? "stop" : "send");
    send.setAttribute("aria-label", send.title);
    send.replaceChildren(icon(stops ? "stop" : "send"));
    form.classList.toggle("too-long", left < 0);
    count.classList.toggle("over", left < 0);
    count.textContent =
      left < 0 ? t("too_many", { count: -left }) : left < WARN_WITHIN ? t("left", { count: left }) : "";
    if (!CSS.supports("field-sizing", "content")) {
      box.style.height = "auto";
      box.style.height = `${box.scrollHeight}px`;
    }
    keep("draft", box.value);
  };

  box.addEventListener("input", update);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return; // 229: an input method is at work
    event.preventDefault();
    if (box.value.trim() || attachments.any()) form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (send.disabled) return;
    if (send.dataset.stops === "true") {
      stop();
      return;
    }
    const text = box.value.trim();
    box.value = "";
    update();
    submit(text, attachments.take());
  });

  box.value ||= recall("draft", ""); // what was written while the page was loading is newer
  attachments = createAttachments(update);
  update();
  if (matchMedia("(hover: hover)").matches) box.focus({ preventScroll: true }); // on a phone it would call up the keyboard

  return {
    /** While an answer is being made, the empty box offers to stop it. */
    setBusy(now) {
      if (now === busy) return;
      busy = now;
      update();
    },
  };
}

export const focusComposer = () => box.focus({ preventScroll: true });
