// The bar at the top: who answers now, the way to a person, and the menu. Also the line that tells of the connection.

import { announce, byId, h } from "./dom.js";
import { cookieRules } from "./frame.js";
import { t } from "./texts.js";

const PATIENCE = 1500; // a blink of the connection is nobody's business
const THANKS = 2000;
const YEAR = 31_536_000;

const menu = byId("menu");
const human = byId("human");
const stateText = byId("state");
const line = byId("connection");
const confirm = byId("confirm");
const language = byId("language");

export function createHeader(on) {
  human.addEventListener("click", async () => {
    human.disabled = true;
    await on.human();
    human.disabled = false;
  });
  byId("new").addEventListener("click", () => {
    menu.open = false;
    confirm.returnValue = "no";
    confirm.showModal();
  });
  confirm.addEventListener("close", () => confirm.returnValue === "yes" && on.startAnew());
  for (const choice of document.querySelectorAll("[name=theme]"))
    choice.addEventListener("change", () => setTheme(choice.value));
  closeMenuFromOutside();

  let shown = null;
  return {
    status(owner) {
      if (shown !== null && shown !== owner) announce(`${t(`status_${owner}`)}. ${t(`status_${owner}_detail`)}`);
      shown = owner;
      stateText.parentElement.dataset.status = owner;
      stateText.textContent = t(`status_${owner}`);
      stateText.parentElement.title = t(`status_${owner}_detail`);
      human.hidden = owner === "waiting" || owner === "human";
    },
    connection: connectionLine(),
    problem: (text) => say(text, false),
    onLanguage(changed) {
      language.addEventListener("change", async () => {
        remember("language", language.value);
        await changed();
        location.reload();
      });
    },
  };
}

function remember(name, value) {
  document.cookie = `answerdesk_${name}=${value}; path=/; max-age=${value ? YEAR : 0}${cookieRules}`;
}

function setTheme(theme) {
  const chosen = theme === "auto" ? "" : theme;
  remember("theme", chosen);
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}

function closeMenuFromOutside() {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

function say(text, good) {
  line.replaceChildren(text, ...(text && text === t("no_cookies") ? [" ", ownWindow()] : []));
  line.classList.toggle("good", good);
  line.hidden = !text;
}

const ownWindow = () => h("a", { href: location.pathname, target: "_blank", rel: "noopener" }, t("open_window"));

function connectionLine() {
  let timer = 0;
  let lost = false;
  const complain = (reason) => {
    lost = true;
    say(reason ?? t(navigator.onLine ? "reconnecting" : "offline"), false);
  };
  addEventListener("offline", () => complain());
  return (open, reason) => {
    clearTimeout(timer);
    if (!open) {
      timer = setTimeout(complain, lost || reason ? 0 : PATIENCE, reason);
    } else if (lost) {
      lost = false;
      say(t("connected"), true);
      timer = setTimeout(() => say("", true), THANKS);
    }
  };
}
