// The server's events, over one connection for all tabs of a browser: HTTP/1.1 allows six to a host, and each tab would take one.
// The tab that was looked at last holds a lock and the connection, and passes what it hears on to the others.

import { base } from "./dom.js";
import { keeps } from "./kept.js";
import { t } from "./texts.js";

const LOCK = `answerdesk-chat${base}`;
const EVENTS = ["conversation", "message", "edited", "feedback", "draft", "typing", "status"];
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 20_000;
const NO_COOKIES_RETRY = 60; // seconds

/**
 * Listen. `handlers` has a function for each of EVENTS, and `connection({open, reason})`; `after()` names the last event this tab has seen.
 * Returns `tell(name)`, which hands a note of our own ("reload") to the other tabs.
 */
export function listen(after, handlers) {
  const channel = keeps ? new BroadcastChannel(LOCK) : null;
  const hear = (name, data) => handlers[name]?.(data);
  const share = (name, data) => {
    hear(name, data);
    channel?.postMessage({ name, data });
  };
  channel?.addEventListener("message", ({ data }) => hear(data.name, data.data));

  const connection = connect(after, share);
  if (keeps && navigator.locks) leadInTurn(connection);
  else connection.open();
  addEventListener("online", connection.renew); // what was open before may be dead without knowing
  return (name) => channel?.postMessage({ name });
}

/** Hold the connection while this tab has the lock; take it when the tab comes to the front, and queue for it otherwise. */
function leadInTurn(connection) {
  let leading = false;
  const lead = (steal) =>
    navigator.locks
      .request(LOCK, { steal }, () => {
        leading = true;
        connection.open();
        return new Promise(() => {});
      })
      .catch(() => {
        leading = false;
        connection.close();
        lead(false);
      });
  const front = () => {
    if (document.visibilityState === "visible" && !leading) lead(true);
  };
  addEventListener("focus", front);
  document.addEventListener("visibilitychange", front);
  lead(document.visibilityState === "visible");
}

/** Why the server gives no events: an EventSource doesn't tell. */
async function refusal(address) {
  const stop = new AbortController();
  try {
    const response = await fetch(address, { signal: stop.signal });
    if (response.status === 403) return { reason: t("no_cookies"), retryAfter: NO_COOKIES_RETRY };
    if (response.status !== 429) return {};
    const { message } = await response.json();
    return { reason: message, retryAfter: Number(response.headers.get("Retry-After")) };
  } catch {
    return {};
  } finally {
    stop.abort();
  }
}

/** One EventSource that comes back: the browser's own retry gives up on any answer that isn't a stream, a proxy's 502 for one. */
function connect(after, share) {
  let active = false;
  let source = null;
  let timer = 0;
  let delay = FIRST_RETRY;

  const drop = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const close = () => {
    active = false;
    drop();
  };
  const open = () => {
    active = true;
    drop();
    const query = after() ? `?after=${encodeURIComponent(after())}` : "";
    const address = `${base}/chat/events${query}`;
    const mine = (source = new EventSource(address));
    source.addEventListener("error", async () => {
      const refused = mine.readyState === EventSource.CLOSED;
      drop();
      const { reason, retryAfter } = refused ? await refusal(address) : {};
      if (!active || source) return; // it was closed, or opened again, meanwhile
      share("connection", { open: false, reason });
      timer = setTimeout(open, retryAfter ? retryAfter * 1000 : delay * (0.75 + Math.random() / 2));
      delay = Math.min(delay * 2, LONGEST_RETRY);
    });
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        delay = FIRST_RETRY;
        share("connection", { open: true });
        share(name, { ...JSON.parse(event.data), cursor: event.lastEventId });
      });
    }
  };
  const renew = () => {
    if (active) open();
  };
  return { open, close, renew };
}
