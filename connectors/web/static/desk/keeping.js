// Words that outlive the page, in this tab: until their writer signs out, or somebody else signs in.

import { base } from "../chat/dom.js";
import { me } from "./store.js";

const PLACE = `answerdesk-desk${base} `;
const WRITER = `${PLACE}of`;
let over = false; // signed out: what fails on the way out is kept no more

function forget() {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PLACE)) sessionStorage.removeItem(key);
}

if (sessionStorage.getItem(WRITER) !== me.id) forget();
sessionStorage.setItem(WRITER, me.id);
document.getElementById("sign-out").addEventListener("submit", () => {
  over = true;
  forget();
});

export const kept = (name) => sessionStorage.getItem(PLACE + name);

/** Keep a text under a name; an empty one isn't kept. */
export function keep(name, text) {
  if (over) return;
  if (text) sessionStorage.setItem(PLACE + name, text);
  else sessionStorage.removeItem(PLACE + name);
}
