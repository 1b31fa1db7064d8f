"""HTML pages: content without navigation, banners and scripts; title, address and language as the page states them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval.parsing.lines import tidy
from retrieval.parsing.markup import items_of, items_of_markup, text_of, tree_of
from retrieval.parsing.outline import Heading, Item, Text, bare_question, blocks_of
from retrieval.parsing.sniffing import decode
from retrieval.passages import Entry, ParsedDocument

_BOILERPLATE_TAGS = (
    "script",
    "style",
    "noscript",
    "template",
    "iframe",
    "nav",
    "footer",
    "dialog",
    "svg",
    "button",
    "select",
)
_BOILERPLATE_ROLES = ("navigation", "search", "dialog", "alertdialog", "menu", "menubar", "toolbar")
_PAGE_ROLES = ("banner", "contentinfo")
_CONTAINERS = " or ".join(
    f"self::{tag}" for tag in ("div", "section", "aside", "ul", "ol", "table", "header", "p", "span")
)
_PLACES = "site|page|main|global|top|primary|secondary|sub|left|right|mobile|footer|header"
_NAVIGATION = re.compile(
    rf"(?:(?:{_PLACES})[-_]?)?(?:nav|navbar|navigation|navheader|navfooter|nav-?(?:links|menu|bar|list)|menu|sidebar|footer)"
    r"|breadcrumbs?|toc|table-of-contents|site-?header|page-?header|masthead|skip-?(?:link|nav|to-content)|pagination|pager"
    r"|social(?:-?(?:share|links|media))?|share-?(?:buttons|links)?|related-?(?:links|posts|articles)|newsletter(?:-?\w+)?"
    r"|advert(?:isement)?|ads?|sr-only|visually-hidden|reportbug",
    re.IGNORECASE,
)
_CONSENT = re.compile(
    r"(?:\w+-)*(?:cookie|consent|gdpr)s?[-_]?"
    r"(?:banner|bar|notice|consent|popup|modal|dialog|overlay|message|law|hint|wrapper|box|manager|info)(?:-\w+)*"
    r"|onetrust(?:-\w+)*|cookieconsent|cc-window",
    re.IGNORECASE,
)


def parse_webpage(path: Path, data: bytes) -> list[ParsedDocument]:
    """A saved page as one document."""
    page = decode(data)
    root = tree_of(page)
    if root is None:
        return []
    structured = list(_json_ld_entries(root))
    title = _title(root) or path.stem
    url, language = _canonical(root), (root.get("lang") or "")[:2].lower()
    items = _content(root) or list(items_of(_body(tree_of(page))))  # where all looks like boilerplate, all is content
    asked = {item.question for item in items if isinstance(item, Entry)} | {
        bare_question(item.text) for item in items if isinstance(item, Heading)
    }
    items += [entry for entry in structured if entry.question not in asked]
    return [ParsedDocument(title, blocks_of(items, title), language=language, url=url)]


def _content(root: Any) -> list[Item]:
    body = _body(root)
    _drop_boilerplate(body)
    mains = [main for main in body.xpath(".//main|.//*[@role='main']") if main.text_content().strip()]
    return list(items_of(mains[0] if len(mains) == 1 else body))


def _body(root: Any) -> Any:
    bodies = root.xpath("//body")
    return bodies[0] if bodies else root


def _drop_boilerplate(body: Any) -> None:
    for tag in _BOILERPLATE_TAGS:
        _drop(body.xpath(f".//{tag}"))
    for role in _BOILERPLATE_ROLES:
        _drop(body.xpath(f".//*[@role='{role}']"))
    for role in _PAGE_ROLES:
        _drop(body.xpath(f".//*[@role='{role}'][not(ancestor::main or ancestor::article)][not(.//h1)]"))
    _drop(body.xpath(".//header[not(ancestor::main or ancestor::article or ancestor::section)][not(.//h1)]"))
    _drop(body.xpath(".//*[@hidden or @aria-modal='true'][not(self::details)]"))
    named = body.xpath(f".//*[@class or @id][{_CONTAINERS}]")
    _drop([element for element in named if _is_boilerplate(element)])
    _drop([part for part in body.xpath(".//ul|.//ol|.//dl") if _is_contents_list(part)])


def _is_boilerplate(element: Any) -> bool:
    names = f"{element.get('class', '')} {element.get('id', '')}".split()
    named = any(_NAVIGATION.fullmatch(name) or _CONSENT.fullmatch(name) for name in names)
    return named and not element.xpath(".//main|.//article|.//h1")


def _is_contents_list(element: Any) -> bool:
    """A list of links into the page itself, and nothing else."""
    links = element.xpath(".//a[@href]")
    if len(links) < 3 or not all(link.get("href").startswith("#") for link in links):
        return False
    linked = sum(len(tidy(link.text_content())) for link in links)
    return linked >= 0.9 * len(tidy(element.text_content()))


def _drop(elements: list[Any]) -> None:
    for element in elements:
        if element.getparent() is not None:
            element.drop_tree()


def _title(root: Any) -> str:
    headings = [tidy(text_of(heading)) for heading in root.xpath("//h1")]
    named = [tidy(title.text_content()) for title in root.xpath("//head/title|//body/title")]
    if len(headings) == 1 and headings[0]:
        return headings[0]
    return next((name for name in named if name), next((heading for heading in headings if heading), ""))


def _canonical(root: Any) -> str:
    found = root.xpath(
        "//link[contains(concat(' ', @rel, ' '), ' canonical ')]/@href|//meta[@property='og:url']/@content"
    )
    return next((str(url) for url in found if re.match(r"https?://", str(url))), "")


def _json_ld_entries(root: Any) -> Iterator[Entry]:
    """The questions of a schema.org FAQPage that the page carries as JSON-LD."""
    for script in root.xpath("//script[@type='application/ld+json']"):
        try:
            data = json.loads(script.text_content())
        except ValueError:
            continue
        for question in _questions(data):
            answers = question.get("acceptedAnswer") or question.get("suggestedAnswer") or {}
            answer = answers[0] if isinstance(answers, list) and answers else answers
            if isinstance(answer, dict) and question.get("name") and answer.get("text"):
                texts = [item.text for item in items_of_markup(str(answer["text"])) if isinstance(item, Heading | Text)]
                yield Entry(bare_question(tidy(str(question["name"]))), "\n\n".join(texts))


def _questions(data: object) -> Iterator[dict[str, Any]]:
    if isinstance(data, list):
        for part in data:
            yield from _questions(part)
    elif isinstance(data, dict):
        if data.get("@type") == "Question":
            yield data
        for key in ("@graph", "mainEntity", "hasPart"):
            yield from _questions(data.get(key))
