"""Files of many formats become text with locations."""

from retrieval.parsing.files import parse_file
from retrieval.parsing.process import ParserProcess
from retrieval.parsing.sniffing import SUFFIXES

__all__ = ["SUFFIXES", "ParserProcess", "parse_file"]
