"""The tables of conversations. A company is part of every key."""

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from retrieval.database import metadata

companies = Table(
    "company",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)

# The work item. Who may act on it, what is asked and what is still to be sent can all be told from this one row,
# so that a worker's decisions are safe under the row's lock alone.
conversations = Table(
    "conversation",
    metadata,
    Column("company", ForeignKey("company.id"), primary_key=True),
    Column("id", String(32), primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("address", String(255), nullable=False),
    Column("owner", String(8), nullable=False),  # bot.domain.Owner
    Column("person", String(255)),  # who claimed it
    Column("customer", Text, nullable=False),  # what to call the customer
    Column("language", String(8), nullable=False),
    Column("last", Integer, nullable=False),  # the newest message
    Column("asked", Integer, nullable=False),  # the newest that wants a turn
    Column("done", Integer, nullable=False),  # turns have dealt with all up to here
    Column("queued", Integer, nullable=False),  # the newest that was put into the outbox
    Column("settled", Integer, nullable=False),  # the outbox is dealt with up to here
    Column("since", Integer, nullable=False),  # what is older is no history any more
    Column("sending", Integer),  # the bot's message that is being handed to the channel right now
    Column("burst_at", Float, nullable=False),  # when the oldest unanswered message came
    Column("due", Float),  # when a worker should look at it; while leased: when the lease runs out
    Column("lease", String(64)),
    Column("failures", Integer, nullable=False),  # of turns, one after the other
    Column("deaths", Integer, nullable=False),  # of workers, while they held it and something was asked
    Column("gone", Text),  # why the customer can't be written to
    Column("created_at", Float, nullable=False),
    UniqueConstraint("company", "channel", "address"),
    CheckConstraint("owner IN ('bot', 'waiting', 'human', 'closed')", name="owner"),
    Index("ix_conversation_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")),
    Index("ix_conversation_owner", "company", "owner"),
)

messages = Table(
    "message",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("conversation", String(32), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("event", String(255)),  # the channel's id of the event; none for what we say
    Column("kind", String(16), nullable=False),  # bot.ports.Kind
    Column("author", String(8), nullable=False),  # bot.domain.Author
    Column("text", Text, nullable=False),
    Column("body", JSON, nullable=False),
    Column("status", String(10), nullable=False),  # bot.conversation.Status
    Column("attempts", Integer, nullable=False),
    Column("refs", JSON, nullable=False),  # what the channel calls it
    Column("at", Float, nullable=False),
    ForeignKeyConstraint(["company", "conversation"], ["conversation.company", "conversation.id"], ondelete="CASCADE"),
    UniqueConstraint("company", "channel", "event"),
    Index(
        "ix_message_outbox",
        "company",
        "conversation",
        sqlite_where=text("status = 'outbox'"),
        postgresql_where=text("status = 'outbox'"),
    ),
)

# The audit trail: every change of state, in the transaction that made it. Rows are only ever added.
events = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("company", String(64), nullable=False),
    Column("conversation", String(32), nullable=False),
    Column("at", Float, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("actor", String(255), nullable=False),
    Column("data", JSON, nullable=False),
    ForeignKeyConstraint(["company", "conversation"], ["conversation.company", "conversation.id"], ondelete="CASCADE"),
    Index("ix_event_conversation", "company", "conversation", "id"),
    sqlite_autoincrement=True,
)
