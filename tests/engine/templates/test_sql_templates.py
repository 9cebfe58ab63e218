"""SQL: double-brace values never become text of the statement that is sent."""

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engine.templates import TemplateError, compile, compile_sql

SCOPE: dict[str, Any] = {
    "record": {
        "id": 5,
        "name": "O'Neil",
        "none": None,
        "yes": True,
        "table": "t",
        "date": "2026-01-31",
        "list": [1, 2],
    },
    "rows": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
}

BOUND = [
    ("select {{record.id}}", "select %s", ["5"]),
    ("x > '{{record.date}}'", "x > %s", ["2026-01-31"]),
    ("x like '%{{record.name}}%'", "x like %s", ["%O'Neil%"]),
    ("x like 'a%' and y = {{record.id}}", "x like 'a%%' and y = %s", ["5"]),
    (
        "x = {{record.none}} or x = '{{record.none}}' or x = 'a{{record.none}}'",
        "x = %s or x = %s or x = %s",
        [None, None, "a"],
    ),
    ("from {{{record.table}}} where a = {{record.yes}}", "from t where a = %s", ["true"]),
    ("a in ({{{join ',' record.list}}})", "a in (1,2)", []),
    ("x = 'it''s {{record.id}}'", "x = %s", ["it's 5"]),
    ("x = 'it''s' and y = {{record.id}}", "x = 'it''s' and y = %s", ["5"]),
    ('select "a\'b", {{record.id}}', 'select "a\'b", %s', ["5"]),
    ("select `a'b`, {{record.id}}", "select `a'b`, %s", ["5"]),
    ("-- it's {{record.id}}\nselect {{record.id}}", "-- it's \nselect %s", ["5"]),
    ("/* it's {{record.id}} */ select {{record.id}}", "/* it's  */ select %s", ["5"]),
    ("select $q$it's$q$, {{record.id}}", "select $q$it's$q$, %s", ["5"]),
    ("x = DATE '{{record.date}}'", "x = CAST(%s AS DATE)", ["2026-01-31"]),
    ("x = update_date '{{record.date}}'", "x = update_date %s", ["2026-01-31"]),
    ("x = N'{{record.name}}'", "x = %s", ["O'Neil"]),
    ("x = '{{{record.table}}}'", "x = 't'", []),
    ("x = '{{{record.table}}}-{{record.id}}'", "x = %s", ["t-5"]),
    ("x = {{uppercase record.name}}", "x = %s", ["O'NEIL"]),
    (
        "values {{#each rows}}({{a}}, '{{b}}'){{#unless @last}}, {{/unless}}{{/each}}",
        "values (%s, %s), (%s, %s)",
        ["1", "x", "2", "y"],
    ),
    ("x = '{{#if record.id}}{{record.id}}{{else}}none{{/if}}'", "x = %s", ["5"]),
    ("x = '{{#if record.none}}{{record.id}}{{else}}none{{/if}}'", "x = 'none'", []),
]


@pytest.mark.parametrize(("text", "statement", "params"), BOUND)
def test_values_are_bound(text: str, statement: str, params: list[str | None]) -> None:
    assert compile_sql(text).bind(SCOPE) == (statement, params)


QUOTED = [
    ("select {{record.id}}", "select '5'"),
    ("x > '{{record.date}}'", "x > '2026-01-31'"),
    ("x = {{record.name}}", "x = 'O''Neil'"),
    ("x like '%{{record.name}}%'", "x like '%O''Neil%'"),
    ("x = {{record.none}}", "x = NULL"),
    ("{{{record.name}}}", "O'Neil"),
]


@pytest.mark.parametrize(("text", "expected"), QUOTED)
def test_a_statement_can_be_looked_at(text: str, expected: str) -> None:
    assert compile_sql(text).render(SCOPE) == expected
    assert compile(text, "handlebars", place="sql").render(SCOPE) == expected


MYSQL = [
    (r"x = 'it\'s {{record.id}}'", "x = %s", ["it's 5"]),
    (r"x = 'a\\' and y = {{record.id}}", r"x = 'a\\' and y = %s", ["5"]),
    ('x = "{{record.name}}"', "x = %s", ["O'Neil"]),
    ("# it's\nselect {{record.id}}", "# it's\nselect %s", ["5"]),
    ("select 5--{{record.id}}", "select 5--%s", ["5"]),
]


@pytest.mark.parametrize(("text", "statement", "params"), MYSQL)
def test_mysql_reads_backslashes_double_quotes_and_hashes_its_way(
    text: str, statement: str, params: list[str | None]
) -> None:
    assert compile_sql(text, dialect="mysql").bind(SCOPE) == (statement, params)


def test_postgresql_escape_strings_are_read_as_such() -> None:
    text = r"x = E'it\'s {{record.id}}' and y = 'c:\' and z = {{record.id}}"
    expected = (r"x = %s and y = 'c:\' and z = %s", ["it's 5", "5"])
    assert compile_sql(text, dialect="postgresql").bind(SCOPE) == expected


REFUSED = [
    (r"x = 'it\'s {{record.id}}'", "backslash before a quote"),
    ('select "{{record.name}}"', "names need triple braces"),
    ("select `{{record.name}}`", "names need triple braces"),
    ("select $$ {{record.name}} $$", "names need triple braces"),
    ("x = 'open {{record.name}}", "never closed"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_could_be_read_two_ways_is_refused(text: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        compile_sql(text).bind(SCOPE)


@given(st.text(max_size=40))
def test_no_value_leaves_its_quotes_in_the_shown_statement(value: str) -> None:
    text = "select {{v}} as a, '{{v}}' as b, 'x{{v}}' as c"
    if "\x00" in value or any(0xD800 <= ord(character) < 0xE000 for character in value):
        return
    with sqlite3.connect(":memory:") as database:
        shown = database.execute(compile_sql(text, dialect="standard").render({"v": value})).fetchone()
        statement, params = compile_sql(text, dialect="standard").bind({"v": value})
        bound = database.execute(statement.replace("%s", "?"), params).fetchone()
    database.close()
    assert shown == bound == (value, value, "x" + value)
