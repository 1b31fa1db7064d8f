import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, aclosing

import pytest

from llm.chat import ChatMessage, Spent
from llm.errors import BrokenOff, ModelRejected, ModelUnavailable, RequestRejected
from llm.replicas import BROKEN_AFTER, PAUSE, SLACK, Replicas
from llm.settings import LLMSettings
from tests.fakes.vllm import FakeVLLM, Reply, refusing_url, says

PROMPT = [ChatMessage("user", "When do you open?")]
KEYS = [f"conversation {number}" for number in range(40)]


@pytest.fixture(scope="module")
def servers() -> Iterator[list[FakeVLLM]]:
    with ExitStack() as stack:
        yield [stack.enter_context(FakeVLLM()) for _ in range(3)]


@pytest.fixture
def fakes(servers: list[FakeVLLM]) -> list[FakeVLLM]:
    for number, server in enumerate(servers):
        server.requests.clear()
        server.replies.clear()
        server.replies.append(says(f"Answer of {number}."))
    return servers


@pytest.fixture
async def build() -> AsyncIterator:
    made: list[Replicas] = []

    def built(*urls: str, listen=None, **changes) -> Replicas:
        given = {"base_url": ",".join(urls), "model": "test-model", "first_token_timeout": 20, "stall_timeout": 0.3}
        made.append(Replicas(LLMSettings(**given | changes), listen))
        return made[-1]

    yield built
    for each in made:
        await each.close()


async def read(model: Replicas, affinity: str = "", **options) -> str:
    return "".join([text async for text in model.stream(PROMPT, affinity=affinity, **options)])


async def first_asked(model: Replicas, fakes: list[FakeVLLM], affinity: str) -> FakeVLLM:
    """Which of the servers gets this conversation when all are well."""
    await read(model, affinity)
    (chosen,) = (fake for fake in fakes if fake.completions)
    chosen.requests.clear()
    return chosen


async def test_a_conversation_stays_with_its_replica(build, fakes):
    model = build(*(fake.url for fake in fakes))
    assert len({await read(model, KEYS[0]) for _ in range(5)}) == 1


async def test_conversations_are_spread_over_all_replicas(build, fakes):
    model = build(*(fake.url for fake in fakes))
    assert {await read(model, key) for key in KEYS} == {f"Answer of {number}." for number in range(3)}


async def test_when_a_replica_goes_only_its_own_conversations_move(build, fakes):
    model, fewer = build(*(fake.url for fake in fakes)), build(*(fake.url for fake in fakes[:2]))
    for key in KEYS:
        before = await read(model, key)
        assert before == "Answer of 2." or await read(fewer, key) == before


async def test_a_busy_replica_passes_its_conversations_on(build, fakes):
    model = build(*(fake.url for fake in fakes[:2]))
    chosen = await first_asked(model, fakes, KEYS[0])
    chosen.replies.clear()
    chosen.replies.append(Reply(tokens=["We"], stall=True))
    streams = [model.stream(PROMPT, affinity=KEYS[0]) for _ in range(SLACK + 1)]
    for stream in streams:
        await anext(stream)
    (other,) = (fake for fake in fakes[:2] if fake is not chosen)
    assert await read(model, KEYS[0]) == f"Answer of {fakes.index(other)}."
    for stream in streams:
        await stream.aclose()


FAULTS = {
    "500": Reply(status=500),
    "404": Reply(status=404),
    "too long": Reply(status=400),
    "cut": Reply(cut=True),
    "empty": Reply(),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_what_has_not_begun_goes_to_another_replica(build, fakes, fault):
    model = build(*(fake.url for fake in fakes[:2]))
    chosen = await first_asked(model, fakes, KEYS[0])
    chosen.replies[0] = fault
    (other,) = (fake for fake in fakes[:2] if fake is not chosen)
    assert await read(model, KEYS[0]) == f"Answer of {fakes.index(other)}."


async def test_one_that_refuses_is_no_matter_if_there_is_another(build, fakes):
    model = build(refusing_url(), fakes[0].url)
    assert {await read(model, key) for key in KEYS} == {"Answer of 0."}


async def test_what_has_begun_never_goes_on_at_another_replica(build, fakes):
    for fake in fakes:
        fake.replies[0] = Reply(tokens=["We open"], cut=True)
    with pytest.raises(BrokenOff):
        await read(build(*(fake.url for fake in fakes[:2])))
    assert sum(len(fake.completions) for fake in fakes) == 1


async def test_without_another_replica_there_is_none_to_begin_anew_with(build, fakes):
    fakes[0].replies[0] = Reply(tokens=["We open"], cut=True)
    with pytest.raises(ModelUnavailable) as caught:
        await read(build(fakes[0].url))
    assert not isinstance(caught.value, BrokenOff)


async def test_when_all_fail_the_last_ones_error_is_told(build, fakes):
    for fake in fakes:
        fake.replies[0] = Reply(status=401, message="no")
    with pytest.raises(ModelRejected, match="401"):
        await read(build(*(fake.url for fake in fakes)))
    assert [len(fake.completions) for fake in fakes] == [1, 1, 1]


async def fail(model: Replicas, times: int, error: type[Exception] = ModelUnavailable) -> None:
    for _ in range(times):
        with pytest.raises(error):
            await read(model)


async def test_a_broken_endpoint_is_left_alone(build, fakes):
    fakes[0].replies[0] = Reply(status=500)
    model = build(fakes[0].url)
    await fail(model, BROKEN_AFTER)
    with pytest.raises(ModelUnavailable, match="3 times in a row"):
        await read(model)
    assert len(fakes[0].completions) == BROKEN_AFTER


def later(model: Replicas, seconds: float) -> None:
    """Let time pass for the pauses of its replicas."""
    for replica in model._replicas:
        replica.rests_until -= seconds


async def test_after_its_pause_one_request_shows_how_it_is(build, fakes):
    fakes[0].replies[0] = Reply(status=500)
    model = build(fakes[0].url)
    await fail(model, BROKEN_AFTER)
    later(model, PAUSE)
    fakes[0].replies[0] = Reply(tokens=["We"], stall=True)
    async with aclosing(model.stream(PROMPT)) as trial:
        await anext(trial)
        with pytest.raises(ModelUnavailable, match="3 times in a row"):
            await read(model)
    assert len(fakes[0].completions) == BROKEN_AFTER + 1


async def test_a_success_makes_it_well_again(build, fakes):
    fakes[0].replies[0] = Reply(status=500)
    model = build(fakes[0].url)
    await fail(model, BROKEN_AFTER)
    later(model, PAUSE)
    fakes[0].replies[0] = says("We open at nine.")
    assert [await read(model) for _ in range(3)] == ["We open at nine."] * 3


async def test_each_failure_makes_the_pause_longer(build, fakes):
    fakes[0].replies[0] = Reply(status=500)
    model = build(fakes[0].url)
    await fail(model, BROKEN_AFTER)
    later(model, PAUSE)
    await fail(model, 1)
    later(model, PAUSE)
    with pytest.raises(ModelUnavailable, match="in a row"):
        await read(model)


async def test_one_that_says_when_to_come_again_is_left_alone_until_then(build, fakes):
    fakes[0].replies[0] = Reply(status=429, retry_after="20")
    model = build(fakes[0].url)
    await fail(model, 1)
    with pytest.raises(ModelUnavailable, match=r"in (19|20) s"):
        await read(model)
    assert len(fakes[0].completions) == 1


@pytest.mark.parametrize("fault", [Reply(status=400), Reply(tokens=["On"], finish="length")])
async def test_a_request_that_does_not_suit_is_not_the_endpoints_fault(build, fakes, fault):
    fakes[0].replies[0] = fault
    model = build(fakes[0].url)
    await fail(model, BROKEN_AFTER + 1, RequestRejected)
    assert len(fakes[0].completions) == BROKEN_AFTER + 1


async def test_the_first_text_has_a_limit_over_all_replicas(build, fakes):
    for fake in fakes:
        fake.replies[0] = Reply(stall=True)
    model = build(*(fake.url for fake in fakes), first_token_timeout=0.3, first_text_timeout=1.5)
    with pytest.raises(ModelUnavailable, match="no first word"):
        await read(model)
    assert sum(len(fake.completions) for fake in fakes) < 3


async def test_time_that_passed_before_counts(build, fakes):
    began = asyncio.get_running_loop().time() - 100
    with pytest.raises(ModelUnavailable, match="no first word"):
        await read(build(fakes[0].url), began=began)


async def test_more_than_an_endpoint_can_do_waits_for_its_turn(build, fakes):
    model = build(fakes[0].url, concurrency=2)
    assert set(await asyncio.gather(*(read(model) for _ in range(10)))) == {"Answer of 0."}


async def test_who_can_not_have_a_turn_in_time_is_told(build, fakes):
    fakes[0].replies[0] = Reply(tokens=["We"], stall=True)
    model = build(fakes[0].url, concurrency=1, stall_timeout=60, first_text_timeout=1.3)
    async with aclosing(model.stream(PROMPT)) as stream:
        await anext(stream)
        with pytest.raises(ModelUnavailable, match="busy"):
            await read(model)
    assert len(fakes[0].completions) == 1


async def test_what_an_answer_took_is_told(build, fakes):
    told: list[Spent] = []
    await read(build(fakes[0].url, listen=told.append))
    (spent,) = told
    assert (spent.endpoint, spent.prompt_tokens, spent.cached_tokens, spent.written_tokens) == (fakes[0].url, 4, 2, 4)
    assert 0 < spent.first_text <= spent.total


async def test_tokens_are_counted_by_the_endpoint(build, fakes):
    model = build(refusing_url(), fakes[0].url)
    assert await model.count_tokens(["one two three", "one"]) == [3, 1]


async def test_tokens_are_estimated_where_nobody_can_tell(build):
    (count,) = await build(refusing_url()).count_tokens(["Parcels cost 4.90 euros."])
    assert count == 9


async def test_a_text_is_counted_once(build, fakes):
    model = build(fakes[0].url)
    await model.count_tokens(["one", "two", "one"])
    await model.count_tokens(["two"])
    assert len(fakes[0].requests) == 2


async def test_the_context_leaves_room_for_the_answer(build, fakes):
    assert await build(fakes[0].url, max_tokens=100).context() == 8092
