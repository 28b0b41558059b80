from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from regard.errors import SettingsError
from regard.store import database
from regard.store.tables import metadata


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'regard.db'}"


def tables(opened: database.Database) -> list[str]:
    with opened.read() as connection:
        made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return list(made.scalars())


def test_the_migrations_make_the_schema_the_code_uses(url):
    opened = database.open(url)
    with opened.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    opened.close()


def test_the_migrations_make_the_same_tables_as_the_schema_word_for_word(url, tmp_path):
    """What `compare_metadata` does not see: AUTOINCREMENT, ON DELETE CASCADE, nulls in keys."""
    opened = database.open(url)
    migrated = {" ".join(sql.split()) for sql in tables(opened) if "alembic_version" not in sql}
    opened.close()
    engine = create_engine(f"sqlite:///{tmp_path / 'direct.db'}")
    metadata.create_all(engine)
    direct = {" ".join(sql.split()) for sql in tables(database.Database(engine))}
    engine.dispose()
    assert {column_set(sql) for sql in migrated} == {column_set(sql) for sql in direct}


def column_set(sql: str) -> frozenset[str]:
    """A CREATE statement as its clauses, whatever their order."""
    head, _, body = sql.partition(" (")
    return frozenset([head, *(clause.strip(" )") for clause in body.split(", ")), str("AUTOINCREMENT" in sql)])


def test_opening_again_changes_nothing_and_keeps_rows(url):
    opened = database.open(url)
    with opened.write() as connection:
        connection.exec_driver_sql("INSERT INTO removals (collection_key) VALUES (7)")
    before = tables(opened)
    opened.close()
    again = database.open(url)
    assert tables(again) == before
    with again.read() as connection:
        assert connection.exec_driver_sql("SELECT collection_key FROM removals").scalars().all() == [7]
    again.close()


def test_a_database_of_a_newer_regard_is_refused_untouched(url):
    opened = database.open(url)
    with opened.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    opened.close()
    with pytest.raises(SettingsError, match="newer Regard: it has schema 9999"):
        database.open(url)


def test_the_migrations_are_one_line_without_branches():
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [script.revision for script in reversed(scripts)] == [f"{n:04}" for n in range(1, len(scripts) + 1)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(url):
    opened = database.open(url)
    with opened.write() as connection:  # as if 0001 had been half applied by hand
        connection.exec_driver_sql("DROP TABLE collections")
        connection.exec_driver_sql("DELETE FROM alembic_version")
    before = tables(opened)
    opened.close()
    with pytest.raises(SettingsError, match="faces already exists"):
        database.open(url)
    engine = create_engine(url)
    assert tables(database.Database(engine)) == before
    engine.dispose()
