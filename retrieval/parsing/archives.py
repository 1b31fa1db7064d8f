"""ZIP containers (DOCX, XLSX, PPTX, ODT, EPUB) without their traps: bombs, passwords, entity expansion."""

import io
import re
import zipfile
from typing import Any

from lxml import etree

from retrieval.errors import BrokenDocument, EncryptedDocument

MAX_UNPACKED = 300 * 1024 * 1024
"""Bytes that the members of an archive may unpack to, together."""

MAX_MEMBERS = 20_000

LOCKED = "The file needs a password. Save a copy without one, and add that."

_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)


def opened(data: bytes) -> zipfile.ZipFile:
    """The archive, checked: nothing is ever unpacked to disk, so only sizes and passwords matter."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise BrokenDocument("The file is damaged: its ZIP container can't be opened.") from error
    members = archive.infolist()
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED:
        raise BrokenDocument(f"The file would unpack to more than {MAX_UNPACKED >> 20} MB. Split it into parts.")
    if any(member.flag_bits & 0x1 for member in members):
        raise EncryptedDocument(LOCKED)
    return archive


def member_names(data: bytes) -> dict[str, bytes]:
    """The names of the members; the value is the content of `mimetype`, and empty for all others."""
    with opened(data) as archive:
        return {name: archive.read(name)[:200].strip() if name == "mimetype" else b"" for name in archive.namelist()}


def checked(data: bytes) -> io.BytesIO:
    """An archive that a library may open: of harmless size, and no member defines entities."""
    with opened(data) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                start = archive.open(name).read(65536)
                if _ENTITY.search(start):
                    raise BrokenDocument(
                        f"{name} inside the file defines XML entities, which documents have no use for."
                    )
                if name == "META-INF/manifest.xml" and b"encryption-data" in start:
                    raise EncryptedDocument(LOCKED)
    return io.BytesIO(data)


def xml_root(data: bytes) -> Any:
    """The root of an XML text, read without entities, external files or the network; what is malformed is mended."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True)
    root = etree.fromstring(data, parser)
    if root is None:
        raise BrokenDocument("The XML can't be read.")
    return root
