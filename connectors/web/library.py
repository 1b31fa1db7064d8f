"""The passages that answers cite, for the page that shows them: what the public may read of this chat's company."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from connectors.web.pages import Pages, base_of
from connectors.web.texts import texts_for
from connectors.web.visitors import Language
from retrieval import store
from retrieval.database import Database
from retrieval.passages import Audience, Document, Location, Passage

AROUND = 2
"""Passages shown before and after the cited one."""


@dataclass(frozen=True, slots=True)
class PublicLibrary:
    """One company's public documents. Neither is a parameter: there is no way to others from here."""

    database: Database
    company: str

    async def around(self, document: str, position: int) -> list[Passage]:
        """The passage and its neighbours in reading order; what isn't there is left out."""
        places = range(max(0, position - AROUND), position + AROUND + 1)
        found = [await self._passage(f"{document}#{place}") for place in places]
        return [passage for passage in found if passage is not None]

    async def _passage(self, identity: str) -> Passage | None:
        return await self.database.read(store.passage, self.company, Audience.PUBLIC, identity)

    async def document(self, document: str) -> Document | None:
        """The document, if it is public."""
        return await self.database.read(store.document, self.company, Audience.PUBLIC, document)

    async def passages(self, document: str) -> list[Passage]:
        """All its passages in reading order."""
        return await self.database.read(store.passages_of_document, self.company, Audience.PUBLIC, document)

    async def questions(self, language: str, count: int) -> list[str]:
        """Questions that this company's FAQ answers."""
        return await self.database.read(store.sample_questions, self.company, language, count)


def _library(request: Request) -> PublicLibrary:
    library: PublicLibrary = request.app.state.library
    return library


def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


Library = Annotated[PublicLibrary, Depends(_library)]
PageMaker = Annotated[Pages, Depends(_pages)]
router = APIRouter()


@router.get("/chat/passages/{document:path}/{position}")
async def passage(
    document: str, position: int, request: Request, library: Library, pages: PageMaker, language: Language
) -> dict[str, Any]:
    """A cited passage with what stands around it."""
    near = await library.around(document, position)
    cited = next((each for each in near if each.position == position), None)
    if cited is None:
        raise HTTPException(404, "not_found")
    return {
        **_text(cited),
        "title": cited.title,
        "place": place_of(cited.location, texts_for(language, pages.company)),
        "language": cited.language,
        "url": web_address(cited.url),
        "page": f"{base_of(request)}/chat/documents/{quote(document)}#p{position}",
        "before": [_text(each) for each in near if each.position < position],
        "after": [_text(each) for each in near if each.position > position],
    }


def _text(each: Passage) -> dict[str, str]:
    return {"question": each.question, "text": each.text}


@router.get("/chat/documents/{document:path}")
async def document(document: str, request: Request, library: Library, pages: PageMaker, language: Language) -> Response:
    """The whole document, readable; its passages can be linked to as `#pPOSITION`."""
    found = await library.document(document)
    if found is None:
        raise HTTPException(404, "not_found")
    parts = list(_parts(await library.passages(document), texts_for(language, pages.company)))
    return pages.render(
        request, "document.html", language, document=found, parts=parts, original=web_address(found.url)
    )


@dataclass(frozen=True, slots=True)
class Part:
    """A passage on the page of its document, with the heading or page number that begins before it."""

    passage: Passage
    heading: str
    place: str


def _parts(passages: list[Passage], texts: Any) -> Iterator[Part]:
    heading, place = "", ""
    for each in passages:
        at = Location(page=each.location.page, sheet=each.location.sheet)
        here = each.location.heading.rpartition(" > ")[2], place_of(at, texts)
        yield Part(each, here[0] if here[0] != heading else "", here[1] if here[1] != place else "")
        heading, place = here


def place_of(location: Location, texts: Any) -> str:
    """Where a passage stands, in the reader's language."""
    parts = [
        texts["page"].replace("{number}", str(location.page)) if location.page is not None else "",
        location.sheet,
        texts["row"].replace("{number}", str(location.row)) if location.row is not None else "",
        location.heading.replace(" > ", " › "),
    ]
    return " · ".join(part for part in parts if part)


def web_address(url: str) -> str:
    """The address if a browser may follow it; empty for anything but the web."""
    try:
        return url if urlsplit(url).scheme in ("http", "https") else ""
    except ValueError:
        return ""
