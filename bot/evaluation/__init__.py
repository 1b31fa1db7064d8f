"""Measure retrieval and answers on a folder of questions."""

from bot.evaluation.estimating import Difference, Measure
from bot.evaluation.questions import QuestionResult
from bot.evaluation.reporting import write_report
from bot.evaluation.running import Evaluation, check_place, evaluate
from bot.evaluation.thresholds import Threshold, missed

__all__ = [
    "Difference",
    "Evaluation",
    "Measure",
    "QuestionResult",
    "Threshold",
    "check_place",
    "evaluate",
    "missed",
    "write_report",
]
