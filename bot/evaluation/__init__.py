"""Measure retrieval, answers and conversations on questions of which one knows what is right."""

from bot.evaluation.estimating import Difference, Measure
from bot.evaluation.playing import Played
from bot.evaluation.questions import QuestionResult, Selection
from bot.evaluation.reporting import write_report
from bot.evaluation.running import Evaluation, check_place, evaluate
from bot.evaluation.thresholds import Threshold, missed

__all__ = [
    "Difference",
    "Evaluation",
    "Measure",
    "Played",
    "QuestionResult",
    "Selection",
    "Threshold",
    "check_place",
    "evaluate",
    "missed",
    "write_report",
]
