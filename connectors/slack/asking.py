"""What staff ask the bot in Slack: answered from public and internal documents, for them alone."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress

from bot.domain import Answer, Outcome
from bot.handoffs.consulting import Advice, Finding, Unanswered
from bot.storage import errands as store
from bot.storage.errands import Errand
from connectors.slack.calling import Me
from connectors.slack.card import source
from connectors.slack.cockpit import NOT_STAFF, Desk
from connectors.slack.events import ASSISTANT, COMMAND, HOME, QUESTION, Place
from connectors.slack.home import HELP, REFRESH, counted, home, listed
from connectors.slack.streaming import MESSAGE_TYPE, Growing
from connectors.slack.telling import respond, tell
from connectors.slack.text import Block, clipped, context, escape, mentioned, plain
from connectors.slack.threads import find_reply
from connectors.slack.troubles import Failures
from llm.errors import UsageError
from retrieval import store as documents

FEEDBACK = "feedback"
HELPFUL, UNHELPFUL = "helpful", "unhelpful"
ANSWER = "answer:"
"""Begins the reference of an errand whose answer was begun: the message's id follows."""
NOT_COVERED = "The documents don't answer this, the internal ones included."
NOT_SURE = "I'm not sure that this is the answer, and it may be internal: read it before you pass it on."
PROMPTS = 4
EXCERPT = 300


class Asking:
    """Carries errands out that are about no case. Raises what `Cockpit` raises, and `Unanswered`."""

    def __init__(self, desk: Desk, me: Callable[[], Awaitable[Me]]) -> None:
        self._desk = desk
        self._me = me
        self.does = {QUESTION: self._question, COMMAND: self._command, HOME: self._home, ASSISTANT: self._greet}
        """By kind of errand."""
        self.presses = {REFRESH: self._home, FEEDBACK: self._judge}
        """By the button that is pressed."""

    async def _question(self, errand: Errand) -> None:
        person = await self._desk.people.get(str(errand.body["user"]))
        if not person.staff:
            raise UsageError(NOT_STAFF)
        text = await self._text(errand)
        place = Place(errand.body["channel"], errand.body["thread"])
        me, client = await self._me(), self._desk.clients.waiting
        if errand.body["private"]:
            await self._assist(place, text)

        async def began(ts: str) -> None:
            await self._desk.database.write(store.begun, errand, f"{ANSWER}{ts}")

        growing = Growing(client, me, place, person.user, errand.id, await self._begun(errand, place), began)
        if not text:
            await growing.finish("Ask me anything about the documents: I know the internal ones, too.", ())
            return
        try:
            advice = await self._advice(text, growing)
        except Unanswered as error:
            await growing.finish(str(error), ())
            return
        await self._desk.database.write(store.asked, errand, person.id, text, advice.answer.outcome)
        await growing.finish(worded(advice.answer), [*_sources(advice), _feedback(errand.id)])

    async def _advice(self, text: str, growing: Growing) -> Advice:
        async with aclosing(self._desk.consulting.ask(self._desk.company, text)) as steps:
            async for step in steps:
                if isinstance(step, Advice):
                    return step
                await growing.show(step.text)
        raise Unanswered("There is no answer. Ask again.")

    async def _begun(self, errand: Errand, place: Place) -> str:
        """The message that an earlier attempt has begun; empty if there is none."""
        if errand.ref.startswith(ANSWER):
            return errand.ref.removeprefix(ANSWER)
        if errand.attempts < 2:
            return ""
        return await find_reply(self._desk.clients.waiting, place, MESSAGE_TYPE, errand.id, errand.at) or ""

    async def _assist(self, place: Place, text: str) -> None:
        """Say what is being done, where Slack's assistant surface is there to show it."""
        client = self._desk.clients.plain
        with suppress(*Failures):
            status = "is looking through the documents…"
            await client.assistant_threads_setStatus(channel_id=place.channel, thread_ts=place.ts, status=status)
            title = clipped(text, 80) or "A question"
            await client.assistant_threads_setTitle(channel_id=place.channel, thread_ts=place.ts, title=title)

    async def _greet(self, errand: Errand) -> None:
        """Offer questions that the documents answer."""
        questions = await self._desk.database.read(documents.sample_questions, self._desk.company, "en", PROMPTS)
        if questions:
            with suppress(*Failures):
                await self._desk.clients.waiting.assistant_threads_setSuggestedPrompts(
                    channel_id=errand.body["channel"],
                    thread_ts=errand.body["thread"],
                    title="Ask me about the documents, such as:",
                    prompts=[{"title": clipped(each, 70), "message": each} for each in questions],
                )

    async def _judge(self, errand: Errand) -> None:
        judged, _, question = str(errand.body["value"]).partition(":")
        await self._desk.database.write(store.judge, self._desk.company, question, helpful=judged == HELPFUL)
        await tell(self._desk.clients, errand.body, "Thank you: this is kept for those who look after the documents.")

    async def _home(self, errand: Errand) -> None:
        user = str(errand.body["user"])
        person = await self._desk.people.get(user)
        cases = await self._desk.cases.queue(self._desk.company) if person.staff else ()
        view = home(cases, person.id, self._desk.now())
        await self._desk.clients.waiting.views_publish(user_id=user, view=view)

    async def _command(self, errand: Errand) -> None:
        name, _, words = str(errand.body["text"]).strip().partition(" ")
        person = await self._desk.people.get(str(errand.body["user"]))
        if not person.staff:
            said = NOT_STAFF
        elif name == "queue":
            said = listed(await self._desk.cases.queue(self._desk.company), self._desk.now())
        elif name == "status":
            said = counted(await self._desk.cases.queue(self._desk.company), person.id)
        elif name == "search" and words.strip():
            said = await self._search(plain(words))
        else:
            said = HELP
        await respond(self._desk.clients, str(errand.body["answer"]), said)

    async def _search(self, words: str) -> str:
        try:
            findings = await self._desk.consulting.search(self._desk.company, words)
        except Unanswered as error:
            return escape(str(error))
        return "\n".join(map(_found, findings)) or "The documents say nothing like that."

    async def _text(self, errand: Errand) -> str:
        text = str(errand.body["text"])
        names = {user: await self._desk.people.name_of(user) for user in mentioned(text)}
        return plain(text, errand.body["blocks"], names)


def worded(answer: Answer) -> str:
    """An answer as staff are told it: nobody hands them over."""
    if answer.outcome is Outcome.ANSWERED:
        return answer.text
    if answer.proposal:
        return f"{NOT_SURE}\n\n{answer.proposal.text}"
    if answer.suggestions:
        near = "\n".join(f"- {each}" for each in answer.suggestions)
        return f"{NOT_COVERED} What comes near:\n{near}"
    return NOT_COVERED


def _sources(advice: Advice) -> list[Block]:
    answer = advice.answer
    shown = (
        answer.citations if answer.outcome is Outcome.ANSWERED else answer.proposal.citations if answer.proposal else ()
    )
    lines = [f"{source(each)}{' 🔒 internal' if each.passage in advice.internal else ''}" for each in shown]
    return [context("\n".join(lines))] if lines else []


def _feedback(question: str) -> Block:
    def button(label: str, judged: str) -> Block:
        return {"text": {"type": "plain_text", "text": label}, "value": f"{judged}:{question}"}

    element = {
        "type": "feedback_buttons",
        "action_id": FEEDBACK,
        "positive_button": button("Helpful", HELPFUL),
        "negative_button": button("Not helpful", UNHELPFUL),
    }
    return {"type": "context_actions", "elements": [element]}


def _found(finding: Finding) -> str:
    passage = finding.passage
    name = " · ".join(dict.fromkeys(filter(None, (passage.title, passage.heading)))) or passage.document
    lock = " 🔒 internal" if finding.internal else ""
    return f"*{escape(clipped(name, 150))}*{lock}\n> {escape(clipped(passage.text, EXCERPT))}"
