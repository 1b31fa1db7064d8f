"""The command line, `answerdesk`."""

from connectors.cli.app import main

__all__ = ["main"]
