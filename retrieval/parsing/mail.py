"""E-mail: messages saved by Outlook (MSG) and by everything else (EML)."""

import email
import email.policy
import io
from pathlib import Path

from retrieval.errors import BrokenDocument
from retrieval.parsing.markup import items_of_markup
from retrieval.parsing.outline import Item, Text, blocks_of
from retrieval.parsing.plaintext import items_of_text
from retrieval.parsing.sniffing import decode
from retrieval.passages import ParsedDocument

_SUBJECT, _SENDER, _SENDER_ADDRESS, _TO, _BODY, _HTML = "0037", "0C1A", "0C1F", "0E04", "1000", "1013"
"""MAPI property tags, as MS-OXPROPS lists them."""


def parse_eml(path: Path, data: bytes) -> list[ParsedDocument]:
    """A message in the Internet's format (RFC 5322): its headers and its text, without attachments."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        content: list[Item] = []
    else:
        text = str(body.get_content())
        content = items_of_markup(text) if body.get_content_subtype() == "html" else list(items_of_text(text))
    headers = {name: str(message.get(name, "")) for name in ("From", "To", "Subject")}
    return [_message(path, headers, content)]


def parse_msg(path: Path, data: bytes) -> list[ParsedDocument]:
    """A message in Outlook's format: its headers and its text, without attachments."""
    import olefile

    with olefile.OleFileIO(io.BytesIO(data)) as ole:

        def value(tag: str) -> str:
            for kind, encoding in (("001F", "utf-16-le"), ("001E", "")):
                if ole.exists(name := f"__substg1.0_{tag}{kind}"):
                    raw = ole.openstream(name).read()
                    return (raw.decode(encoding, errors="replace") if encoding else decode(raw)).strip("\x00 \r\n")
            return ""

        html = f"__substg1.0_{_HTML}0102"
        body = value(_BODY)
        content = list(items_of_text(body.replace("\r\n", "\n"))) if body else []
        if not content and ole.exists(html):
            content = items_of_markup(decode(ole.openstream(html).read()))
        headers = {"From": value(_SENDER_ADDRESS) or value(_SENDER), "To": value(_TO), "Subject": value(_SUBJECT)}
    if not content and not headers["Subject"]:
        raise BrokenDocument("The message has neither a subject nor a text that can be read.")
    return [_message(path, headers, content)]


def _message(path: Path, headers: dict[str, str], content: list[Item]) -> ParsedDocument:
    head = "\n".join(f"{name}: {value}" for name, value in headers.items() if value)
    items: list[Item] = [Text(head), *content] if head else content
    return ParsedDocument(headers["Subject"] or path.stem, blocks_of(items))
