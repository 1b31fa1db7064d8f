"""The embedding models in use: the one that the settings name, and those that still serve companies."""

import asyncio
import logging
from collections.abc import Callable

from llm.embeddings import Embedder
from llm.errors import AnswerdeskError
from retrieval import moving
from retrieval.database import Database

log = logging.getLogger(__name__)


class Embedders:
    """`registered` are the settings of `wanted` as JSON; `load` makes a model of such. Without them, there is one."""

    def __init__(self, wanted: Embedder, registered: str = "", load: Callable[[str], Embedder] | None = None) -> None:
        self.wanted = wanted
        self._registered = registered
        self._load = load
        self._others: dict[str, Embedder | None] = {}

    async def register(self, database: Database) -> None:
        """Remember how the model of the settings is loaded, for when they name another one."""
        if self._registered:
            await database.write(moving.register_model, self.wanted.name, self._registered)
            self._registered = ""

    async def named(self, database: Database, name: str | None) -> Embedder | None:
        """The model of this name; None if it can't be loaded any more. No name means that of the settings."""
        if name is None or name == self.wanted.name:
            return self.wanted
        if name not in self._others:
            settings = await database.read(moving.model_settings, name)
            self._others[name] = await asyncio.to_thread(self._loaded, name, settings) if settings else None
        return self._others[name]

    def close(self) -> None:
        """Let go of the models' connections."""
        for each in (self.wanted, *filter(None, self._others.values())):
            each.close()

    def _loaded(self, name: str, settings: str) -> Embedder | None:
        try:
            found = self._load(settings) if self._load else None
        except (AnswerdeskError, ValueError) as error:
            log.warning("The embedding model %s can't be loaded any more; keywords serve meanwhile: %s", name, error)
            return None
        return found if found and found.name == name else None
