// The server's events. An EventSource of our own that comes back: the browser's gives up on a proxy's 502, for one.

import { base } from "../chat/dom.js";

const EVENTS = ["queue", "changed", "look", "signed_out"];
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 15_000;

/**
 * `handlers` has a function for each of EVENTS, and `connection(open)`. Returns what shows `most` cases of each section
 * from now on.
 */
export function listen(handlers) {
  let cursor = "";
  let source = null;
  let timer = 0;
  let delay = FIRST_RETRY;
  let shown = "";

  function open() {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(`${base}/desk/events?after=${cursor}${shown}`);
    source.addEventListener("error", () => {
      source.close();
      handlers.connection(false);
      timer = setTimeout(open, delay * (0.75 + Math.random() / 2));
      delay = Math.min(delay * 2, LONGEST_RETRY);
    });
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        delay = FIRST_RETRY;
        if (event.lastEventId) cursor = event.lastEventId;
        handlers.connection(true);
        if (name === "signed_out") source.close();
        handlers[name](JSON.parse(event.data));
      });
    }
  }
  addEventListener("online", open); // what was open before may be dead without knowing
  open();
  return (most) => {
    shown = `&most=${most}`;
    open();
  };
}
