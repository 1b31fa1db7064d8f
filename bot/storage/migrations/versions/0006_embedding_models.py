"""Which embedding model serves a company, and what goes on in the indexes"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("knowledge", sa.Column("model", sa.String(length=255), nullable=True))
    # What served until now: the model of any vector of the company, as all of them have those of that one.
    op.execute(
        "UPDATE knowledge SET model = (SELECT MAX(passage_vector.model) FROM passage_vector"
        " JOIN passage ON passage.serial = passage_vector.passage WHERE passage.serial ="
        " (SELECT MIN(passage.serial) FROM passage WHERE passage.company = knowledge.company))"
    )
    op.create_table(
        "embedding_model",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_embedding_model")),
    )
    op.create_table(
        "index_work",
        sa.Column("place", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.Column("doing", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("noted", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_index_work")),
    )
