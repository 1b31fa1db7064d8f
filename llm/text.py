"""Text on its way into a model."""


def encodable(text: str) -> str:
    """The text with what UTF-8 can't hold (lone surrogates) or C strings end at (NUL) replaced."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ")
