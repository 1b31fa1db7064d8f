import json
from pathlib import Path

import pytest

from llm.errors import AnswerdeskError
from llm.serving import Gpu, Machine, Wanted, command

H100 = Gpu("H100", 80, 9.0)
A100 = Gpu("A100", 80, 8.0)


def flags(model: str, *gpus: Gpu, free_gb: float = 24, **wanted) -> dict[str, str]:
    """Each flag with its value; those without one have an empty one."""
    given = {"name": "it", "host": "127.0.0.1", "port": 8000, "python": "python"}
    made = command(Wanted(model, **given | wanted), Machine(gpus, 8, free_gb)).arguments[3:]
    return {
        flag: made[at + 1] if at + 1 < len(made) and not made[at + 1].startswith("--") else ""
        for at, flag in enumerate(made)
        if flag.startswith("--")
    }


def variables(model: str, *gpus: Gpu, free_gb: float = 24) -> dict[str, str]:
    wanted = Wanted(model, "it", "127.0.0.1", 8000, "python")
    return dict(command(wanted, Machine(gpus, 8, free_gb)).variables)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A model whose context is short."""
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 2048}))
    return str(tmp_path)


def test_the_prefix_cache_is_on_and_tells_what_it_served():
    assert {"--enable-prefix-caching", "--enable-prompt-tokens-details"} <= flags("a/b-8B", H100).keys()


def test_a_model_that_fits_one_card_is_copied_to_the_others():
    made = flags("a/b-8B", H100, H100, H100, H100)
    assert (made.get("--tensor-parallel-size"), made["--data-parallel-size"]) == (None, "4")


def test_a_model_that_does_not_fit_one_card_is_spread_over_as_few_as_hold_it():
    made = flags("a/b-32B", H100, H100, H100, H100)
    assert (made["--tensor-parallel-size"], made["--data-parallel-size"]) == ("2", "2")


def test_cards_are_taken_together_in_powers_of_two():
    assert flags("a/b-70B", *[H100] * 6)["--tensor-parallel-size"] == "4"


def test_a_model_that_fits_in_eight_bits_only_is_served_in_eight_bits():
    assert flags("a/b-32B", H100)["--quantization"] == "fp8"


def test_a_card_that_can_not_do_eight_bits_is_not_asked_to():
    with pytest.raises(AnswerdeskError, match="64 GB"):
        flags("a/b-32B", A100)


def test_a_model_that_does_not_fit_at_all_is_refused():
    with pytest.raises(AnswerdeskError, match="smaller or a quantised"):
        flags("a/b-405B", H100)


def test_a_quantised_model_needs_less():
    assert "--tensor-parallel-size" not in flags("a/b-70B-AWQ", H100)


def test_without_a_card_it_runs_on_the_cpu():
    assert flags("a/b-1B")["--dtype"] == "bfloat16"
    assert variables("a/b-1B", free_gb=24)["VLLM_CPU_KVCACHE_SPACE"] == "4"


def test_a_small_machine_gives_the_cache_a_gigabyte():
    assert variables("a/b-1B", free_gb=2)["VLLM_CPU_KVCACHE_SPACE"] == "1"


def test_the_context_is_no_longer_than_the_models_own(folder: str):
    assert flags(folder, H100)["--max-model-len"] == "2048"


def test_a_shorter_context_may_be_chosen(folder: str):
    assert flags(folder, H100, context=1024)["--max-model-len"] == "1024"


def test_a_model_on_disk_asks_no_hub(folder: str):
    assert variables(folder)["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in variables("a/b-8B")


def test_more_flags_come_last():
    assert command(
        Wanted("a/b-8B", "it", "127.0.0.1", 8000, "python", extra=["--max-num-seqs", "8"]), Machine([H100], 8, 24)
    ).arguments[-2:] == ["--max-num-seqs", "8"]


def test_its_health_is_asked_where_it_can_be_reached():
    made = command(Wanted("a/b-8B", "it", "0.0.0.0", 9000, "python"), Machine([H100], 8, 24))  # noqa: S104
    assert made.health == "http://127.0.0.1:9000/health"
