"""The store of documents against a plain model: nobody ever sees what is not theirs."""

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval import store
from retrieval.database import Database
from retrieval.errors import DocumentError
from retrieval.passages import Audience
from tests.contract.documents import INTERNAL, MODEL, PUBLIC, ids, put, texts
from tests.knowledge import some_document


@dataclass
class Model:
    """What should be held: text by company, audience and document."""

    held: dict[tuple[str, str], tuple[Audience, str]] = field(default_factory=dict)

    def put(self, company: str, name: str, audience: Audience, text: str) -> bool:
        before = self.held.get((company, name))
        if before and before[0] is INTERNAL and audience is PUBLIC:
            return False
        self.held[company, name] = audience, text
        return True

    def of(self, company: str, audience: Audience) -> dict[str, str]:
        return {
            name: text
            for (owner, name), (seen_by, text) in self.held.items()
            if (owner, seen_by) == (company, audience)
        }


COMPANIES = st.sampled_from(["a", "b"])
IDS = st.sampled_from(["faq", "terms", "faq#0"])
AUDIENCES = st.sampled_from(Audience)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), COMPANIES, IDS, AUDIENCES),
        st.tuples(st.just("remove"), COMPANIES, IDS, AUDIENCES),
        st.tuples(st.just("withdraw"), COMPANIES, IDS, AUDIENCES),
    ),
    max_size=12,
)
RUNS = itertools.count()


@given(steps=STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_nobody_ever_sees_what_is_not_theirs(
    database: Database, steps: list[tuple[str, str, str, Audience]]
) -> None:
    run, model = next(RUNS), Model()
    for number, (step, owner, name, audience) in enumerate(steps):
        company, text = f"{owner}{run}", f"{owner}{run} {number}"
        if step == "put":
            stored = model.put(company, name, audience, text)
            putting = put(database, some_document(name, company, audience), text)
            if stored:
                await putting
            else:
                with pytest.raises(DocumentError):
                    await putting
        elif step == "remove":
            model.held.pop((company, name), None)
            await database.write(store.remove_document, company, name)
        else:
            if (company, name) in model.held:
                model.held[company, name] = INTERNAL, model.held[company, name][1]
            await database.write(store.withdraw, company, f"/files/{name}")
    for company in (f"a{run}", f"b{run}"):
        for seen_by in Audience:
            await check(database, company, seen_by, model.of(company, seen_by))


async def check(database: Database, company: str, audience: Audience, expected: dict[str, str]) -> None:
    """Every way to read gives exactly what this audience of this company may see."""
    assert set(await ids(database, company, audience)) == set(expected)
    numbered = await database.read(store.numbered_passages, company, audience)
    assert {passage.document: passage.text for passage in numbered.values()} == expected
    assert await database.read(store.count_passages, company, audience) == len(expected)
    for name in ("faq", "terms", "faq#0"):
        held = [expected[name]] if name in expected else []
        assert await texts(database, name, company, audience) == held
        passage = await database.read(store.passage, company, audience, f"{name}#0")
        assert ([passage.text] if passage else []) == held
        document = await database.read(store.document, company, audience, name)
        assert (document is not None) == bool(held)
    everything = range(1, 1 + max([0, *numbered]))
    _, candidates = await database.read(store.candidates, company, audience, MODEL, list(everything)[-500:])
    assert {passage.text for passage in candidates.values()} <= set(expected.values())
