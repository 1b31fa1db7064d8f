"""What can go wrong, drawn as one tree.

::

    AnswerdeskError            everything we raise on purpose; the message says what to do next
    |- UsageError              the caller asked for something that can't be (exit code 2 on the command line)
    |- SettingsError           a setting is wrong
    |- ModelError              a model did not do its work
    |  |- ModelUnavailable     worth another try or another replica: refused, timed out, 429, 5xx
    |  |  `- BrokenOff         in the middle of an answer, and there is another replica
    |  `- ModelRejected        trying again won't help: unknown model, bad key
    |     `- RequestRejected   nor with this prompt: too long, an endless answer; others may do
    |- RetrievalError          see retrieval/errors.py
    `- BotError                see bot/errors.py
"""


class AnswerdeskError(Exception):
    """Raised on purpose: its message is fit to be shown to the person who runs the program."""


class UsageError(AnswerdeskError):
    """The caller asked for something that can't be."""


class SettingsError(AnswerdeskError):
    """A setting is wrong; the message names it and what is allowed."""


class ModelError(AnswerdeskError):
    """A model did not do its work."""


class ModelUnavailable(ModelError):
    """Refused, timed out, overloaded or broken off: another try or another replica may do.

    `retry_after` is how many seconds the endpoint wants to be left alone, if it said so.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BrokenOff(ModelUnavailable):
    """An answer broke off after some of its text; another replica can write one from the beginning."""


class ModelRejected(ModelError):
    """Trying again won't help: unknown model, bad key, prompt too long."""


class RequestRejected(ModelRejected):
    """The prompt doesn't suit the model: too long, say, or its answer does not end. The endpoint is well."""
