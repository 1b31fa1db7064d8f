"""What messages of Slack are made of: checked as Slack checks it, and as people read it."""

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack_faults import Refused

BOT_USER, BOT = "U0BOT", "B0BOT"
BLOCKS = {"section", "context", "divider", "actions", "rich_text", "markdown", "context_actions", "input"}


@dataclass(slots=True, eq=False)
class Shown:
    """A message as people see it."""

    channel: str
    ts: str
    user: str
    text: str
    thread: str = ""
    blocks: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)
    only_for: str = ""
    """Of words that one person sees."""
    streaming: bool = False
    edits: int = 0

    @property
    def described(self) -> dict[str, Any]:
        """As Slack's history has it."""
        found: dict[str, Any] = {"type": "message", "ts": self.ts, "user": self.user, "text": self.text}
        found |= {"thread_ts": self.thread} if self.thread else {}
        found |= {"files": self.files, "subtype": "file_share"} if self.files else {}
        if self.user == BOT_USER:
            found |= {"bot_id": BOT, "app_id": "A0", "blocks": self.blocks, "metadata": self.metadata}
        return found

    @property
    def buttons(self) -> dict[str, dict[str, Any]]:
        """By what they show."""
        rows = [block["elements"] for block in self.blocks if block["type"] == "actions"]
        return {each["text"]["text"]: each for row in rows for each in row}

    @property
    def reads(self) -> str:
        """All the words in it, as somebody would read them."""
        return "\n".join(line for block in self.blocks for line in _lines(block)) or self.text


def checked(blocks: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Blocks within Slack's limits; `Refused` for any that aren't."""
    blocks = blocks or []
    ids = [each["action_id"] for block in blocks if block["type"] == "actions" for each in block["elements"]]
    if len(blocks) > 50 or {block["type"] for block in blocks} - BLOCKS:
        raise Refused("invalid_blocks")
    if len(ids) != len(set(ids)):
        raise Refused("invalid_blocks")
    for block in blocks:
        for element in block.get("elements") or ():
            if element.get("type") == "button" and (len(element["text"]["text"]) > 75 or len(element["value"]) > 2000):
                raise Refused("invalid_blocks")
        text = block.get("text")
        if isinstance(text, dict) and not 0 < len(text["text"]) <= 3000:
            raise Refused("invalid_blocks")
        if block["type"] == "markdown" and not 0 < len(block["text"]) <= 12_000:
            raise Refused("invalid_blocks")
        if block["type"] in ("actions", "context") and not 0 < len(block["elements"]) <= 25:
            raise Refused("invalid_blocks")
    return blocks


def checked_view(view: dict[str, Any]) -> dict[str, Any]:
    """A form or a home within Slack's limits; `Refused` for any that isn't."""
    home = view["type"] == "home"
    if len(view["blocks"]) > 100 or (not home and len(view["title"]["text"]) > 24):
        raise Refused("invalid_arguments")
    if len(view.get("private_metadata", "")) > 3000:
        raise Refused("invalid_arguments")
    for block in view["blocks"]:
        element = block.get("element") or {}
        if len(element.get("initial_value", "")) > 3000:
            raise Refused("invalid_arguments")
    if not home:
        checked(view["blocks"])
    return view


def _lines(block: dict[str, Any]) -> list[str]:
    """The words of a block, as somebody would read them."""
    match block:
        case {"type": "section", "text": {"text": str(text)}} | {"type": "markdown", "text": str(text)}:
            return [text]
        case {"type": "context", "elements": elements}:
            return ["".join(each["text"] for each in elements)]
        case {"type": "rich_text", "elements": elements}:
            return ["".join(each.get("text", "") for each in element["elements"]) for element in elements]
        case {"type": "actions", "elements": elements}:
            return [" ".join(f"[{each['text']['text']}]" for each in elements)]
        case {"type": "context_actions"}:
            return ["[👍] [👎]"]
        case {"type": "divider"}:
            return ["---"]
        case {"type": "input", "label": {"text": str(text)}, "element": element}:
            return [f"{text}: {element.get('initial_value', '')}".rstrip()]
        case _:
            return []
