// The chat in a frame of the company's own page; see widget.js, which it talks to. Nothing secret is told.

import { byId } from "./dom.js";

export const framed = window !== window.top;
/** What a cookie needs that is to be kept in a frame: browsers keep it apart for each site that shows the chat. */
export const cookieRules = framed && window.isSecureContext ? "; samesite=none; secure; partitioned" : "; samesite=lax";

const tell = (message) => window.parent.postMessage(message, "*");
let open = true;

/** Whether nobody can see the chat now. */
export const unseen = () => document.hidden || !open;

export const tellUnread = (count) => framed && tell({ answerdesk: "unread", count });

/** `seen()` is called when the chat is opened again. */
export function joinPage(seen) {
  if (!framed) return;
  document.documentElement.dataset.framed = "";
  const close = byId("close");
  close.hidden = false;
  close.addEventListener("click", () => tell({ answerdesk: "close" }));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !document.querySelector("dialog[open], details[open]"))
      tell({ answerdesk: "close" });
  });
  tell({ answerdesk: "ready" });
  addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || !data?.answerdesk) return;
    open = data.answerdesk === "opened";
    if (open) seen();
  });
}
