"""The Handlebars language itself: the corpus, the legacy spellings, and errors that say what and where."""

from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import pytest

from apps.engine.templates import Position, TemplateError, compile
from apps.engine.templates.handlebars.template import HandlebarsTemplate
from tests.engine.templates.handlebars_corpus import CORPUS, DATA


@pytest.mark.parametrize(("text", "expected"), CORPUS)
def test_the_corpus_renders_as_handlebars_renders_it(text: str, expected: str) -> None:
    assert compile(text, "handlebars").render(DATA) == expected


LEGACY: list[tuple[str, str]] = [
    ("{{data.0.x}}", "row"),
    ("{{0.x}}", "row"),
    ("{{#each data}}{{x}}{{/each}}", "row"),
    ("{{x}}", "spread"),
    ("{{record.[odd name].[a.b]}}", "dots"),
    ("{{#each grouped}}{{0.head}}:{{#each this}}{{col}}{{/each}};{{/each}}", "h1:12;h2:3;"),
    ("{{record.items[1].sku}}", "q"),
    ("{{@root.record.id}}", "7"),
    ("{{uppercase (split record.name ' ' 1)}}", "LEE"),
    ("{{#if (and (eq record.id 7) (not record.none))}}y{{/if}}", "y"),
    ("{{#if record.none}}a{{else compare record.id '>' 5}}b{{else}}c{{/if}}", "b"),
]


@pytest.mark.parametrize(("text", "expected"), LEGACY)
def test_both_generations_of_contexts_are_readable(text: str, expected: str) -> None:
    scope: dict[str, Any] = {
        "record": {
            "id": 7,
            "name": "Ann Lee",
            "none": None,
            "odd name": {"a.b": "dots"},
            "items": [{"sku": "p"}, {"sku": "q"}],
        },
        "data": [{"x": "row"}],
        "0": {"x": "row"},
        "x": "spread",
        "grouped": [[{"head": "h1", "col": 1}, {"col": 2}], [{"head": "h2", "col": 3}]],
    }
    assert compile(text, "handlebars").render(scope) == expected


def test_this_at_the_root_is_the_whole_scope() -> None:
    text = compile("{{{jsonSerialize this}}}", "handlebars").render(MappingProxyType({"a": {"b": 1}}))
    assert text == '{"a":{"b":1}}'


def test_keys_named_like_python_methods_are_keys_and_attributes_are_nothing() -> None:
    scope = {"a": OrderedDict(items="i", keys="k"), "s": "text", "n": 5}
    text = "{{a.items}}{{a.keys}}{{a.get}}{{a.__class__}}{{s.upper}}{{s.__class__.__mro__}}{{n.real}}"
    assert compile(text, "handlebars").render(scope) == "ik"


def test_a_word_that_is_a_helper_with_arguments_can_be_a_field() -> None:
    assert (
        compile("{{hash}} {{first}} {{this.timestamp}}", "handlebars").render(
            {"hash": "#", "first": 1, "timestamp": "mine"}
        )
        == "# 1 mine"
    )


ERRORS = [
    ("a\n {{#if x}}b", "{{#if}} is never closed", Position(2, 2)),
    ("{{#if x}}{{/each}}", "{{#if}} is closed by {{/each}}", Position(1, 10)),
    ("x{{/if}}", "{{/if}} belongs to no open block", Position(1, 2)),
    ("{{else}}", "{{else}} belongs to no open block", Position(1, 1)),
    ("{{#if a}}{{else}}{{else}}{{/if}}", "a second {{else}}", Position(1, 18)),
    ("{{name", "never closed", Position(1, 1)),
    ("{{{name}}", "the tag must end with }}}", Position(1, 8)),
    ("{{a b=}}", "the tag ends too early", Position(1, 7)),
    ("{{}}", "the tag ends too early", Position(1, 3)),
    ("{{a!b}}", "unexpected", Position(1, 3)),
    ("{{(uppercase 'a'}}", "a ( is never closed", Position(1, 3)),
    ("{{uppercase a=1 b}}", "before the named ones", Position(1, 17)),
    ("{{a/../b}}", "can only begin a path", Position(1, 5)),
    ("{{> partial}}", "partials and decorators", Position(1, 1)),
    ("{{* d}}", "partials and decorators", Position(1, 1)),
    ("{{!-- x", "comment", Position(1, 1)),
    ("{{! x", "comment", Position(1, 1)),
    ("{{uppercse x}}", "no helper named 'uppercse'; did you mean uppercase?", Position(1, 3)),
    ("{{#nosuch x}}{{/nosuch}}", "no helper named 'nosuch'", Position(1, 4)),
    ("{{uppercase (nosuch)}}", "no helper named 'nosuch'", Position(1, 14)),
    ("{{a.b c}}", "'a.b' is not a helper", Position(1, 1)),
    ("{{replace 'a'}}", "replace needs 2 arguments", Position(1, 1)),
    ("{{@user}}", "@user is not known", Position(1, 3)),
    ("{{x as |y|}}", "block parameters belong on a block", Position(1, 1)),
    ("{{#each x as ||}}{{/each}}", "block parameters are written", Position(1, 15)),
    ("{{{{raw}}}} x", "never closed", Position(1, 1)),
    ("{{{{raw}}}} x {{{{/row}}}}", "closed by another name", Position(1, 15)),
    ("{{#if a}}" * 100, "nest deeper", None),
    ("{{" + "(uppercase " * 100 + "}}", "nest deeper", None),
]


@pytest.mark.parametrize(("text", "message", "position"), ERRORS)
def test_a_wrong_template_is_refused_with_what_and_where(text: str, message: str, position: Position | None) -> None:
    with pytest.raises(TemplateError) as caught:
        compile(text, "handlebars")
    assert message in str(caught.value)
    if position is not None:
        assert caught.value.position == position


def test_an_error_while_rendering_says_which_helper_and_where() -> None:
    with pytest.raises(TemplateError) as caught:
        compile('one\n  {{uppercase (jsonParse "{")}}', "handlebars").render({})
    assert str(caught.value).startswith("jsonParse: not JSON")
    assert caught.value.position == Position(2, 15)


def test_a_long_else_chain_is_no_deep_nesting() -> None:
    chain = "".join(f'{{{{else compare code "==" {number}}}}}{number}!' for number in range(100))
    template = compile("{{#if no}}" + chain + "{{else}}none{{/if}}", "handlebars")
    assert [template.render({"code": code}) for code in (0, 99, 100)] == ["0!", "99!", "none"]


def test_references_name_the_paths_a_template_reads() -> None:
    template = HandlebarsTemplate(
        '{{record.id}}{{#each record.items}}{{sku}}{{lookup "cc" country}}{{/each}}'
        '{{getValue "a.b" @root.c}}{{lookup.x}}'
    )
    assert template.references == {
        ("record", "id"),
        ("record", "items"),
        ("sku",),
        ("lookup", "cc"),
        ("country",),
        ("a", "b"),
        ("c",),
        ("lookup", "x"),
    }
