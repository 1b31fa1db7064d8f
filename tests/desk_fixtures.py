"""The desk and its people, for tests over HTTP: import the names that are needed."""

from collections.abc import Iterator

import pytest

from tests.chat_site import Site
from tests.desk_people import Person, desk_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running site."""
    with desk_site(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def mia(site: Site) -> Iterator[Person]:
    """Somebody of the staff, signed in."""
    person = Person(site, "mia")
    yield person
    person.client.close()


@pytest.fixture
def jo(site: Site) -> Iterator[Person]:
    """Somebody else of the staff, signed in."""
    person = Person(site, "jo")
    yield person
    person.client.close()
