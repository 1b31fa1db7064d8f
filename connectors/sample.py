"""The sample company that `answerdesk demo` shows: its settings, and its documents."""

from collections.abc import Callable
from pathlib import Path

from bot.bootstrap import Parts
from bot.settings import Settings, SlackSettings, StorageSettings, TelegramSettings
from llm.errors import AnswerdeskError
from retrieval import store
from retrieval.ingest import Report
from retrieval.passages import Audience

EXAMPLES = Path(__file__).parents[1] / "examples"
SAMPLE = {Audience.PUBLIC: EXAMPLES / "halden-bikes", Audience.INTERNAL: EXAMPLES / "halden-bikes-internal"}
"""The sample company's documents, by who may see them."""
SAMPLE_NAME = "Halden Bikes"

IngestProgress = Callable[[str, int, int], None]


def demo_settings(settings: Settings) -> Settings:
    """The same settings for the sample company, whose data stays apart from the user's own.

    Raises `AnswerdeskError` where the sample isn't there.
    """
    if not all(folder.is_dir() for folder in SAMPLE.values()):
        raise AnswerdeskError(
            f"The sample company comes with the source code, and isn't in {EXAMPLES}. Clone the repository and run "
            "`make run` there, or begin with your own documents: answerdesk ingest FOLDER, then answerdesk serve."
        )
    return settings.model_copy(
        update={
            "data_dir": settings.data_dir / "demo",
            "models_dir": settings.models,
            "storage": StorageSettings(),
            "telegram": TelegramSettings(),
            "slack": SlackSettings(),
            "companies": {},
            "company": settings.company.model_copy(update={"name": SAMPLE_NAME}),
        }
    )


async def load_sample(parts: Parts, progress: IngestProgress) -> list[Report]:
    """Take in the sample company's documents, and take out those of another checkout; returns what failed."""
    company = parts.settings.company.id
    for document in await parts.database.read(store.list_documents, company):
        if not Path(document.source).is_relative_to(EXAMPLES):
            await parts.database.write(store.remove_document, company, document.id)
    failed: list[Report] = []
    for audience, folder in SAMPLE.items():
        step = f"Loading the sample company's {audience} documents"
        ingestion = parts.ingestion(company, audience)
        async for report in ingestion.run([folder], lambda done, total, _, step=step: progress(step, done, total)):
            failed += [report] if report.error else []
    return failed
