"""What is counted of conversations. No label has many values: companies, channels, and words of enumerations."""

from collections.abc import Iterable, Mapping

from bot.domain import Line
from bot.ports import Gone, Receipt, Rejected, Retry, Sent, Unknown
from llm.chat import Listener, Spent
from llm.settings import LLMSettings
from llm.telemetry import duration, meter

messages = meter.create_counter("answerdesk.messages", description="Messages and presses that customers sent.")
redeliveries = meter.create_counter("answerdesk.redeliveries", description="Events that a channel delivered again.")
turns = meter.create_counter("answerdesk.turns", description="Turns, by what they came to.")
turn_failures = meter.create_counter("answerdesk.turn.failures", description="Attempts at a turn that failed.")
fenced = meter.create_counter("answerdesk.fenced", description="Answers not stored: another worker has the lease.")
leases_lost = meter.create_counter("answerdesk.leases.lost", description="Leases that ran out in a worker's hands.")
receipts = meter.create_counter("answerdesk.receipts", description="What channels said to what was handed to them.")
withheld = meter.create_counter("answerdesk.sentences.withheld", description="Sentences of a model not shown.")
tokens = meter.create_counter("answerdesk.tokens", description="Tokens that models read, had cached, and wrote.")
cost = meter.create_counter("answerdesk.cost", description="What these tokens cost by the prices in the settings.")

queue_seconds = duration("answerdesk.queue", "From the customer's first unanswered message to the turn's beginning.")
first_text_seconds = duration("answerdesk.first.text", "From that message to the first verified text.")
turn_seconds = duration("answerdesk.turn", "From that message to the commit of what is said to it.")
delivery_seconds = duration("answerdesk.delivery", "From that commit to the channel's word that it took the message.")
first_token_seconds = duration("answerdesk.model.first.token", "From a request to a model to its first text.")
answer_seconds = duration("answerdesk.model.answer", "From a request to a model to the end of its answer.")

MILLION = 1_000_000


def begin(lines: Iterable[Line]) -> None:
    """Let what alerts look at begin at zero: of a counter that appears with its first event, no rate is known."""
    fenced.add(0)
    leases_lost.add(0)
    for line in map(of_line, lines):
        for counter in (messages, redeliveries, turn_failures):
            counter.add(0, line)
        for kind in (Sent, Retry, Unknown, Gone, Rejected):
            receipts.add(0, line | {"receipt": kind.__name__.lower()})


def received(receipt: Receipt, line: Line, seconds: float) -> str:
    """Count what a channel said to a message that waited so long for it; returns the receipt's kind."""
    labels, kind = of_line(line), type(receipt).__name__.lower()
    receipts.add(1, labels | {"receipt": kind})
    if isinstance(receipt, Sent):
        delivery_seconds.record(max(0.0, seconds), labels)
    return kind


def of_line(line: Line) -> dict[str, str]:
    """The labels of a company's channel."""
    return {"company": line[0], "channel": line[1]}


def spending(settings: LLMSettings, accounts: Mapping[str, str]) -> Listener:
    """What counts the tokens of each answer, and their price. `accounts` are the companies by `Spent.salt`."""
    model = settings.model or ""

    def listen(spent: Spent) -> None:
        labels = {"company": accounts.get(spent.salt, ""), "model": model}
        counts = {"input": spent.prompt_tokens, "cached": spent.cached_tokens, "output": spent.written_tokens}
        for kind, count in counts.items():
            tokens.add(count, labels | {"type": kind})
        if settings.price_input or settings.price_output:
            cost.add(price(spent, settings), labels | {"currency": settings.currency})
        where = {"model": model, "endpoint": spent.endpoint}
        answer_seconds.record(spent.total, where)
        if spent.first_text > 0:
            first_token_seconds.record(spent.first_text, where)

    return listen


def price(spent: Spent, settings: LLMSettings) -> float:
    """What an answer cost, in the currency of the settings; cached tokens cost as others where no price is said."""
    cached = settings.price_input if settings.price_cached is None else settings.price_cached
    fresh = spent.prompt_tokens - spent.cached_tokens
    due = fresh * settings.price_input + spent.cached_tokens * cached + spent.written_tokens * settings.price_output
    return due / MILLION
