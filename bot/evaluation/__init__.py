"""Measure retrieval and answers on a folder of questions."""

from bot.evaluation.measures import Measure
from bot.evaluation.running import Evaluation, QuestionResult, evaluate

__all__ = ["Evaluation", "Measure", "QuestionResult", "evaluate"]
