"""The app's manifest: what is pasted at https://api.slack.com/apps to make the app, once."""

import json

SCOPES = (
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "users:read",
)
"""What the bot may do, in the manifest's order."""
EVENTS = (
    "app_home_opened",
    "app_mention",
    "assistant_thread_started",
    "message.channels",
    "message.groups",
    "message.im",
)
COMMAND = "/answerdesk"
LONGEST_NAME = 35
_TEMPLATE = """\
_metadata:
  major_version: 2
display_information:
  name: {name}
  description: Customers' questions that need a person, and answers from your documents.
features:
  app_home:
    home_tab_enabled: true
    messages_tab_enabled: true
    messages_tab_read_only_enabled: false
  assistant_view:
    assistant_description: Answers your team from public and internal documents.
  bot_user:
    display_name: {name}
    always_online: true
  shortcuts:
    - name: Send to customer
      type: message
      callback_id: send_to_customer
      description: Sends this message of a case's thread to the customer.
  slash_commands:
    - command: {command}
      description: Who waits for a person, and what the documents say.
      usage_hint: queue | status | search WORDS | help
      should_escape: false{command_url}
oauth_config:
  scopes:
    bot:
{scopes}
settings:
  event_subscriptions:{request_url}
    bot_events:
{events}
  interactivity:
    is_enabled: true{interactive_url}
  org_deploy_enabled: false
  socket_mode_enabled: {socket}
  token_rotation_enabled: false
"""


def manifest(name: str, address: str = "") -> str:
    """The manifest as YAML; with the address that Slack delivers to, or for Socket Mode without one."""
    url = json.dumps(address)
    return _TEMPLATE.format(
        name=json.dumps(name[:LONGEST_NAME], ensure_ascii=False),
        command=COMMAND,
        command_url=f"\n      url: {url}" if address else "",
        request_url=f"\n    request_url: {url}" if address else "",
        interactive_url=f"\n    request_url: {url}" if address else "",
        scopes="\n".join(f"      - {scope}" for scope in SCOPES),
        events="\n".join(f"      - {event}" for event in EVENTS),
        socket="false" if address else "true",
    )
