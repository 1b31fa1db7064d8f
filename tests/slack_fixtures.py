"""A Slack, its people, and our side of it, for tests: import the names that are needed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.slack import FakeSlack
from tests.slack_people import Service, Staff, serving


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """An empty workspace."""
    async with FakeSlack() as server:
        yield server


@pytest.fixture
async def service(tmp_path: Path, slack: FakeSlack) -> AsyncIterator[Service]:
    """The whole service, listening over a socket."""
    async with serving(tmp_path, slack) as running:
        yield running


@pytest.fixture
def mia(slack: FakeSlack) -> Staff:
    """Somebody of the staff."""
    return Staff(slack)


@pytest.fixture
def ann(slack: FakeSlack) -> Staff:
    """Somebody else of the staff."""
    return Staff(slack, "U2ANN", "Ann")
