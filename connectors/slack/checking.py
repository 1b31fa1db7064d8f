"""Whether Slack is set up: what `answerdesk doctor` says."""

from bot.settings import SlackSettings
from connectors.slack.calling import open_clients
from connectors.slack.connector import require
from connectors.slack.manifest import SCOPES
from connectors.slack.troubles import MENDABLE, Failures, explain
from llm.errors import SettingsError


async def check_slack(settings: SlackSettings) -> str:
    """What is set up. Raises `SettingsError` for what isn't, with what to do."""
    require(settings)
    async with open_clients(settings) as clients:
        try:
            found = await clients.waiting.auth_test()
            granted = set(str(found.headers.get("x-oauth-scopes") or "").replace(" ", "").split(",")) - {""}
            channel = (await clients.waiting.conversations_info(channel=settings.channel))["channel"] or {}
        except Failures as error:
            raise SettingsError(f"{explain(error)}.") from None
        if channel.get("is_archived"):
            raise SettingsError(f"{MENDABLE['is_archived']}.")
        if not channel.get("is_member"):
            raise SettingsError(f"{MENDABLE['not_in_channel']}: #{channel.get('name')}.")
        if granted and (missing := sorted(set(SCOPES) - granted)):
            raise SettingsError(f"{MENDABLE['missing_scope']}: it lacks {', '.join(missing)}.")
        if settings.mode == "socket" and settings.app_token:
            try:
                await clients.waiting.apps_connections_open(app_token=settings.app_token.get_secret_value())
            except Failures as error:
                raise SettingsError(f"{explain(error, app=True)}.") from None
    workspace, room = found["team"] or found["team_id"], channel.get("name")
    return f"@{found['user']} in {workspace}, handoffs go to #{room}, {settings.mode}"
