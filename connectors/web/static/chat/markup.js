// Turns the server's tree of a message into elements. Tags come from this list and links from these schemes, whatever the tree says.

import { h } from "./dom.js";

const TAGS = {
  p: "p",
  h: "p",
  ul: "ul",
  ol: "ol",
  li: "li",
  quote: "blockquote",
  strong: "strong",
  em: "em",
  code: "code",
  pre: "pre",
  br: "br",
};
const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** `cite(number)` makes the element for a citation marker. */
export function build(nodes, cite) {
  return nodes.map((node, place) => {
    if (typeof node === "string") return nodes[place + 1]?.tag === "cite" ? node.trimEnd() : node; // a marker has its own margin
    if (node.tag === "cite") return cite(node.number);
    const children = build(node.children, cite);
    if (node.tag === "a") return link(node.href, children);
    if (!(node.tag in TAGS)) return h("span", {}, children);
    return h(TAGS[node.tag], { class: node.tag === "h" ? "heading" : null, start: node.start }, children);
  });
}

function link(href, children) {
  const safe = URL.canParse(href) && SCHEMES.has(new URL(href).protocol);
  return safe
    ? h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, children)
    : h("span", {}, children);
}
