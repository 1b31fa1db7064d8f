"""The tables of conversations. A company is part of every key."""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
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
    Column("sending", Integer),  # the bot's message, or a notice, that is being handed to the channel right now
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

# One handoff of a conversation, from when a person is called (or takes it unasked) to when it goes back or is closed.
handoffs = Table(
    "handoff",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("id", String(32), primary_key=True),
    Column("conversation", String(32), nullable=False),
    Column("opened_at", Float, nullable=False),
    Column("closed_at", Float),
    Column("reason", String(32), nullable=False),  # bot.domain.Reason; empty where a person took it unasked
    Column("detail", Text, nullable=False),
    Column("mood", String(8), nullable=False),  # bot.handoffs.mood.Mood
    Column("summary", JSON, nullable=False),  # lines
    Column("suggestion", JSON),  # bot.domain.Suggestion
    Column("suggest_due", Float),  # when to make one
    Column("began", String(64), nullable=False),  # the timeline's cursor when it was opened
    Column("person_name", Text, nullable=False),
    Column("active_at", Float, nullable=False),  # when somebody last wrote
    Column("idle_since", Float),  # when staff were asked whether the conversation may go back to the bot
    Column("snoozed_until", Float),
    # The thread of a staff channel: see bot/handoffs/mirroring.py.
    Column("thread", String(255)),
    Column("shown", String(64), nullable=False),  # the timeline's cursor: the thread has all up to here
    Column("version", Integer, nullable=False),  # grows with every change
    Column("drawn", Integer, nullable=False),  # the version that the thread's card shows
    Column("due", Float),  # when to look at the thread; while leased: when the lease runs out
    Column("lease", String(64)),
    Column("attempts", Integer, nullable=False),  # failed ones, one after the other
    Column("opening", Integer, nullable=False),  # 1 when the thread may have been opened, and nobody knows
    ForeignKeyConstraint(["company", "conversation"], ["conversation.company", "conversation.id"], ondelete="CASCADE"),
    Index(
        "ix_handoff_open",
        "company",
        "conversation",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index("ix_handoff_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")),
    Index("ix_handoff_closed", "company", "closed_at"),
    Index("ix_handoff_conversation", "company", "conversation"),
    Index("ix_handoff_thread", "company", "thread"),
)

# What staff write for staff. Nothing that customers are served reads this, nor does the model.
notes = Table(
    "note",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("company", String(64), nullable=False),
    Column("conversation", String(32), nullable=False),
    Column("at", Float, nullable=False),
    Column("person", String(255), nullable=False),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("key", String(255), nullable=False),
    ForeignKeyConstraint(["company", "conversation"], ["conversation.company", "conversation.id"], ondelete="CASCADE"),
    Index("ix_note_conversation", "company", "conversation", "id"),
    sqlite_autoincrement=True,
)

# What was done already under a key of the staff's tool: the same click, or event, twice does nothing more.
deeds = Table(
    "deed",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("conversation", String(32), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("at", Float, nullable=False),
    ForeignKeyConstraint(["company", "conversation"], ["conversation.company", "conversation.id"], ondelete="CASCADE"),
)

# Files that we keep ourselves: those that staff send, and those of web visitors. They belong to one chat.
files = Table(
    "file",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("id", String(43), primary_key=True),  # not to be guessed
    Column("channel", String(32), nullable=False),
    Column("address", String(255), nullable=False),
    Column("author", String(8), nullable=False),  # bot.domain.Author
    Column("name", Text, nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("size", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),
    Column("sent", Boolean, nullable=False, server_default=true()),  # a message has it: it doesn't go by itself
    ForeignKeyConstraint(["company"], ["company.id"]),
    Index("ix_file_chat", "company", "channel", "address"),
    Index("ix_file_unsent", "company", "at", sqlite_where=text("sent = 0"), postgresql_where=text("NOT sent")),
)

staff = Table(
    "staff",
    metadata,
    Column("company", ForeignKey("company.id"), primary_key=True),
    Column("id", String(40), primary_key=True),
    Column("name", Text, nullable=False),  # as customers read it
    Column("password", Text),  # hashed; none until one is chosen
    Column("slack", String(32)),  # the same person's user id in Slack
    Column("created_at", Float, nullable=False),
    UniqueConstraint("company", "slack"),
)

# Who is signed in at the desk, and who is invited to: an invitation is a session that can do nothing but begin one.
sessions = Table(
    "session",
    metadata,
    Column("company", String(64), primary_key=True),
    Column("digest", String(64), primary_key=True),  # of a secret that only the browser has
    Column("staff", String(40), nullable=False),
    Column("purpose", String(8), nullable=False),  # bot.staff.accounts.Purpose
    Column("begun_at", Float, nullable=False),
    Column("ends_at", Float, nullable=False),
    ForeignKeyConstraint(["company", "staff"], ["staff.company", "staff.id"], ondelete="CASCADE"),
)

# What staff ask the assistant: any process may ask, a worker answers. Rows live for an hour.
consultations = Table(
    "consultation",
    metadata,
    Column("company", ForeignKey("company.id"), primary_key=True),
    Column("id", String(32), primary_key=True),
    Column("kind", String(8), nullable=False),  # bot.handoffs.consulting.Kind
    Column("conversation", String(32), nullable=False),  # what it is about, or empty
    Column("text", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("state", String(8), nullable=False),  # bot.storage.consultations.State
    Column("draft", Text, nullable=False),  # the answer so far
    Column("result", JSON),
    Column("problem", Text, nullable=False),  # why there is no result
    Column("at", Float, nullable=False),
    Index("ix_consultation_state", "state", "at"),
)

# What staff did in their own tool, such as Slack, stored before that was told "got it", and then carried out: one after
# the other in each lane. What is done is kept a while without its content, so that it isn't done again.
errands = Table(
    "errand",
    metadata,
    Column("company", ForeignKey("company.id"), primary_key=True),
    Column("id", String(255), primary_key=True),  # the tool's own name of the event, the same when it comes again
    Column("lane", String(255), nullable=False),  # such as a thread
    Column("at", Float, nullable=False),  # when it happened, as the tool's clock says
    Column("kind", String(16), nullable=False),
    Column("body", JSON, nullable=False),
    Column("due", Float),  # when to carry it out; while leased: when the lease runs out; none when it is done
    Column("lease", String(64)),
    Column("attempts", Integer, nullable=False),
    Column("ref", String(255), nullable=False),  # what was begun for it already, to go on from
    Index("ix_errand_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")),
    Index(
        "ix_errand_lane",
        "company",
        "lane",
        "at",
        sqlite_where=text("due IS NOT NULL"),
        postgresql_where=text("due IS NOT NULL"),
    ),
)

# What staff asked the bot in their own tool, and whether the answer helped.
staff_questions = Table(
    "staff_question",
    metadata,
    Column("company", ForeignKey("company.id"), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("at", Float, nullable=False),
    Column("person", String(255), nullable=False),
    Column("question", Text, nullable=False),
    Column("outcome", String(16), nullable=False),  # bot.domain.Outcome
    Column("helpful", Boolean),
    Index("ix_staff_question_at", "company", "at"),
)
