"""Staff accounts, and what staff ask"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "staff",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("slack", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["company.id"], name=op.f("fk_staff_company_company")),
        sa.PrimaryKeyConstraint("company", "id", name=op.f("pk_staff")),
        sa.UniqueConstraint("company", "slack", name=op.f("uq_staff_company_slack")),
    )
    op.create_table(
        "session",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("staff", sa.String(length=40), nullable=False),
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("begun_at", sa.Float(), nullable=False),
        sa.Column("ends_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company", "staff"],
            ["staff.company", "staff.id"],
            name=op.f("fk_session_company_staff_staff"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company", "digest", name=op.f("pk_session")),
    )
    op.create_table(
        "consultation",
        sa.Column("company", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("conversation", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["company"], ["company.id"], name=op.f("fk_consultation_company_company")),
        sa.PrimaryKeyConstraint("company", "id", name=op.f("pk_consultation")),
    )
    with op.batch_alter_table("consultation", schema=None) as batch_op:
        batch_op.create_index("ix_consultation_state", ["state", "at"], unique=False)
