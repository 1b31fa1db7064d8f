"""Files to take in, and what became of them."""

from pathlib import Path

from retrieval.ingest import Report, Status


def write(path: Path, text: str = "# Delivery\n\nParcels take two days.") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def outcomes(reports: list[Report]) -> list[tuple[str, str]]:
    """Each file with what became of it."""
    return [(Path(report.source).name, report.status.value) for report in reports]


def error_of(reports: list[Report]) -> str:
    (report,) = (report for report in reports if report.status is Status.FAILED)
    return report.error or ""
