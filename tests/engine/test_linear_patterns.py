"""Patterns over tenants' texts take time in proportion to them, not to their square."""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable

import pytest

from apps.core.gateway import InvalidRequest
from apps.core.gateway.sql.target import refuse_forbidden
from apps.engine.formats.csv_files import CsvRules, read_text
from apps.engine.mapping.lines import parse_line
from apps.engine.mapping.sources import _LOOKUP_MEMBER, Source
from apps.engine.sandbox.loading import MODULE_WORDS
from apps.engine.templates.regexes import _REPLACEMENT

SMALL, LARGE = 10_000, 200_000


def statement(text: str) -> None:
    refuse_forbidden(text, in_transaction=True)


def rows(text: str) -> None:
    assert len(read_text(f'a||b\n1||"{text}"\n', CsvRules(column_delimiter="||"))) == 1


def line(text: str) -> None:
    parse_line("{{" + text, lambda found: Source(read=lambda root, context: found))


@pytest.mark.parametrize(
    ("work", "piece"),
    [
        (statement, "COPY "),
        (statement, "\\'"),
        (statement, "$a$b"),
        (statement, "/* "),
        (statement, "'\\"),
        (statement, '"'),
        (rows, "\n"),
        (line, "a."),
        (line, "a1"),
        (MODULE_WORDS.search, "\n"),
        (MODULE_WORDS.search, "; "),
        (_REPLACEMENT.findall, "$<"),
        (_LOOKUP_MEMBER.findall, "lookup.["),
    ],
)
def test_the_time_grows_with_the_text(work: Callable[[str], object], piece: str):
    def least(size: int) -> float:
        text = piece * (size // len(piece))
        return min(timeit.repeat(lambda: work(text), timer=time.thread_time, number=1, repeat=3))

    # Twenty times the text: the square of that is four hundred.
    assert least(LARGE) < 200 * max(least(SMALL), 1e-4)


@pytest.mark.parametrize(
    "text",
    [
        "COPY a TO PROGRAM 'sh'",
        "SELECT 'it''s'; COPY a FROM '/etc/passwd'",
        "SELECT $a$x$a$; LOAD DATA INFILE 'x'",
        "SELECT 'open /* COPY a TO STDOUT",
        "/* a */ SET ROLE x -- b",
    ],
)
def test_what_reaches_the_servers_files_is_refused_however_it_is_quoted(text: str):
    with pytest.raises(InvalidRequest, match="files or programs"):
        refuse_forbidden(text, in_transaction=False)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 'COPY a TO PROGRAM ''sh'''",
        "SELECT $$COPY a TO PROGRAM 'sh'$$",
        "SELECT 1 -- COPY a TO PROGRAM 'sh'",
        'SELECT "COPY" FROM "a" WHERE b = \'x\'',
        "SELECT copy; SELECT 1 FROM 'x'",
    ],
)
def test_words_in_texts_names_and_comments_are_no_statements(text: str):
    refuse_forbidden(text, in_transaction=False)
