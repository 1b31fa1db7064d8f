// Builds elements. Text only ever becomes text nodes: nothing here parses HTML.

const assets = document.body.dataset.static;

/** What stands before "/chat" in the addresses of this company's pages; also keeps apart what companies leave in the browser. */
export const base = document.body.dataset.base;
const SVG = "http://www.w3.org/2000/svg";

/** An element with properties (`class`, `data-…`, `aria-…`, `on…` or plain properties) and children; null children are left out. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name.includes("-") || name === "role" || name === "lang") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${assets}/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

export const byId = (id) => document.getElementById(id);

const announcer = byId("announcer");

/** Say something to a screen reader, after what it is saying already. */
export function announce(text) {
  const line = h("p", {}, text);
  announcer.append(line);
  setTimeout(() => line.remove(), 5000);
}

const AFTER_A_TOUCH = 100; // a tap's click comes a little after the finger has left
let touch = Promise.resolve();

document.addEventListener("pointerdown", ({ target }) => {
  if (!target.closest("button, a")) return;
  touch = new Promise((resolve) => {
    const leave = () => setTimeout(resolve, AFTER_A_TOUCH);
    for (const name of ["pointerup", "pointercancel"]) addEventListener(name, leave, { once: true });
  });
});

/** Now, or once the button that is being pressed has been let go: what is under a finger isn't replaced. */
export const untouched = () => touch;
