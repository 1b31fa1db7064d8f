"""How companies scale their confidence after calibrating it, in SQL; see `retrieval.calibrating`."""

from sqlalchemy import Connection, delete, insert, select

from retrieval.confidence import Scale
from retrieval.tables import calibrations


def put(connection: Connection, company: str, model: str, scale: Scale) -> None:
    """Keep how a company's confidences are scaled under this embedding model."""
    remove(connection, company, model)
    connection.execute(
        insert(calibrations).values(
            company=company, model=model, intercept=scale.intercept, slope=scale.slope, questions=scale.questions
        )
    )


def remove(connection: Connection, company: str, model: str) -> bool:
    """Forget it; whether there was one."""
    here = (calibrations.c.company == company) & (calibrations.c.model == model)
    return connection.execute(delete(calibrations).where(here)).rowcount > 0


def of_model(connection: Connection, model: str) -> dict[str, Scale]:
    """How the confidences of those companies are scaled that have calibrated them, under this embedding model."""
    query = select(calibrations).where(calibrations.c.model == model)
    return {row.company: Scale(row.intercept, row.slope, row.questions) for row in connection.execute(query)}
