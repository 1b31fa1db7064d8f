import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.settings import AnsweringSettings
from retrieval.calibrating import cross_validated, fit, reliability, scaled
from retrieval.confidence import Scale, probability

EVIDENCE = np.linspace(-4, 4, 200)


def drawn(scale: Scale, seed: int = 0) -> np.ndarray:
    """Whether each is right, as often as the scale says."""
    return np.random.default_rng(seed).random(len(EVIDENCE)) < scaled(EVIDENCE, scale)


@pytest.mark.parametrize("scale", [Scale(), Scale(2.0, 1.0), Scale(-1.5, 0.6)])
def test_the_scale_that_holds_is_found(scale: Scale) -> None:
    evidence = np.tile(EVIDENCE, 20)
    right = np.concatenate([drawn(scale, seed) for seed in range(20)])
    found = fit(evidence, right)
    assert found.intercept == pytest.approx(scale.intercept, abs=0.2)
    assert found.slope == pytest.approx(scale.slope, abs=0.1)
    assert found.questions == len(evidence)


def test_evidence_that_says_the_opposite_is_not_turned_round() -> None:
    assert fit(EVIDENCE, EVIDENCE < 0).slope == 0.0


def test_a_fit_brings_the_loss_down_where_the_numbers_are_off() -> None:
    right = drawn(Scale(2.0, 1.0))
    after = reliability(cross_validated(EVIDENCE, right), right)
    assert after.loss < reliability(scaled(EVIDENCE, Scale()), right).loss


def test_bands_count_every_question_once() -> None:
    right = drawn(Scale())
    bands = reliability(scaled(EVIDENCE, Scale()), right).bands
    assert sum(band.questions for band in bands) == len(EVIDENCE)
    assert all(band.low <= band.confidence <= band.high for band in bands)


@given(st.lists(st.tuples(st.floats(-40, 40), st.booleans()), min_size=1, max_size=60))
def test_whatever_is_seen_makes_probabilities(seen: list[tuple[float, bool]]) -> None:
    evidence, right = np.array([each for each, _ in seen]), np.array([was for _, was in seen])
    confidences = scaled(evidence, fit(evidence, right))
    assert ((confidences >= 0) & (confidences <= 1)).all()


@pytest.mark.parametrize(("costs", "answers_from"), [(1.0, 0.5), (2.0, 2 / 3), (9.0, 0.9)])
def test_the_dearer_a_wrong_answer_the_surer_it_has_to_be(costs: float, answers_from: float) -> None:
    settings = AnsweringSettings(wrong_answer_costs=costs)
    assert settings.answers_from == pytest.approx(answers_from)
    # At the threshold, answering costs as much as handing over.
    assert (1 - answers_from) * costs == pytest.approx(answers_from)


def test_a_threshold_that_is_set_counts_whatever_a_wrong_answer_costs() -> None:
    assert AnsweringSettings(wrong_answer_costs=9, answer_above=0.4).answers_from == 0.4


def test_odds_make_probabilities() -> None:
    assert probability(0) == 0.5
    assert probability(-1e9) == pytest.approx(0, abs=1e-9)
