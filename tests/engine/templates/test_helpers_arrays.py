"""Celigo documents 2.5, row by row."""

import pytest

from apps.engine.templates import RenderEnv, TemplateError, compile

SCOPE = {
    "record": {
        "abc": ["a", "b", "c"],
        "numbers": ["10", "2"],
        "twice": ["a", "a", "b", 1, "1", True],
        "rows": [{"p": {"q": 1}}, {"p": None}],
        "o": {"k": None},
        "x": 5,
        "none": None,
        "zero": 0,
        "empty": [],
        "hollow": {},
        "odd name": {"a.b": "dots"},
    },
    "lookup": {"city": "Oslo"},
}

ROWS = [
    ("after record.abc 1", "b,c"),
    ("before record.abc 1", "a,b"),
    ("after record.abc 3", ""),
    ("before record.abc 9", ""),
    ("after record.none 1", ""),
    ("first record.abc", "a"),
    ("last record.abc", "c"),
    ("first record.empty", ""),
    ('sort record.numbers number="true"', "2,10"),
    ("sort record.numbers", "10,2"),
    ('sort record.numbers number="true" reverse="true"', "10,2"),
    ("sort record.abc reverse=true", "c,b,a"),
    ("jsonSerialize (unique record.twice)", '["a","b",1,"1",true]'),
    ('jsonSerialize (pluck record.rows "p.q")', "[1,null]"),
    ("jsonSerialize (arrayify record.none)", "[]"),
    ("jsonSerialize (arrayify record.x)", "[5]"),
    ("jsonSerialize (arrayify record.abc)", '["a","b","c"]'),
    ('getValue "record.x" "none"', "5"),
    ('getValue "record.y" "none"', "none"),
    ('getValue "record.none" "none"', "none"),
    ('getValue "record.y"', ""),
    ('getValue "record.zero" "none"', "0"),
    ('getValue "record.abc[1]" "none"', "b"),
    ('getValue "record.[odd name].[a.b]" "none"', "dots"),
    ('getValue (join "." "record" "x")', "5"),
    ('uppercase (getValue "record.y" (getValue "record.abc.0"))', "A"),
    ('lookup "countries" record.x', "countries:5"),
    ("lookup.city", "Oslo"),
    ('eq 5 "5"', "true"),
    ("eq null record.zero", "false"),
    ("eq record.none record.missing", "true"),
    ("eq true 1", "true"),
    ("typeOf record.empty", "array"),
    ("typeOf record.none", "object"),
    ("typeOf record.o", "object"),
    ("typeOf record.x", "number"),
    ('typeOf "x"', "string"),
    ("typeOf true", "boolean"),
    ("isTruthy record.empty", "true"),
    ('isTruthy "0"', "true"),
    ("isTruthy record.zero", "false"),
    ('isFalsey ""', "true"),
    ('hasOwn record.o "k"', "true"),
    ('hasOwn record.o "keys"', "false"),
    ('hasOwn record.none "k"', "false"),
    ("hasNoItems record.empty", "true"),
    ("hasNoItems record.hollow", "true"),
    ("hasNoItems record.abc", "false"),
]


def look_up(name: str, key: str) -> str:
    if key == "missing":
        raise TemplateError(f"{name} has no {key}")
    return f"{name}:{key}"


@pytest.mark.parametrize(("call", "expected"), ROWS)
def test_a_list_helper_gives_what_its_row_says(call: str, expected: str) -> None:
    assert compile("{{{" + call + "}}}", "handlebars").render(SCOPE, env=RenderEnv(lookups=look_up)) == expected


def test_get_value_starts_at_the_root_even_inside_a_loop() -> None:
    template = compile('{{#each record.abc}}{{getValue "record.x"}}{{/each}}', "handlebars")
    assert template.render(SCOPE) == "555"


def test_a_lookup_that_misses_fails_the_record_with_its_own_words() -> None:
    with pytest.raises(TemplateError, match="countries has no missing"):
        compile('{{lookup "countries" "missing"}}', "handlebars").render({}, env=RenderEnv(lookups=look_up))
    with pytest.raises(TemplateError, match="there is no lookup 'countries' here"):
        compile('{{lookup "countries" "no"}}', "handlebars").render({})
