// Tells that somebody waits: the title and the icon always; a sound and the desktop's own notifications if asked for.

import { announce, base, byId } from "../chat/dom.js";
import { customerName } from "./format.js";
import { isMine, isSnoozed, state } from "./store.js";

const SOUND = `answerdesk-desk-sound${base}`;
const DESKTOP = `answerdesk-desk-notifications${base}`;
const icon = document.querySelector("link[rel=icon]");
const quiet = icon.href;
const news = quiet.replace("icon.svg", "icon-news.svg");
const title = document.title;
const sound = byId("sound");
const desktop = byId("desktop");

/** `open(id)` is what a click on a notification does. */
export function createNotifications(open) {
  let before = null; // unread messages by case, as they were told last
  let newest = 0; // when the latest of them was opened or written in: what comes into view later is no news

  sound.checked = localStorage.getItem(SOUND) === "on";
  desktop.checked = localStorage.getItem(DESKTOP) === "on" && globalThis.Notification?.permission === "granted";
  sound.addEventListener("change", () => {
    localStorage.setItem(SOUND, sound.checked ? "on" : "off");
    if (sound.checked) ring();
  });
  desktop.addEventListener("change", async () => {
    if (desktop.checked && (await globalThis.Notification?.requestPermission()) !== "granted") {
      desktop.checked = false;
      announce("The browser doesn't allow notifications from this page.");
    }
    localStorage.setItem(DESKTOP, desktop.checked ? "on" : "off");
  });

  return function tell() {
    const mine = state.queue.filter((each) => !isSnoozed(each) && (each.owner === "waiting" || isMine(each)));
    const count = mine.filter((each) => each.owner === "waiting" || each.unread).length + (state.more.waiting ?? 0);
    document.title = count ? `(${count}) ${title}` : title;
    icon.href = count ? news : quiet;
    const unread = new Map(mine.map((each) => [each.case, each.unread]));
    const fresh = before ? mine.filter((each) => (before.has(each.case) ? each.unread > before.get(each.case) : each.last_at > newest)) : [];
    before = unread;
    newest = Math.max(newest, ...mine.map((each) => each.last_at));
    for (const each of fresh) {
      const says = each.owner === "waiting" ? `${customerName(each)} is waiting` : `${customerName(each)} wrote`;
      if (each.id !== state.open || document.hidden) announce(says);
      if (desktop.checked && document.hidden) {
        const shown = new Notification(says, { body: each.question, tag: each.id });
        shown.addEventListener("click", () => {
          focus();
          open(each.id);
          shown.close();
        });
      }
    }
    if (fresh.length && sound.checked) ring();
  };
}

/** Two soft notes. */
function ring() {
  const audio = new AudioContext();
  [660, 880].forEach((frequency, place) => {
    const start = audio.currentTime + place * 0.14;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.12, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.3);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.32);
  });
  setTimeout(() => audio.close(), 800);
}
