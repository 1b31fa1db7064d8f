"""Text documents of office suites: DOCX and ODT."""

import re
from pathlib import Path
from typing import Any

from retrieval.parsing.archives import checked, opened, xml_root
from retrieval.parsing.lines import tidy
from retrieval.parsing.markdown import items_of_markdown, main_heading
from retrieval.parsing.markup import items_of_markup, text_of, tree_of
from retrieval.parsing.outline import blocks_of
from retrieval.passages import ParsedDocument

_STYLES = """
p[style-name='Title'] => h1.title:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Heading 7'] => h6:fresh
p[style-name='Heading 8'] => h6:fresh
p[style-name='Heading 9'] => h6:fresh
"""
_DC = "{http://purl.org/dc/elements/1.1/}"


def parse_docx(path: Path, data: bytes) -> list[ParsedDocument]:
    """A Word document; headings are known by their styles, headers and footers are left out."""
    import mammoth

    no_images = mammoth.images.img_element(lambda _image: {})
    html = mammoth.convert_to_html(checked(data), style_map=_STYLES, convert_image=no_images).value
    items = items_of_markup(re.sub(r"<img\s*/?>", "", html))
    styled = re.search(r'<h1 class="title">(.*?)</h1>', html)
    title = tidy(text_of(tree_of(styled[1]))) if styled else main_heading(items)
    title = title or _core_title(data, "docProps/core.xml") or path.stem
    return [ParsedDocument(title, blocks_of(items, title))]


def parse_odt(path: Path, data: bytes) -> list[ParsedDocument]:
    """An OpenDocument text."""
    import odfdo

    items = items_of_markdown(str(odfdo.Document(checked(data)).to_markdown()))
    title = main_heading(items) or _core_title(data, "meta.xml") or path.stem
    return [ParsedDocument(title, blocks_of(items, title))]


def _core_title(data: bytes, member: str) -> str:
    """The title in a document's properties."""
    with opened(data) as archive:
        if member not in archive.namelist():
            return ""
        root: Any = xml_root(archive.read(member))
    return tidy(next((element.text or "" for element in root.iter(f"{_DC}title")), ""))
