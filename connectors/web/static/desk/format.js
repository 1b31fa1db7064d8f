// Words and times as the desk shows them.

const SHORT = [
  [60, 1, "s"],
  [3600, 60, "m"],
  [86_400, 3600, "h"],
  [Infinity, 86_400, "d"],
];
const clock = new Intl.DateTimeFormat("en", { hour: "numeric", minute: "2-digit" });
const date = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });
const both = new Intl.DateTimeFormat("en", { weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
const languages = new Intl.DisplayNames("en", { type: "language" });

export const now = () => Date.now() / 1000;
export const timeOfDay = (seconds) => clock.format(seconds * 1000);
export const momentOf = (seconds) => both.format(seconds * 1000);

/** How long ago: `now`, `4m`, `3h`, `2d`. */
export function age(seconds) {
  const passed = Math.max(0, now() - seconds);
  if (passed < 60) return "now";
  const [, unit, letter] = SHORT.find(([below]) => passed < below);
  return `${Math.floor(passed / unit)}${letter}`;
}

/** How long ago, in words: `4 minutes`. */
export function ageInWords(seconds) {
  const passed = Math.max(0, now() - seconds);
  if (passed < 60) return "less than a minute";
  const [unit, name] = passed < 3600 ? [60, "minute"] : passed < 86_400 ? [3600, "hour"] : [86_400, "day"];
  const count = Math.floor(passed / unit);
  return `${count} ${name}${count === 1 ? "" : "s"}`;
}

/** "Today", "Yesterday", or the date. */
export function dayOf(seconds) {
  const day = new Date(seconds * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(day).setHours(0, 0, 0, 0)) / 86_400_000);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : date.format(day);
}

export const languageName = (code) => (code ? languages.of(code) : "unknown");
export const channelName = (channel) => ({ web: "Web chat", telegram: "Telegram", slack: "Slack" })[channel] ?? channel;
export const customerName = (each) => each.customer || `Visitor ${each.id.slice(0, 4)}`;

const REASONS = {
  "": "A person took it",
  not_covered: "No document covers this",
  unsure: "Not sure enough to answer",
  nothing_verified: "Nothing could be verified",
  asked_for_person: "Asked for a person",
  file: "Sent a file",
  no_documents: "There are no documents yet",
  failed: "Something failed",
  rule: "Always goes to a person",
  angry: "The customer is angry",
  repeated: "The assistant didn't help twice",
};
export const reasonOf = (each) => (REASONS[each.reason] ?? each.reason.replaceAll("_", " ")) + (each.detail ? `: ${each.detail}` : "");

export function sizeOf(bytes) {
  if (bytes === null || bytes === undefined) return "";
  return bytes < 1024 * 1024 ? `${Math.max(1, Math.round(bytes / 1024))} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
