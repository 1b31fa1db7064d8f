"""Which embedding model serves a company, how far the move to another one is, and who keeps the index: in SQL.

A company is served by one model at a time. Vectors of the next one are added beside those of the first; when none is
missing any more, one transaction changes over. Functions of a connection, as in `retrieval.store`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from retrieval.passages import Audience, Passage
from retrieval.rows import passages_query, to_passage
from retrieval.tables import embedding_models, index_work, knowledge, passages, vectors


@dataclass(frozen=True, slots=True)
class Standing:
    """A company's knowledge for one audience: its version, and the model that serves it."""

    version: int
    model: str | None
    """None before the first vector."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a process does to an index, or what keeps it from that."""

    place: str
    doing: str
    done: int
    of: int
    trouble: str
    at: float
    """Seconds since the epoch."""


def standings(connection: Connection) -> dict[tuple[str, Audience], Standing]:
    """What every company and audience stands at."""
    rows = connection.execute(select(knowledge))
    return {(row.company, Audience(row.audience)): Standing(row.version, row.model) for row in rows}


def register_model(connection: Connection, name: str, settings: str) -> None:
    """Remember how a model is loaded, for as long as companies are served by it."""
    held = connection.execute(select(embedding_models.c.settings).where(embedding_models.c.name == name))
    if held.scalar_one_or_none() != settings:
        insert = _insert(connection, embedding_models, {"name": name, "settings": settings})
        connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"settings": settings}))


def model_settings(connection: Connection, name: str) -> str | None:
    """How a model is loaded, as it was registered."""
    query = select(embedding_models.c.settings).where(embedding_models.c.name == name)
    return connection.execute(query).scalar_one_or_none()


def unembedded(
    connection: Connection, company: str, audience: Audience, model: str, after: int, limit: int
) -> dict[int, Passage]:
    """Passages above serial `after` that have no vector of this model yet, by serial."""
    query = passages_query(company, audience).where(~_has_vector(model), passages.c.serial > after)
    rows = connection.execute(query.order_by(passages.c.serial).limit(limit))
    return {row.serial: to_passage(row) for row in rows}


def embedded(connection: Connection, company: str, model: str) -> tuple[int, int]:
    """How many of a company's passages have a vector of this model, and how many passages there are."""
    query = select(func.count()).select_from(passages).where(passages.c.company == company)
    return connection.execute(query.where(_has_vector(model))).scalar_one(), connection.execute(query).scalar_one()


def move_of(connection: Connection, company: str, registered: str) -> tuple[str, int, int] | None:
    """The model of these settings, with how many of a company's passages it has embedded; None where it serves."""
    named = select(embedding_models.c.name).where(embedding_models.c.settings == registered)
    served = select(knowledge.c.model).where(knowledge.c.company == company)
    by = set(connection.execute(served).scalars())
    names = list(connection.execute(named).scalars())
    if not names or not by - {None, *names}:
        return None
    return names[0], *embedded(connection, company, names[0])


def serve_by(connection: Connection, company: str, model: str) -> bool:
    """Let this model serve a company from now on; False if a passage still lacks its vector."""
    missing = select(passages.c.serial).where(passages.c.company == company, ~_has_vector(model)).limit(1)
    if connection.execute(missing).first() is not None:
        return False
    connection.execute(update(knowledge).where(knowledge.c.company == company).values(model=model))
    return True


def claim(connection: Connection, place: str, owner: str, now: float, seconds: float) -> bool:
    """Be the one process that writes to an index for so long; False while another one is."""
    mine = (index_work.c.owner == owner) | (index_work.c.until < now)
    values = {"owner": owner, "until": now + seconds}
    if connection.execute(update(index_work).where(index_work.c.place == place, mine).values(values)).rowcount:
        return True
    blank = {"doing": "", "done": 0, "total": 0, "trouble": "", "noted": now}
    insert = _insert(connection, index_work, {"place": place} | values | blank).on_conflict_do_nothing()
    return connection.execute(insert).rowcount > 0


def note_work(connection: Connection, owner: str, work: Work) -> None:
    """Say what goes on, for `answerdesk doctor` in another process."""
    values = {"doing": work.doing, "done": work.done, "total": work.of, "trouble": work.trouble, "noted": work.at}
    made = {"place": work.place, "owner": owner, "until": 0.0} | values
    insert = _insert(connection, index_work, made).on_conflict_do_update(index_elements=["place"], set_=values)
    connection.execute(insert)


def work_noted(connection: Connection, since: float) -> list[Work]:
    """What goes on, and what troubles there are, as noted since then."""
    query = select(index_work).where(index_work.c.noted >= since).order_by(index_work.c.place)
    rows = connection.execute(query.where((index_work.c.doing != "") | (index_work.c.trouble != "")))
    return [Work(row.place, row.doing, row.done, row.total, row.trouble, row.noted) for row in rows]


def _has_vector(model: str) -> ColumnElement[bool]:
    return exists().where(vectors.c.passage == passages.c.serial, vectors.c.model == model)


def _insert(connection: Connection, table: Table, values: Mapping[str, object]) -> postgresql.Insert | sqlite.Insert:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(table).values(values)
