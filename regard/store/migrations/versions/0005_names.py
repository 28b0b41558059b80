"""The tables by the names of what is in them."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = {"removals": "deletions", "receipts": "idempotency_keys", "sources": "indexed_files"}
#: Table -> the columns of its one index.
INDEXES = {"receipts": ["created_at"], "sources": ["collection_key", "image_id"]}


def upgrade() -> None:
    _rename(TABLES)


def downgrade() -> None:
    _rename({new: old for old, new in TABLES.items()})


def _rename(names: dict[str, str]) -> None:
    for before, after in names.items():
        columns = INDEXES.get(before) or INDEXES.get(after)
        if columns:
            op.drop_index(f"{before}_by_{'_'.join(columns)}", before)
        op.rename_table(before, after)
        if columns:
            op.create_index(f"{after}_by_{'_'.join(columns)}", after, columns)
