"""Databases of our own on the servers of this machine; a test whose server is missing says so and is skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest

from apps.core.gateway.sql import SqlTarget
from tests import servers

NAME = f"gateway_{os.getpid()}"


def postgresql_target(**changes) -> SqlTarget:
    server = urlsplit(servers.POSTGRES_URL)
    fields = {
        "engine": "postgresql",
        "host": server.hostname,
        "port": server.port or 5432,
        "database": NAME,
        "user": server.username,
        "password": server.password or "",
    }
    return SqlTarget(**{**fields, **changes})


def mysql_target(**changes) -> SqlTarget:
    return SqlTarget(**{"engine": "mysql", "database": NAME, **servers.mysql_options(), **changes})


@pytest.fixture(scope="session")
def postgresql_database() -> Iterator[None]:
    if reason := servers.no_postgres():
        pytest.skip(reason)
    with psycopg.connect(servers.POSTGRES_URL, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {NAME}")
        yield
        admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture(scope="session")
def mysql_database() -> Iterator[None]:
    if reason := servers.no_mysql():
        pytest.skip(reason)
    with closing(pymysql.connect(**servers.mysql_options(), autocommit=True)) as admin, admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {NAME}")
        cursor.execute(f"CREATE DATABASE {NAME}")
        yield
        cursor.execute(f"DROP DATABASE {NAME}")
