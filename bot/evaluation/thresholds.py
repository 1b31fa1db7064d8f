"""What a run must reach, so that a pipeline can stop where it doesn't."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.evaluation.running import Evaluation
from bot.evaluation.scoring import ANSWERS, LOWER_IS_BETTER, MEASURES
from llm.errors import UsageError

PASS = re.compile(r"pass\^[1-9]\d*")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A measure, of all questions or of those in one language, and what it must not be worse than."""

    measure: str
    least: float
    group: str = "all"

    @classmethod
    def parse(cls, said: str, *, answers: bool) -> "Threshold":
        """From `measure=value` or `language:measure=value`. Raises `UsageError`, as for what won't be measured."""
        name, _, value = said.rpartition("=")
        group, _, measure = name.strip().rpartition(":")
        if measure not in MEASURES and not PASS.fullmatch(measure):
            known = ", ".join([*MEASURES, "pass^1, pass^2, ..."])
            raise UsageError(f"{said}: name a measure and a value, as in hit@1=0.9. Measures: {known}.")
        if measure in ANSWERS and not answers:
            raise UsageError(f"{said}: {measure} is measured with --answers only.")
        try:
            least = float(value)
        except ValueError:
            least = math.nan
        if not 0 <= least <= 1:
            raise UsageError(f"{said}: {value} is no number from 0 to 1.")
        return cls(measure, least, group or "all")

    def __str__(self) -> str:
        return self.measure if self.group == "all" else f"{self.group}:{self.measure}"


def missed(measured: Evaluation, thresholds: Sequence[Threshold]) -> Iterator[str]:
    """A sentence for each threshold that was not reached."""
    for each in thresholds:
        measure = measured.measure(each.measure, each.group)
        if measure is None or not measure.count:
            yield f"{each} could not be measured: there are no questions for it."
        elif each.measure in LOWER_IS_BETTER and measure.value > each.least:
            yield f"{each} is {measure.value:.3f}, above {each.least:g}."
        elif each.measure not in LOWER_IS_BETTER and measure.value < each.least:
            yield f"{each} is {measure.value:.3f}, below {each.least:g}."
