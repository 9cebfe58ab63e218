"""Compiling is paid once; the cache stays small whatever is compiled."""

from concurrent.futures import ThreadPoolExecutor

from apps.engine.templates import compile, compile_sql, is_template
from apps.engine.templates.cache import TextCache


def test_the_same_text_is_compiled_once_for_each_grammar_and_place() -> None:
    text = "{{ record.cache_test }}"
    assert compile(text, "handlebars") is compile(text, "handlebars")
    assert compile(text, "handlebars") is not compile(text, "handlebars", place="url")
    assert compile(text, "handlebars") is not compile(text, "jinja")
    assert compile_sql(text) is compile_sql(text)
    assert compile_sql(text) is not compile_sql(text, dialect="mysql")


def test_the_cache_is_bounded_by_text_and_drops_what_was_used_least_recently() -> None:
    cache: TextCache[str] = TextCache(most_characters=2000)
    for key in "abcd":
        cache.get(key, size=300, make=lambda key=key: key)  # type: ignore[misc]
    assert cache.get("a", size=300, make=lambda: "again") == "a"
    cache.get("e", size=300, make=lambda: "e")
    assert len(cache) == 4
    assert cache.get("b", size=300, make=lambda: "again") == "again"
    assert cache.get("huge", size=10_000, make=lambda: "huge") == "huge"
    assert cache.get("huge", size=10_000, make=lambda: "not kept") == "not kept"


def test_one_template_serves_many_threads() -> None:
    texts = {
        "handlebars": "{{#each rows}}{{@index}}{{../name}}{{this}} {{/each}}",
        "jinja": "{% for r in rows %}{{ loop.index0 }}{{ name }}{{ r }} {% endfor %}",
    }

    def render(number: int) -> None:
        for grammar, text in texts.items():
            template = compile(text, grammar)  # type: ignore[arg-type]
            assert template.render({"rows": [1, 2], "name": number}) == f"0{number}1 1{number}2 "

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(render, range(200)))


def test_only_texts_with_tags_are_templates() -> None:
    assert [is_template(text) for text in ("{{a}}", "{% if a %}", "{# c #}", "plain", "{a}", "}}")] == [True] * 3 + [
        False
    ] * 3
