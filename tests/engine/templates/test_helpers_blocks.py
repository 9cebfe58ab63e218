"""Celigo documents 2.6, row by row. Each head runs as a block with an else; some also as a boolean."""

import pytest

from apps.engine.templates import TemplateError, compile

SCOPE = {
    "record": {
        "yes": "x",
        "zero": 0,
        "empty": [],
        "hollow": {},
        "o": {"a": 1, "b": 2},
        "list": [1, 2, "3"],
        "people": [{"n": "ann", "c": {"id": 1}}, {"n": "bob", "c": {"id": 2}}, {"n": "cid", "c": {"id": 1}}],
        "text": "hello",
        "none": None,
    }
}

CHOICES = [
    ("if record.yes", True),
    ("if record.zero", False),
    ("if record.zero includeZero=true", True),
    ("if record.empty", False),
    ("if record.hollow", True),
    ('if "0"', True),
    ('if "false"', True),
    ('if ""', False),
    ("if record.none", False),
    ("unless record.yes", False),
    ("unless record.empty", True),
    ("unless record.none", True),
    ("and record.yes 1", True),
    ("and record.yes record.zero", False),
    ("and 1 1 1 0", False),
    ("or record.zero record.yes", True),
    ("or 0 record.none", False),
    ("or 0 0 0 1", True),
    ("neither 0 record.none", True),
    ("neither 0 1", False),
    ("not record.zero", True),
    ("not record.empty", False),
    ('compare 5 "<" 10', True),
    ('compare "50" ">" "100"', True),
    ('compare 50 ">" "100"', False),
    ('compare "a" "<=" "b"', True),
    ('compare 5 ">=" 5', True),
    ('compare 5 "==" "5"', True),
    ('compare 5 "===" "5"', False),
    ('compare 5 "!=" "5"', False),
    ('compare 5 "!==" "5"', True),
    ('compare record.none "<" 5', False),
    ("contains record.list 2", True),
    ('contains record.list "2"', False),
    ('contains record.text "ell"', True),
    ('contains record.text "Ell"', False),
    ("contains record.none 1", False),
    ("inArray record.list 2", True),
    ("inArray record.list 3", False),
    ('inArray record.list "3"', True),
    ('inArray record.text "h"', False),
    ("inArray record.people 1", False),
    ("some record.list isString", True),
    ('some record.list "isNumber"', True),
    ("some record.list isBoolean", False),
    ("some record.people isObject", True),
    ("some record.people isArray", False),
    ("some record.list isFalsey", False),
    ("some record.list isTruthy", True),
    ("some record.none isTruthy", False),
    ('startsWith "he" record.text', True),
    ('startsWith "lo" record.text', False),
    ('startsWith "lo" record.none', False),
    ("isEmpty record.empty", True),
    ("isEmpty record.hollow", True),
    ("isEmpty record.missing", True),
    ("isEmpty record.text", True),
    ("isEmpty record.list", False),
    ("isEmpty record.o", False),
    ("ifEven 4", True),
    ('ifEven "4"', True),
    ("ifEven 3", False),
    ('ifEven "x"', False),
    ("each record.empty", False),
    ("each record.none", False),
    ("each record.text", False),
    ("with record.o", True),
    ("with record.none", False),
    ("with record.empty", False),
    ("eq 5 '5'", True),
]


@pytest.mark.parametrize(("head", "holds"), CHOICES)
def test_a_block_takes_the_branch_its_row_says(head: str, holds: bool) -> None:
    name = head.split(maxsplit=1)[0]
    rendered = compile(f"{{{{#{head}}}}}yes{{{{else}}}}no{{{{/{name}}}}}", "handlebars").render(SCOPE)
    assert rendered == ("yes" if holds else "no")
    inverse = compile(f"{{{{^{head}}}}}no{{{{else}}}}yes{{{{/{name}}}}}", "handlebars").render(SCOPE)
    assert inverse == rendered


@pytest.mark.parametrize(
    ("expression", "holds"),
    [("and 1 1", True), ("not (or 0 0)", True), ("compare 1 '>' 2", False), ("contains record.list 2", True)],
)
def test_a_question_is_a_boolean_inside_an_expression(expression: str, holds: bool) -> None:
    template = compile(f"{{{{#if ({expression})}}}}yes{{{{else}}}}no{{{{/if}}}}", "handlebars")
    assert template.render(SCOPE) == ("yes" if holds else "no")


FILTERS = [
    ('{{#filter record.people 1 "c.id"}}{{n}}{{#unless @last}},{{/unless}}{{else}}none{{/filter}}', "ann,cid"),
    ('{{#filter record.people 9 "c.id"}}{{n}}{{else}}none{{/filter}}', "none"),
    ("{{#filter record.list 2}}[{{this}}]{{/filter}}", "[2]"),
    ('{{#filter record.empty 1 "c"}}{{n}}{{else}}none{{/filter}}', "none"),
    ('{{#filter record.text 1 "c"}}{{n}}{{else}}none{{/filter}}', ""),
]


@pytest.mark.parametrize(("text", "expected"), FILTERS)
def test_filter_runs_its_body_for_what_matches(text: str, expected: str) -> None:
    assert compile(text, "handlebars").render(SCOPE) == expected


LOOPS = [
    (
        "{{#each record.list}}{{@index}}{{@key}}{{this}}{{#if @first}}f{{/if}}{{#if @last}}l{{/if}} {{/each}}",
        "001f 112 223l ",
    ),
    ("{{#each record.o}}{{@index}}{{@key}}={{this}}{{#unless @last}};{{/unless}}{{/each}}", "0a=1;1b=2"),
    ("{{#each record.people as |p i|}}{{i}}{{p.n}}{{/each}}", "0ann1bob2cid"),
    (
        "{{#each record.people}}{{#each ../record.list}}{{@../index}}{{@index}} {{/each}}{{/each}}",
        "00 01 02 10 11 12 20 21 22 ",
    ),
    ("{{#with record.o}}{{a}}{{b}}{{../record.text}}{{/with}}", "12hello"),
    ("{{#with record.o as |x|}}{{x.a}}{{/with}}", "1"),
    ("{{#startsWith 'he'}}yes{{else}}no{{/startsWith}}", ""),
]


@pytest.mark.parametrize(("text", "expected"), LOOPS)
def test_loops_know_where_they_are(text: str, expected: str) -> None:
    assert compile(text, "handlebars").render(SCOPE) == expected


def test_an_unknown_comparison_is_an_error() -> None:
    with pytest.raises(
        TemplateError, match=r"compare: '<>' is not one of < > <= >= == != === !== \(line 1, column 1\)"
    ):
        compile('{{#compare 1 "<>" 2}}{{/compare}}', "handlebars").render({})
    with pytest.raises(TemplateError, match="some: 'isDate' is not one of"):
        compile("{{#some record.list isDate}}{{/some}}", "handlebars").render(SCOPE)


def test_batch_json_puts_commas_between_records_only() -> None:
    text = "[{{#each batch_of_records}}{{{jsonSerialize record}}}{{#unless @last}},{{/unless}}{{/each}}]"
    batch = {"batch_of_records": [{"record": {"a": 1}}, {"record": {"a": "x"}}]}
    assert compile(text, "handlebars", place="json").render(batch) == '[{"a":1},{"a":"x"}]'
