"""Alembic runs this to migrate; `store/database.py` hands it an open connection inside a transaction."""

from alembic import context

from regard.store.tables.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
