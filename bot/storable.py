"""Text that every database takes."""

from typing import Any


def storable(text: str) -> str:
    """The text without NUL, and with a question mark for each half of a character."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def storable_json(value: Any) -> Any:
    """The same for all text in what was read from JSON."""
    match value:
        case str():
            return storable(value)
        case list():
            return [storable_json(each) for each in value]
        case dict():
            return {storable(str(key)): storable_json(each) for key, each in value.items()}
        case _:
            return value
