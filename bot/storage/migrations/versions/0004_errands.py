"""Errands of staff"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "errand",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("lane", sa.String(length=255), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("due", sa.Float(), nullable=True),
        sa.Column("lease", sa.String(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["company.id"], name=op.f("fk_errand_company_company")),
        sa.PrimaryKeyConstraint("company", "id", name=op.f("pk_errand")),
    )
    unfinished = sa.text("due IS NOT NULL")
    with op.batch_alter_table("errand", schema=None) as batch_op:
        batch_op.create_index(
            "ix_errand_due", ["due"], unique=False, sqlite_where=unfinished, postgresql_where=unfinished
        )
        batch_op.create_index(
            "ix_errand_lane",
            ["company", "lane", "at"],
            unique=False,
            sqlite_where=unfinished,
            postgresql_where=unfinished,
        )
    op.create_table(
        "staff_question",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=255), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("person", sa.String(length=255), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["company"], ["company.id"], name=op.f("fk_staff_question_company_company")),
        sa.PrimaryKeyConstraint("company", "id", name=op.f("pk_staff_question")),
    )
    with op.batch_alter_table("staff_question", schema=None) as batch_op:
        batch_op.create_index("ix_staff_question_at", ["company", "at"], unique=False)
    with op.batch_alter_table("handoff", schema=None) as batch_op:
        batch_op.create_index("ix_handoff_thread", ["company", "thread"], unique=False)
