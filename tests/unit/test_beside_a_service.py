"""An ingestion leaves a service that runs beside it the cores to answer with."""

import os
from contextlib import closing
from pathlib import Path

from bot.bootstrap import embedding_beside
from llm.settings import EmbeddingSettings
from retrieval.vectors import open_indexes

HALF = max(1, (os.cpu_count() or 1) // 2)


def test_alone_it_takes_all_cores(tmp_path: Path) -> None:
    with closing(open_indexes(tmp_path)) as indexes:
        assert embedding_beside(EmbeddingSettings(), indexes).threads == 0


def test_beside_the_owner_of_the_indexes_it_takes_half_of_them(tmp_path: Path) -> None:
    with closing(open_indexes(tmp_path)), closing(open_indexes(tmp_path)) as second:
        assert embedding_beside(EmbeddingSettings(), second).threads == HALF


def test_what_the_settings_say_holds(tmp_path: Path) -> None:
    with closing(open_indexes(tmp_path)), closing(open_indexes(tmp_path)) as second:
        assert embedding_beside(EmbeddingSettings(threads=3), second).threads == 3
