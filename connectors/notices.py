"""Trouble with a channel, said once."""

import logging

log = logging.getLogger(__name__)


class Notices:
    """Logs trouble once when it begins and once when it is over, however often it comes up."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._said = ""

    def trouble(self, why: str) -> None:
        """It doesn't work now."""
        if why != self._said:
            log.error("%s: %s", self._what, why)
        self._said = why

    def fine(self) -> None:
        """It works."""
        if self._said:
            log.info("%s: works again", self._what)
        self._said = ""
