"""Takes in what Slack says: stored before it is acknowledged; forms are opened at once."""

import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult

from bot.answers.explaining import explain
from bot.answers.teaching import lesson_of
from bot.domain import Owner
from bot.handoffs.cases import Case
from bot.storage import errands as store
from bot.storage.errands import Errand
from connectors.slack import card, forms
from connectors.slack.calling import Me
from connectors.slack.cockpit import CLOSED, NOT_STAFF, Desk
from connectors.slack.events import PRESS, SUBMIT, Place, translate
from connectors.slack.telling import tell
from connectors.slack.troubles import Failures, code, safe
from connectors.slack.why import why
from retrieval.errors import StoreUnavailable

log = logging.getLogger(__name__)
_QUIET = logging.getLogger("slack_bolt.answerdesk")
_QUIET.setLevel(logging.ERROR)
"""Bolt's own log: at its finer levels it would write down what people say."""
_DONE = BoltResponse(status=200, body="")
_LATER = BoltResponse(status=503, body="")
"""Slack delivers it again."""


class Receiver:
    """One company's app, as Bolt has it."""

    def __init__(
        self, desk: Desk, me: Me, channel: str, signing_secret: str, now: Callable[[], float] = time.time
    ) -> None:
        self._desk = desk
        self._me = me
        self._channel = channel
        self._now = now

        async def authorize(**_: object) -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=me.enterprise or None,
                team_id=me.team,
                bot_user_id=me.user,
                bot_id=me.bot or None,
                bot_token=desk.clients.token,
            )

        self.app = AsyncApp(
            name="answerdesk",
            logger=_QUIET,
            authorize=authorize,
            signing_secret=signing_secret or "unused in Socket Mode",
            request_verification_enabled=bool(signing_secret),
        )
        self.app.use(self._take)
        self.app.action(re.compile("|".join(card.OPENS)))(self._open)

    async def dispatch(self, request: AsyncBoltRequest) -> BoltResponse:
        """Take in a request; 200 means that it is stored."""
        return await self.app.async_dispatch(request)

    async def _take(self, body: dict[str, Any], next: Callable[[], Awaitable[None]]) -> BoltResponse | None:  # noqa: A002 - Bolt's name
        errand = self._translate(body)
        if errand is None:
            return _DONE
        if errand.kind == PRESS and errand.body["action"] in card.OPENS:
            await next()
            return None
        try:
            is_form = errand.kind == SUBMIT and errand.body["form"] != card.TEACH
            if is_form and (late := await self._too_late(errand.body)):
                return BoltResponse(status=200, body={"response_action": "update", "view": late})
            await self._desk.database.write(store.put, errand, self._now())
        except StoreUnavailable as error:
            log.error("what Slack says can't be stored, and will come again: %s", error)
            return _LATER
        return _DONE

    def _translate(self, body: dict[str, Any]) -> Errand | None:
        """What is to be done. What can't be read is passed over: it would come again and again."""
        try:
            return translate(body, self._desk.company, self._me, self._channel, self._now())
        except (AttributeError, KeyError, TypeError, ValueError):
            log.exception("an event of Slack can't be read, and is passed over")
            return None

    async def _open(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Open a form: Slack gives three seconds from the press on."""
        await ack()
        errand = self._translate(body)
        if errand is None:
            return
        about = errand.body
        conversation, handoff, _ = (*str(about["value"]).split(":", 2), "", "")[:3]
        if about["action"] in (card.EXPLAIN, card.TEACH):
            await self._show_reply(str(body.get("trigger_id")), about)
            return
        try:
            case = await self._desk.cases.get(self._desk.company, conversation)
            if case is None or case.id != handoff or case.closed_at is not None:
                await tell(self._desk.clients, about, CLOSED)
            elif await self._is_others(case, str(about["user"])):
                buttons = [card.button(card.TAKE_OVER, card.value(case))]
                await tell(self._desk.clients, about, f"{case.person_name or case.person} has this case.", buttons)
            else:
                thread = Place(about["channel"], about["thread"]).ref if about["channel"] else ""
                await self._show(str(body.get("trigger_id")), forms.form(str(about["action"]), case, thread), about)
        except StoreUnavailable as error:
            await tell(self._desk.clients, about, f"The form can't be opened now: {error}")

    async def _show_reply(self, trigger: str, about: Mapping[str, Any]) -> None:
        """Show how a reply came about, or the form that keeps it as an answer; whoever has the case."""
        conversation, handoff, seq = (*str(about["value"]).split(":", 2), "", "")[:3]
        where, place = (self._desk.database, self._desk.company, conversation), int(seq) if seq.isdecimal() else None
        try:
            person = await self._desk.people.get(str(about["user"]))
            if not person.staff:
                await tell(self._desk.clients, about, NOT_STAFF)
                return
            if about["action"] == card.TEACH:
                lesson = await lesson_of(*where, place or 0)
                thread = Place(about["channel"], about["thread"]).ref
                view = forms.lesson_form(lesson, f"{conversation}:{handoff}:{thread}") if lesson else None
            else:
                explained = await explain(*where, place)
                view = why(explained) if explained else None
        except (StoreUnavailable, *Failures) as error:
            log.warning("a reply can't be looked up: %s", safe(error))
            await tell(self._desk.clients, about, "That can't be looked up now: press the button again.")
            return
        if view:
            await self._show(trigger, view, about)
        else:
            await tell(self._desk.clients, about, "Nothing was recorded of this reply.")

    async def _show(self, trigger: str, view: dict[str, Any], about: Mapping[str, Any]) -> None:
        try:
            await self._desk.clients.plain.views_open(trigger_id=trigger, view=view)
        except Failures as error:
            log.warning("a form couldn't be opened: %s", safe(error))
            late = code(error) in ("expired_trigger_id", "exchanged_trigger_id")
            said = "Slack waited too long for the form" if late else "Slack didn't open the form"
            await tell(self._desk.clients, about, f"{said}: press the button again.")

    async def _is_others(self, case: Case, user: str) -> bool:
        return case.conversation.owner is Owner.HUMAN and case.person != await self._desk.people.id_of(user)

    async def _too_late(self, submitted: Mapping[str, Any]) -> dict[str, Any] | None:
        """What to show in place of a form whose case isn't what it was when it was opened."""
        conversation, handoff, _ = (*str(submitted["about"]).split(":", 2), "", "")[:3]
        words = str(submitted["values"].get(forms.WORDS) or "")
        case = await self._desk.cases.get(self._desk.company, conversation)
        if case is None or case.id != handoff or case.closed_at is not None:
            return forms.too_late(CLOSED, words)
        if await self._is_others(case, str(submitted["user"])):
            return forms.too_late(f"{case.person_name or case.person} has this case by now.", words)
        return None
