"""Jinja for automations: native values, missing paths that are null, the custom functions, and plain errors."""

from typing import Any

import pytest

from apps.engine.templates import Position, RenderEnv, TemplateError, compile

SCOPE: dict[str, Any] = {
    "data": {
        "name": "svc",
        "_id": 7,
        "items": [1, 2],
        "none": None,
        "ok": True,
        "properties": {"tags": {"env": "prod", "odd key": 1}, "cost": 2.5},
        "relations": {"team": {"value": ["a", "b"]}},
    },
    "rows": [{"id": 1, "g": "x"}, {"id": 2, "g": "y"}, {"id": 3, "g": "x"}],
    "actions": {"fetch_x": {"output": {"ids": ["i1"]}}},
}

NATIVE: list[tuple[str, Any]] = [
    ("plain", "plain"),
    ("", ""),
    ("{{ data.name }}", "svc"),
    ("{{data._id}}", 7),
    ("{{ data.properties.tags['env'] }}", "prod"),
    ("{{ data.properties.tags['odd key'] }}", 1),
    ("{{ data.items }}", [1, 2]),
    ("{{ data.items[1] }}", 2),
    ("{{ data.items.0 }}", 1),
    ("{{ data.ok }}", True),
    ("{{ data.none }}", None),
    ("{{ data.missing }}", None),
    ("{{ data.missing.deeper.still }}", None),
    ("{{ data.none.deeper | default('d') }}", "d"),
    ("{{ nothing }}", None),
    ("{{ actions.fetch_x.output.ids }}", ["i1"]),
    ("{{ 5 }}", 5),
    ("{{ '5' }}", "5"),
    ("{{ data._id | string }}", "7"),
    ("{{ data._id + 1 }}", 8),
    ("{{ data.properties.cost * 2 }}", 5.0),
    ("{{ '7' | int }}", 7),
    ("{{ 'x' | int(default=3) }}", 3),
    ("{{ '2.9' | int }}", 2),
    ("{{ data._id > 5 and data.ok }}", True),
    ("{{ data.relations.team.value | tojson }}", ["a", "b"]),
    ("{{ data | tojson }}", SCOPE["data"]),
    ("[{% for row in rows %}{{ row.id | tojson }}{% if not loop.last %},{% endif %}{% endfor %}]", [1, 2, 3]),
    ('{"n": {{ data.name | tojson }}, "m": {{ data.missing | tojson }}}', {"n": "svc", "m": None}),
    ("{{ [data.name, data.missing] }}", ["svc", None]),
    ("{{ {'a': data.items} }}", {"a": [1, 2]}),
    ("{{ (1, 2) }}", [1, 2]),
    ("{{ rows | map(attribute='id') | list }}", [1, 2, 3]),
    ("{{ rows | map(attribute='id') }}", [1, 2, 3]),
    ("{{ rows | selectattr('g', 'equalto', 'x') | map(attribute='id') | join(',') }}", "1,3"),
    ("{{ rows | sum(attribute='id') }}", 6),
    ("{% for g, members in rows | groupby('g') %}{{ g }}{{ members | length }}{% endfor %}", "x2y1"),
    ("{% for group in rows | groupby('g') %}{{ group.grouper }}{{ group.list | length }}{% endfor %}", "x2y1"),
    ("{{ [1, 2, 3] | batch(2, 0) }}", [[1, 2], [3, 0]]),
    ("{{ [1, 2, 3] | slice(2) }}", [[1, 2], [3]]),
    ("{{ [3, 1, 2] | sort | first }}", 1),
    ("{{ range(3) }}", [0, 1, 2]),
    ("{{ rows[0:1] | length }}", 1),
    ("{{ data.name.upper() }}", "SVC"),
    ("{{ data.name.replace('s', 'S').center(7, '*') }}", "**Svc**"),
    ("{{ 'a,b'.split(',') }}", ["a", "b"]),
    ("{{ data.properties.get('cost', 0) }}", 2.5),
    ("{% for key, value in data.properties.tags.items() %}{{ key }}={{ value }};{% endfor %}", "env=prod;odd key=1;"),
    ("{{ '%s has %05.1f' | format(data.name, 2.5) }}", "svc has 002.5"),
    ("{{ '{}-{x}'.format(1, x='y') }}", "1-y"),
    ("{{ 2.345 | round(2) }}", 2.35),
    ("{{ 2.1 | round(0, 'ceil') }}", 3.0),
    ("{{ 'a b&c/d' | urlencode }}", "a%20b%26c/d"),
    ("{{ {'a': 'b c'} | urlencode }}", "a=b%20c"),
    ("{{ '<b>x  y</b>' | striptags }}", "x y"),
    ("{{ '<' | e }}", "&lt;"),
    ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
    ("name={{ data.name }} ok={{ data.ok }} none={{ data.none }}.", "name=svc ok=true none=."),
    ("ids: {{ data.items }}", "ids: [1,2]"),
    ("{{ data.name ~ '-' ~ data._id ~ data.none }}", "svc-7"),
    ("{% if data.missing is defined %}a{% else %}b{% endif %}", "b"),
    ("{% if data.missing %}a{% endif %}", None),
    ("{% set x = 5 %}\n{{ x }}", 5),
    ("{% set x %}{{ data.name }}!{% endset %}{{ x }}", "svc!"),
    ("{% set ns = namespace(n=0) %}{% for r in rows %}{% set ns.n = ns.n + r.id %}{% endfor %}{{ ns.n }}", 6),
    ("{% macro tag(v) %}<{{ v }}>{% endmacro %}{{ tag(1) }}{{ tag(data.name) }}", "<1><svc>"),
    ("{# a comment #}x", "x"),
    ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ("{{ standardize_status(data.name, 'service') }}", "service:svc"),
    ("{{ data.name if data.ok else 'no' }}", "svc"),
    ("{% for r in rows if r.g == 'x' %}{{ loop.index }}{{ r.id }}{{ loop.cycle('a', 'b') }} {% endfor %}", "11a 23b "),
    ("{% for r in nothing %}x{% else %}none{% endfor %}", "none"),
]


@pytest.mark.parametrize(("text", "expected"), NATIVE)
def test_a_template_gives_native_values(text: str, expected: Any) -> None:
    env = RenderEnv(functions={"standardize_status": lambda value, blueprint: f"{blueprint}:{value}"})
    value = compile(text, "jinja").render_native(SCOPE, env=env)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ data.items }}", "[1,2]"),
        ("{{ data.none }}", ""),
        ("{{ data.ok }}", "true"),
        ("{{ data.properties.cost + 0.5 }}", "3"),
        ("{{ data.missing.x }}", ""),
        ("x", "x"),
    ],
)
def test_rendered_as_text_values_are_what_other_systems_read(text: str, expected: str) -> None:
    assert compile(text, "jinja").render(SCOPE) == expected


ERRORS = [
    ("a\n{{ data.missing + 1 }}", "missing", Position(2)),
    ("{{ 'a' + 1 }}", "concatenate", Position(1)),
    ("a\nb\n{{ nothing() }}", "'nothing' is undefined", Position(3)),
    ("{{ data.name(1) }}", "not callable", Position(1)),
    ("{{ foo bar }}", "expected token", Position(1)),
    ("x\n{% if a %}", "end of template", Position(2)),
    ("{{ 1 | nosuch }}", "No filter named 'nosuch'", Position(1)),
    ("{{ 1 is nosuch }}", "No test named 'nosuch'", Position(1)),
    ("{{ fails(1) }}", "no blueprint 1", Position(1)),
]


@pytest.mark.parametrize(("text", "message", "position"), ERRORS)
def test_an_error_says_what_and_on_which_line(text: str, message: str, position: Position) -> None:
    def fails(blueprint: int) -> None:
        raise TemplateError(f"no blueprint {blueprint}")

    with pytest.raises(TemplateError) as caught:
        compile(text, "jinja").render_native(SCOPE, env=RenderEnv(functions={"fails": fails}))
    assert message in str(caught.value)
    assert caught.value.position == position


def test_rendering_does_not_change_the_scope() -> None:
    scope = {"rows": [{"id": 1}]}
    compile("{% set rows = rows + [1] %}{{ rows }}", "jinja").render_native(scope)
    assert scope == {"rows": [{"id": 1}]}


def test_a_lone_path_and_the_same_path_in_a_longer_template_agree() -> None:
    for path in ("data.name", "data.items", "data.missing.x", "data._id", "rows[1].g", "data['properties'].cost"):
        lone = compile("{{ " + path + " }}", "jinja").render_native(SCOPE)
        assert compile("{{ (" + path + ") }}", "jinja").render_native(SCOPE) == lone
