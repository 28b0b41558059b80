from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from postgres_server import PASSWORD, QUOTED, PostgresServer
from sqlalchemy import Connection, Engine, create_engine, make_url

from regard.errors import SettingsError
from regard.store import database, postgresql_engine
from regard.store.tables.metadata import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Gives databases in which nothing is."""
    with ExitStack() as made:

        def new() -> str:
            if kind == "sqlite":
                return f"sqlite:///{tmp_path / str(uuid4())}"
            server: PostgresServer = request.getfixturevalue("postgres")
            return server.url(made.enter_context(server.database()))

        yield new


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()


#: Everything that is not a table's data, as each database tells it.
SCHEMA = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name",
    "postgresql": """
        SELECT relation.relname,
            concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid))
        FROM pg_attribute attribute JOIN pg_class relation ON relation.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
        UNION ALL SELECT conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT sequencename, data_type || ' ' || increment_by || ' ' || cache_size || ' ' || cycle
        FROM pg_sequences ORDER BY 1, 2
    """,
}


def tables(opened: database.Database) -> list[str]:
    """What there is, without Alembic's own."""
    with opened.read() as connection:
        made = connection.exec_driver_sql(SCHEMA[connection.dialect.name]).all()
    return [" ".join(sql.split()) for name, sql in made if name != "alembic_version"]


def test_the_migrations_make_the_schema_the_code_uses(url):
    opened = database.open(url)
    with opened.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    opened.close()


def test_the_migrations_make_the_same_tables_as_the_schema_word_for_word(url, new_url, kind):
    """What `compare_metadata` does not see: AUTOINCREMENT, ON DELETE CASCADE, nulls in keys, sequences."""
    opened = database.open(url)
    migrated = tables(opened)
    opened.close()
    engine = bare(new_url())
    metadata.create_all(engine.execution_options(writing=True))
    direct = tables(database.Database(engine, postgresql_engine.ServersFile()))
    engine.dispose()
    assert len(direct) > 9
    if kind == "sqlite":
        assert {column_set(sql) for sql in migrated} == {column_set(sql) for sql in direct}
    else:
        assert migrated == direct


def test_a_migration_taken_back_leaves_the_schema_before_it_word_for_word(url, new_url, kind):
    opened, other = database.open(url), database.open(new_url())
    with opened.write() as connection:
        _alembic(connection, command.downgrade, "0004")
    with other.write() as connection:
        _alembic(connection, command.downgrade, "base")
        _alembic(connection, command.upgrade, "0004")
    back, direct = tables(opened), tables(other)
    for each in (opened, other):
        each.close()
    assert len(direct) > 9
    if kind == "sqlite":
        # A table that SQLite copied has its name in quotes.
        back, direct = ([sql.replace('"', "") for sql in made] for made in (back, direct))
        assert {column_set(sql) for sql in back} == {column_set(sql) for sql in direct}
    else:
        assert back == direct


def _alembic(connection: Connection, act: Callable[[Config, str], None], revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    config.attributes["connection"] = connection
    act(config, revision)


def bare(url: str) -> Engine:
    """An engine that leaves the schema alone."""
    return create_engine(url) if url.startswith("sqlite") else postgresql_engine.engine(make_url(url), 10.0)


def column_set(sql: str) -> frozenset[str]:
    """SQLite's CREATE statement as its clauses, whatever their order."""
    head, _, body = sql.partition(" (")
    return frozenset([head, *(clause.strip(" )") for clause in body.split(", ")), str("AUTOINCREMENT" in sql)])


def test_opening_again_changes_nothing_and_keeps_rows(url):
    opened = database.open(url)
    with opened.write() as connection:
        connection.exec_driver_sql("INSERT INTO deletions (collection_key) VALUES (7)")
    before = tables(opened)
    opened.close()
    again = database.open(url)
    assert tables(again) == before
    with again.read() as connection:
        assert connection.exec_driver_sql("SELECT collection_key FROM deletions").scalars().all() == [7]
    again.close()


def test_a_database_of_a_newer_regard_is_refused_untouched(url):
    opened = database.open(url)
    with opened.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    opened.close()
    with pytest.raises(SettingsError, match="newer Regard: it has schema 9999") as refused:
        database.open(url)
    assert PASSWORD not in str(refused.value)
    assert QUOTED not in str(refused.value)


def test_the_migrations_are_one_line_without_branches():
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [script.revision for script in reversed(scripts)] == [f"{n:04}" for n in range(1, len(scripts) + 1)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(url, kind):
    opened = database.open(url)
    with opened.write() as connection:  # as if 0001 had been half applied by hand
        connection.exec_driver_sql("DROP TABLE collections" + (" CASCADE" if kind == "postgresql" else ""))
        connection.exec_driver_sql("DELETE FROM alembic_version")
    before = tables(opened)
    opened.close()
    with pytest.raises(SettingsError, match=r'faces"? already exists'):
        database.open(url)
    engine = bare(url)
    assert tables(database.Database(engine, postgresql_engine.ServersFile())) == before
    engine.dispose()
