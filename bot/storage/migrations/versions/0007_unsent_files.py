"""Which of the customers' files a message has sent"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of those that are there nobody knows: they stay.
    op.add_column("file", sa.Column("sent", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_index(
        "ix_file_unsent",
        "file",
        ["company", "at"],
        sqlite_where=sa.text("sent = 0"),
        postgresql_where=sa.text("NOT sent"),
    )
