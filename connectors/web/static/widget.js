// A button in the corner of a company's page that opens the chat in a frame. Include it by
//   <script src="https://help.example.com/chat/widget.js" async></script>
// with any of data-language="de", data-side="left" and data-accent="#0f6b53". `Answerdesk.open()`, `.close()` and `.toggle()` do what they say.

(() => {
  const { base, texts } = GIVEN_BY_THE_SERVER;
  const script = document.currentScript;
  if (window.Answerdesk) return;

  const { origin } = new URL(script.src);
  const { language = document.documentElement.lang || navigator.language, side, accent } = script.dataset;
  const code = language.toLowerCase().split("-")[0];
  const text = texts[code] ?? texts.en;
  const REMEMBERED = `answerdesk-open${base}`;

  const STYLE = `
    :host {
      --accent: ${CSS.supports("color", accent ?? "") ? accent : "#0f6b53"};
      all: initial;
      position: fixed;
      z-index: 2147483000;
      inset-block-end: max(20px, env(safe-area-inset-bottom));
      ${side === "left" ? "left" : "right"}: 20px;
      font: 600 13px/1 system-ui, sans-serif;
    }
    button {
      position: relative;
      display: grid;
      place-items: center;
      width: 56px;
      height: 56px;
      padding: 0;
      border: 0;
      border-radius: 50%;
      background: var(--accent);
      color: #fff;
      cursor: pointer;
      box-shadow: 0 1px 2px rgb(0 0 0 / 18%), 0 8px 28px -6px rgb(0 0 0 / 38%);
      transition: transform 0.18s, box-shadow 0.18s;
    }
    button:hover { transform: translateY(-2px); }
    button:active { transform: none; }
    button:focus-visible { outline: 3px solid #fff; outline-offset: -6px; box-shadow: 0 0 0 3px var(--accent); }
    svg { grid-area: 1 / 1; width: 26px; height: 26px; transition: opacity 0.15s, transform 0.2s; }
    [aria-expanded="true"] .ask, [aria-expanded="false"] .shut { opacity: 0; transform: rotate(45deg) scale(0.6); }
    .news {
      position: absolute;
      inset: -3px -3px auto auto;
      min-width: 20px;
      padding: 4px 5px;
      border-radius: 10px;
      background: #b42318;
      color: #fff;
      font-size: 12px;
      box-sizing: border-box;
    }
    .news:empty { display: none; }
    .panel {
      position: fixed;
      inset-block-end: calc(max(20px, env(safe-area-inset-bottom)) + 72px);
      ${side === "left" ? "left" : "right"}: 20px;
      width: min(404px, calc(100vw - 40px));
      height: min(680px, calc(100dvh - 112px));
      overflow: hidden;
      border-radius: 18px;
      background: Canvas;
      color-scheme: light dark;
      box-shadow: 0 0 0 1px rgb(0 0 0 / 8%), 0 24px 64px -12px rgb(0 0 0 / 36%);
      animation: rise 0.22s cubic-bezier(0.2, 0.7, 0.2, 1);
    }
    .panel[hidden] { display: none; }
    iframe { display: block; width: 100%; height: 100%; border: 0; }
    @media (max-width: 30rem) {
      .panel { inset: 0; width: auto; height: auto; border-radius: 0; }
      [aria-expanded="true"] { display: none; }
    }
    @media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
    @media print { :host { display: none; } }
    @keyframes rise { from { opacity: 0; transform: translateY(12px); } }
  `;

  const host = document.createElement("div");
  host.lang = texts[code] ? code : "en";
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet(); // no element: a page's content security policy has nothing against it
  sheet.replaceSync(STYLE);
  shadow.adoptedStyleSheets = [sheet];

  const button = document.createElement("button");
  button.type = "button";
  button.append(
    drawn("ask", "M7 17.500 4 20V7a3 3 0 0 1 3-3h10a3 3 0 0 1 3 3v7.500a3 3 0 0 1-3 3H7Zm1.500-8.500h7m-7 3.500h4"),
    drawn("shut", "m6.500 9.500 5.500 5.500 5.500-5.500"),
  );
  const news = document.createElement("span");
  news.className = "news";
  news.setAttribute("aria-hidden", "true");
  button.append(news);
  const panel = document.createElement("div");
  panel.className = "panel";
  panel.id = "panel";
  panel.hidden = true;
  button.setAttribute("aria-controls", "panel");
  shadow.append(panel, button);
  let frame = null;
  let ready = false;

  function drawn(name, path) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", name);
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    for (const [key, value] of Object.entries({ d: path, fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round" }))
      line.setAttribute(key, value);
    svg.append(line);
    return svg;
  }

  function load() {
    frame = document.createElement("iframe");
    const chosen = script.dataset.language && texts[code] ? `&language=${code}` : "";
    frame.src = `${origin}${base}/chat?frame=1${chosen}`;
    frame.title = text.widget_title;
    frame.allow = "clipboard-write";
    panel.append(frame);
  }

  function tell(count) {
    const open = !panel.hidden;
    news.textContent = open || !count ? "" : String(Math.min(count, 99));
    button.setAttribute("aria-expanded", String(open));
    const label = open ? text.widget_close : count ? text.widget_unread.replace("{count}", count) : text.widget_open;
    button.setAttribute("aria-label", label);
    button.title = label;
  }

  /** Let the chat know whether it can be seen. */
  function inform() {
    if (ready) frame.contentWindow.postMessage({ answerdesk: panel.hidden ? "closed" : "opened" }, origin);
  }

  function show(open, focus) {
    if (open === !panel.hidden) return;
    if (open && !frame) load();
    panel.hidden = !open;
    tell(0);
    inform();
    try {
      sessionStorage.setItem(REMEMBERED, open ? "yes" : "");
    } catch {
      // a page without storage forgets
    }
    if (focus) (open ? frame : button).focus();
  }

  button.addEventListener("click", () => show(panel.hidden, true));
  shadow.addEventListener("keydown", (event) => event.key === "Escape" && show(false, true));
  addEventListener("message", (event) => {
    if (event.origin !== origin || event.source !== frame?.contentWindow) return;
    const { answerdesk, count } = event.data ?? {};
    if (answerdesk === "ready") {
      ready = true;
      inform();
    }
    if (answerdesk === "close") show(false, true);
    if (answerdesk === "unread" && Number.isInteger(count)) tell(count);
  });

  window.Answerdesk = {
    open: () => show(true, true),
    close: () => show(false, true),
    toggle: () => show(panel.hidden, true),
  };

  const begin = () => {
    document.body.append(host);
    tell(0);
    let remembered = "";
    try {
      remembered = sessionStorage.getItem(REMEMBERED);
    } catch {
      // as above
    }
    if (remembered && !matchMedia("(max-width: 30rem)").matches) show(true, false);
  };
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
