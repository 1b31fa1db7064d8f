// The interface texts of the chosen language, as the server put them into the page.

const texts = JSON.parse(document.body.dataset.texts);

/** A text with its {placeholders} filled in. */
export function t(key, values = {}) {
  return texts[key].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

const language = document.documentElement.lang;
const clock = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
const date = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

export const timeOfDay = (seconds) => clock.format(seconds * 1000);

/** "today", "yesterday", or the date, with a capital where the language starts lines with one. */
export function dayOf(seconds) {
  const day = new Date(seconds * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(day).setHours(0, 0, 0, 0)) / 86_400_000);
  const text = days === 0 || days === 1 ? relative.format(-days, "day") : date.format(day);
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}

/** How large a file is, such as "1.4 MB". */
export function sizeOf(bytes) {
  const [unit, size] = bytes < 1_000_000 ? ["kilobyte", bytes / 1000] : ["megabyte", bytes / 1_000_000];
  const format = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: size < 10 ? 1 : 0 };
  return new Intl.NumberFormat(language, format).format(Math.max(size, 0.1));
}
