"""Runs inside a transaction that is open already: see `bot.storage.migrate`."""

from alembic import context

from bot.storage import tables as _conversations  # noqa: F401
from retrieval import tables as _documents  # noqa: F401
from retrieval.database import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,  # the caller's transaction is the one
)
context.run_migrations()
