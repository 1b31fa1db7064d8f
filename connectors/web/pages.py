"""Renders the HTML pages, and serves what they are made of."""

import hashlib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connectors.web.texts import language_names, texts_for

FOLDER = Path(str(files("connectors.web")))
STATIC = FOLDER / "static"
THEMES = ("light", "dark")
THEME_COOKIE = "answerdesk_theme"


def base_of(request: Request) -> str:
    """What stands before `/chat` in the addresses of this company's pages: nothing, or `/COMPANY`."""
    return str(request.scope.get("root_path", ""))


def _digest() -> str:
    """Names the state of the static files, so that browsers may keep them for ever."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _templates() -> Jinja2Templates:
    loader = FileSystemLoader(FOLDER / "templates")
    return Jinja2Templates(
        env=Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    )


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one company."""

    company: str
    """Its name, as customers read it."""
    static: str = field(default_factory=lambda: f"/static/{_digest()}")
    _templates: Jinja2Templates = field(default_factory=_templates)

    def render(self, request: Request, name: str, language: str, status: int = 200, **values: Any) -> Response:
        """A page in this language, in the colours the visitor chose."""
        theme = request.cookies.get(THEME_COOKIE, "")
        context = {
            "texts": texts_for(language, self.company),
            "language": language,
            "languages": language_names(),
            "company": self.company,
            "base": base_of(request),
            "static": self.static,
            "theme": theme if theme in THEMES else "",
            **values,
        }
        return self._templates.TemplateResponse(request, name, context, status_code=status)
