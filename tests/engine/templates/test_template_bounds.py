"""No template can hang, fill memory or leave the sandbox: each of these ends soon, small, with a reason."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from apps.engine.templates import RenderEnv, TemplateError, compile

ROOT = Path(__file__).resolve().parents[3]
MEGABYTES = 64
SECONDS = 5.0

JINJA = [
    ("{{ [0] * 10**8 }}", "grows past"),
    ("{{ 10**8 * [0] }}", "grows past"),
    ("{{ 'a' * 10**9 }}", "grows past"),
    ("{{ (1, 2) * 10**9 }}", "grows past"),
    ("{{ range(10**9) | list }}", "a range has at most"),
    ("{{ range(10**30) }}", "a range has at most"),
    ("{{ 9**9**9 }}", "too large"),
    ("{{ 9**(9**9) }}", "too large"),
    ("{{ 10**100 * 10**100 }}", "too large"),
    ("{% for a in range(10**4) %}{% for b in range(10**4) %}x{% endfor %}{% endfor %}", "loops more than"),
    (
        "{% for a in range(10**4) %}{% for b in range(10**4) if b < 0 %}x{% endfor %}{% endfor %}",
        "more than 1,000,000 steps",
    ),
    ("{% for a in range(9999) recursive %}{{ loop(range(9999)) }}{% endfor %}", "calls itself too deeply"),
    ("{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}", "calls itself too deeply"),
    ("{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(60) }}", "than"),
    (
        "{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}",
        "steps",
    ),
    (
        "{% set ns = namespace(a=1) %}{% for i in range(9999) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}",
        "nests deeper",
    ),
    ("{% set ns = namespace(a='x') %}{% for i in range(60) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}", "grows past"),
    ("{% set ns = namespace(a='x') %}{% for i in range(60) %}{% set ns.a = ns.a + ns.a %}{% endfor %}", "grows past"),
    (
        "{% set n = namespace(a='x') %}{% for i in range(60) %}{% set n.a %}{{ n.a }}{{ n.a }}{% endset %}{% endfor %}",
        "than",
    ),
    ("{% set a = 'x' * 900000 %}{% for i in range(99999) %}{{ a }}{% endfor %}", "longer than"),
    ("{% set a = range(99999) | list %}{% for i in a %}{{ -1 in a }}{% endfor %}", "takes longer than"),
    ("{{ 'a' | center(10**9) }}", "a width is a number"),
    ("{{ 'a' | indent(10**9) }}", "a width is a number"),
    ("{{ ('a\n' * 300000) | indent(900) }}", "grows past"),
    ("{{ 'aaaa' | replace('a', 'b' * 900000) }}", "grows past"),
    ("{{ '' | replace('', 'b' * 900000) | replace('', 'b' * 900000) }}", "grows past"),
    ("{{ '%1000000000d' | format(1) }}", "a format's width"),
    ("{{ '%1000000000d' % 1 }}", "a format's width"),
    ("{{ '%.1000000000f' % 1.5 }}", "a format's width"),
    ("{{ '%*d' % (10**9, 1) }}", "a format's width"),
    ("{{ ('%(a)s' * 100000) % {'a': 'x' * 900000} }}", "grows past"),
    ("{{ '{:1000000000d}'.format(1) }}", "a format's width"),
    ("{{ '{:{}}'.format(1, 10**9) }}", "a format's width"),
    ("{{ ('{0}' * 100000).format('x' * 900000) }}", "grows past"),
    ("{{ 'a'.center(10**9) }}", "a width is a number"),
    ("{{ 'a'.ljust(10**9) }}", "a width is a number"),
    ("{{ 'a'.zfill(10**9) }}", "a width is a number"),
    ("{{ ('a' * 900000).replace('a', 'b' * 900000) }}", "grows past"),
    ("{{ ('x' * 900000).join(range(9999) | list) }}", "grows past"),
    ("{{ range(9999) | join('x' * 900000) }}", "grows past"),
    ("{{ ('ab,' * 300000).split(',') | length }}", "splits into at most"),
    ("{{ ('a\n' * 300000).splitlines() | length }}", "too many lines"),
    ("{{ [1] | batch(10**9, 'x') }}", "a batch is a number"),
    ("{{ [1] | slice(10**9) }}", "the number of slices"),
    ("{{ 1 | round(10**9, 'ceil') }}", "the precision"),
    ("{{ rows | map('string') | map('length') | sum(start=[]) }}", "concatenate"),
    ("{{ [[]] * 99999 | tojson(indent=10**9) }}", "a width is a number"),
    ("{{ ''.__class__ }}", "cannot be reached"),
    ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "cannot be reached"),
    ("{{ ''['__class__'] }}", "cannot be reached"),
    ("{{ xs | map(attribute='__class__') | list }}", "cannot be reached"),
    ("{{ f.__globals__ }}", "cannot be reached"),
    ("{{ cycler.__init__.__globals__ }}", "cannot be reached"),
    ("{{ self._TemplateReference__context }}", "cannot be reached"),
    ("{{ ('' | attr('__class__')) }}", "No filter named 'attr'"),
    ("{{ 'abc'.encode() }}", "no attribute 'encode'"),
    ("{{ (1).to_bytes(10**9) }}", "no attribute 'to_bytes'"),
    ("{{ '{0.__class__}'.format(1) }}", "without dots"),
    ("{{ xs.append(1) }}", "no attribute 'append'"),
    ("{{ lipsum(n=10**9) }}", "undefined"),
    ("{% include 'x' %}", "include is not part"),
    ("{% import 'x' as y %}", "import is not part"),
    ("{% extends 'x' %}", "extends is not part"),
    ("{% block a %}{{ self.a() }}{% endblock %}", "block is not part"),
    ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "nests too deeply"),
    ("{% for a in xs %}" * 40 + "{% endfor %}" * 40, "too many"),
    ("{{ 1 / 0 }}", "division by zero"),
    ("{{ 1e400 }}", "too large"),
    ("{{ namespace }}", "is not a value"),
]

HANDLEBARS = [
    ('{{padLeft "a" 1000000}}', "at most 999999"),
    ('{{#each rows}}{{padLeft "a" 999999}}{{/each}}', "more than 1,000,000 steps"),
    ('{{#each rows}}{{#if (padLeft "a" 999999)}}{{/if}}{{/each}}', "more than 1,000,000 steps"),
    ("{{#each rows}}{{#each ../rows}}{{#each ../../rows}}x{{/each}}{{/each}}{{/each}}", "loops more than"),
    ("{{#each rows}}{{#each ../rows}}{{/each}}{{/each}}", "loops more than"),
    ("{{#each rows}}{{{jsonSerialize ../rows}}}{{/each}}", "longer than"),
    ("{{#each rows}}{{#if (eq (jsonSerialize ../rows) 1)}}{{/if}}{{/each}}", "than"),
    ('{{replace text "x" text}}', "grows past"),
    ('{{regexReplace text text "x" "g"}}', "grows past"),
    ("{{join text rows rows}}", "grows past"),
    ('{{replace (replace (padLeft "" 9999 "a") "a" (padLeft "" 9999 "b")) "b" "cc"}}', "grows past"),
    ('{{regexMatch text "(x+x+)+y"}}', "takes t"),
    ('{{#each rows}}{{regexMatch ../text "(x+x+)+y"}}{{/each}}', "takes t"),
    ('{{random "number" 1000000000}}', "the length is from"),
    ('{{regexMatch text "(?:(?:(?:a{9999}){9999}){9999})"}}', "written out"),
    ('{{regexMatch text "(?:(?:[ab]{200}){200})"}}', "written out"),
    ("{{toFixed 1 1000000000}}", "the number of digits"),
    ("{{#each rows}}" * 200 + "{{/each}}" * 200, "nest deeper"),
]

ATTACKS = [("jinja", *row) for row in JINJA] + [("handlebars", *row) for row in HANDLEBARS]


@pytest.fixture(scope="module")
def outcomes() -> list[list[object]]:
    """One process renders all of them; if one hangs, it is killed and those from there on have no outcome."""
    asked = json.dumps([[grammar, text] for grammar, text, _ in ATTACKS])
    runner = [sys.executable, "-m", "tests.engine.templates.bounds_runner"]
    try:
        done = subprocess.run(runner, input=asked, capture_output=True, text=True, cwd=ROOT, timeout=240, check=False)
        output, errors = done.stdout, done.stderr
    except subprocess.TimeoutExpired as late:
        output, errors = (late.stdout or b"").decode(), "killed"
    assert output, errors
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize("index", range(len(ATTACKS)), ids=[f"{row[0]} {row[1][:60]}" for row in ATTACKS])
def test_an_attack_ends_soon_small_and_with_a_reason(index: int, outcomes: list[list[object]]) -> None:
    assert index < len(outcomes), "the process hung or died here"
    outcome, message, seconds, kilobytes = outcomes[index]
    assert outcome == "TemplateError", message
    assert ATTACKS[index][2] in str(message)
    assert float(str(seconds)) < SECONDS
    assert int(str(kilobytes)) < MEGABYTES * 1024


def test_a_tag_scan_takes_time_in_proportion_to_the_text() -> None:
    scope = {"angles": "<" * 500_000}
    assert compile("{{{sanitize angles}}}", "handlebars").render(scope) == scope["angles"]


def test_the_bounds_are_the_environments() -> None:
    env = RenderEnv(max_output=10, max_loops=3)
    rows = {"rows": [1, 2, 3, 4], "text": "x" * 11}
    for grammar, text in (
        ("handlebars", "{{text}}"),
        ("handlebars", "{{#if rows}}{{text}}{{/if}}"),
        ("handlebars", "{{#each rows}}{{/each}}"),
        ("jinja", "{{ text }}!"),
        ("jinja", "{% for row in rows %}{% endfor %}"),
    ):
        template = compile(text, grammar)  # type: ignore[arg-type]
        template.render(rows)
        with pytest.raises(TemplateError, match=r"longer than 10|more than 3 times"):
            template.render(rows, env=env)


def test_deep_data_is_an_error_and_not_a_crash() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    for grammar, text in (("handlebars", "{{x}}"), ("handlebars", "{{{jsonSerialize x}}}"), ("jinja", "a{{ x }}")):
        with pytest.raises(TemplateError, match="nest"):
            compile(text, grammar).render({"x": deep})  # type: ignore[arg-type]
