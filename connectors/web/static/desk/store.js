// What the page knows. Whoever changes it calls `changed()`; what is shown follows, once for any number of changes.

export const me = JSON.parse(document.body.dataset.me);

export const state = {
  queue: [], // open cases, in order: those that are mine, and the first of each other section
  more: {}, // by section, how many cases it has that aren't in `queue`
  closed: null, // cases closed lately, once they were asked for
  synced: false, // the queue has come
  filter: "",
  open: null, // the id of the conversation that is shown
  case: null, // its case, whole
  entries: [],
  tag: "", // of what was loaded
  problem: "", // why it can't be shown
  unsuggested: null, // why there is no suggestion for the conversation of that id
  busy: new Set(), // actions under way: `CONVERSATION ACTION`
  pending: new Map(), // by key: written here, not confirmed by the server yet
  sent: new Set(), // the keys of what was written here and confirmed
};

/** What the server says of the queue: see `connectors/web/desk/telling.py`. */
export function applyQueue({ whole, cases, gone, more }) {
  const told = new Set([...gone, ...cases.map((each) => each.case)]);
  const kept = whole ? [] : state.queue.filter((each) => !told.has(each.case));
  Object.assign(state, { queue: [...kept, ...cases].sort(order), more, synced: true });
}

/** Who waits, the longest first; then those that people have; then the snoozed. */
const order = (a, b) =>
  (a.snoozed_until ?? 0) - (b.snoozed_until ?? 0) || Boolean(a.person) - Boolean(b.person) || a.opened_at - b.opened_at;

const watchers = [];
let scheduled = false;

export const watch = (watcher) => watchers.push(watcher);

export function changed() {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    for (const watcher of watchers) watcher();
  });
}

export const isMine = (each) => each?.owner === "human" && each.person === me.id;
export const isSnoozed = (each) => each.snoozed_until !== null && each.closed_at === null && each.snoozed_until * 1000 > Date.now();

/** Make the children of `parent` those of `items` ({key, stamp, make}); what didn't change stays the same element. */
export function keyed(parent, known, items) {
  const keys = new Set(items.map((item) => item.key));
  for (const [key, { element }] of known) {
    if (keys.has(key)) continue;
    known.delete(key);
    element.remove();
  }
  items.forEach((item, place) => {
    const stamp = JSON.stringify(item.stamp);
    const before = known.get(item.key);
    const element = before?.stamp === stamp ? before.element : item.make();
    if (before && before.element !== element) replace(before.element, element);
    known.set(item.key, { element, stamp });
    if (parent.children[place] !== element) parent.insertBefore(element, parent.children[place] ?? null);
  });
}

/** Replace an element; the focus stays at the same place, `data-focus` says which. */
function replace(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  old.replaceWith(fresh);
  if (!focused) return;
  const name = focused.dataset.focus;
  (name ? (fresh.dataset.focus === name ? fresh : fresh.querySelector(`[data-focus="${name}"]`)) : fresh)?.focus({ preventScroll: true });
}
