"""Celigo documents section 1: what braces do in each place, what missing values become, and truth."""

import json
from typing import Any

import pytest

from apps.engine.templates import RenderEnv, TemplateError, compile

SCOPE: dict[str, Any] = {
    "record": {
        "text": 'O\'Neil & "sons" <x>/?é',
        "n": 5,
        "f": 7.0,
        "none": None,
        "yes": True,
        "list": [1, [2, None], "a"],
        "o": {"a": 1},
        "lines": "a\nb",
    }
}

ROWS = [
    ("url", "{{record.text}}", "O'Neil%20%26%20%22sons%22%20%3Cx%3E%2F%3F%C3%A9"),
    ("url", "{{{record.text}}}", SCOPE["record"]["text"]),
    ("url", "{{record.n}}/{{record.list}}", "5/1%2C2%2C%2Ca"),
    ("url", "{{encodeURI record.text}}", "O'Neil%20%26%20%22sons%22%20%3Cx%3E%2F%3F%C3%A9"),
    ("url", "{{#if record.n}}a b{{/if}}", "a b"),
    ("json", '"{{record.text}}"', '"O\'Neil & \\"sons\\" <x>/?é"'),
    ("json", '"{{record.lines}}"', '"a\\nb"'),
    ("json", "{{{record.text}}}", SCOPE["record"]["text"]),
    ("json", "{{record.n}}", "5"),
    ("json", '"{{jsonEncode record.lines}}"', '"a\\nb"'),
    ("xml", "<a>{{record.text}}</a>", "<a>O&#39;Neil &amp; &quot;sons&quot; &lt;x&gt;/?é</a>"),
    ("xml", "{{{record.text}}}", SCOPE["record"]["text"]),
    ("xml", "{{htmlEncode record.text}}", "O&#39;Neil &amp; &quot;sons&quot; &lt;x&gt;/?é"),
    ("raw", "{{record.text}}", SCOPE["record"]["text"]),
    ("raw", "{{record.yes}} {{record.f}} {{record.o}} {{record.list}}", "true 7 [object Object] 1,2,,a"),
    ("raw", "[{{record.none}}{{record.missing}}{{nothing.at.all}}]", "[]"),
]


@pytest.mark.parametrize(("place", "text", "expected"), ROWS)
def test_braces_do_what_their_place_asks(place: Any, text: str, expected: str) -> None:
    assert compile(text, "handlebars", place=place).render(SCOPE) == expected


def test_a_json_body_stays_json_whatever_the_value_holds() -> None:
    nasty = 'a"b\\c\n\t\x00\u2028</script>'
    body = compile('{"v":"{{record.v}}"}', "handlebars", place="json").render({"record": {"v": nasty}})
    assert json.loads(body) == {"v": nasty}


STRICT_ERRORS = [
    ("{{record.missing}}", "record.missing does not exist"),
    ("{{record.none}}", "record.none is empty"),
    ("{{nothing.at.all}}", "nothing is named 'nothing'"),
    ("{{uppercase record.missing}}", "record.missing does not exist"),
    ("{{#each record.list}}{{../record.missing}}{{/each}}", "record.missing does not exist"),
]


@pytest.mark.parametrize(("text", "message"), STRICT_ERRORS)
def test_strict_evaluation_fails_where_there_is_nothing(text: str, message: str) -> None:
    template = compile(text, "handlebars")
    template.render(SCOPE)
    with pytest.raises(TemplateError, match=message) as caught:
        template.render(SCOPE, env=RenderEnv(strict=True))
    assert caught.value.position is not None


@pytest.mark.parametrize(
    "text",
    [
        "{{record.n}}",
        "{{#if record.missing}}a{{/if}}",
        "{{getValue 'record.missing' 'x'}}",
        "{{jsonSerialize record.none}}",
        "{{#each record.missing}}{{x}}{{/each}}",
    ],
)
def test_strict_evaluation_allows_asking(text: str) -> None:
    template = compile(text, "handlebars")
    assert template.render(SCOPE, env=RenderEnv(strict=True)) == template.render(SCOPE)


def test_an_unknown_place_or_grammar_is_refused() -> None:
    with pytest.raises(TemplateError, match="'yaml' is not one of the places"):
        compile("x", "handlebars", place="yaml")  # type: ignore[arg-type]
    with pytest.raises(TemplateError, match="'mustache' is not one of the grammars"):
        compile("x", "mustache")  # type: ignore[arg-type]
