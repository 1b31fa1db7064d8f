"""Opens the desks of the companies: brings together what staff need from all channels."""

from collections.abc import Mapping

from bot.domain import Chat, Line
from bot.errors import FileUnavailable
from bot.ports import Connector
from bot.settings import Company, Settings
from connectors.web.desk.desk import Desk, open_desk
from retrieval.database import Database


def open_desks(settings: Settings, database: Database, connectors: Mapping[Line, Connector]) -> Mapping[str, Desk]:
    """A desk for each company that is served, by its id."""
    companies = {company.id: company for company in settings.served}

    async def fetch(chat: Chat, ref: str, limit: int) -> bytes:
        if connector := connectors.get(chat.line):
            return await connector.fetch(ref, limit)
        return await _fetch_elsewhere(companies[chat.company], database, chat, ref, limit)

    hours = settings.desk.session_hours
    return {each.id: open_desk(database, each.id, fetch, each.handoff, hours) for each in companies.values()}


async def _fetch_elsewhere(company: Company, database: Database, chat: Chat, ref: str, limit: int) -> bytes:
    """A file of a channel that this process doesn't serve: a process with the web role alone knows no Telegram."""
    if chat.channel == "telegram" and company.telegram.token:
        from connectors.telegram.connector import open_telegram

        async with open_telegram(company.telegram, company.id, database) as telegram:
            return await telegram.fetch(ref, limit)
    raise FileUnavailable(f"This process can't reach {chat.channel}, which has the file: see its settings.")
