"""Which of the servers that some tests need are here: asked once, told in the skip's reason.

With JUNCTION_TEST_REQUIRE_SERVERS=1 (as in CI) a test whose server is missing fails instead.
"""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

POSTGRES_URL = os.environ.get("JUNCTION_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REDIS_URL = os.environ.get("JUNCTION_TEST_REDIS_URL", "redis://127.0.0.1:6379/9")
MYSQL_URL = os.environ.get("JUNCTION_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
REQUIRED = os.environ.get("JUNCTION_TEST_REQUIRE_SERVERS") == "1"


@cache
def missing(marker: str) -> str:
    """Why tests with this marker cannot run, or nothing."""
    return {"postgres": no_postgres, "redis": no_redis, "mysql": no_mysql, "browser": no_browser}[marker]()


def no_postgres() -> str:
    import psycopg

    try:
        psycopg.connect(POSTGRES_URL, connect_timeout=2).close()
    except psycopg.Error as error:
        return f"no PostgreSQL at JUNCTION_TEST_POSTGRES_URL ({shown(POSTGRES_URL)}): {first_line(error)}"
    return ""


def no_redis() -> str:
    import redis

    try:
        with closing(redis.Redis.from_url(REDIS_URL, socket_connect_timeout=2, socket_timeout=2)) as client:
            client.ping()
    except redis.RedisError as error:
        return f"no Redis at JUNCTION_TEST_REDIS_URL ({shown(REDIS_URL)}): {first_line(error)}"
    return ""


def no_mysql() -> str:
    import pymysql

    try:
        pymysql.connect(**mysql_options(), connect_timeout=2).close()
    except (pymysql.Error, RuntimeError) as error:
        return f"no MariaDB or MySQL at JUNCTION_TEST_MYSQL_URL ({shown(MYSQL_URL)}): {first_line(error)}"
    return ""


def no_browser() -> str:
    return "" if chromium() else "no Chromium: JUNCTION_TEST_CHROMIUM may name one"


def chromium() -> str:
    """The browser's path, or nothing."""
    given = os.environ.get("JUNCTION_TEST_CHROMIUM", "")
    return next((found for name in (given, *BROWSERS) if name and (found := shutil.which(name))), "")


def mysql_options() -> dict[str, object]:
    parts = urlsplit(MYSQL_URL)
    return {
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or 3306,
        "user": parts.username or "root",
        "password": parts.password or "",
    }


@contextmanager
def postgres_database() -> Iterator[str]:
    """The URL of an empty database of one's own, dropped afterwards with whoever still uses it."""
    import psycopg

    name = f"junction_test_{uuid4().hex[:12]}"
    with closing(psycopg.connect(POSTGRES_URL, autocommit=True)) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(urlsplit(POSTGRES_URL)._replace(path=f"/{name}"))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def mysql_database() -> Iterator[dict[str, object]]:
    """PyMySQL's options for an empty database of one's own, dropped afterwards."""
    import pymysql

    name = f"junction_test_{uuid4().hex[:12]}"
    with closing(pymysql.connect(**mysql_options(), autocommit=True)) as server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield {**mysql_options(), "database": name}
        finally:
            cursor.execute(f"DROP DATABASE {name}")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
