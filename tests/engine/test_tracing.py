import pytest

from apps.engine.errors import DocumentError
from apps.engine.tracing import child_trace_key, compile_trace_key


def test_a_template_sees_the_record_both_ways() -> None:
    for template in ("{{record.n}}-{{record.o.x}}", "{{n}}-{{o.x}}"):
        assert compile_trace_key(template)({"n": 1, "o": {"x": "a"}}) == "1-a"


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ({"id": 7, "_id": "x"}, "7"), ({"id": "", "_id": "x"}, "x"), ({"id": 0}, "0"), ({"id": {"a": 1}}, ""),
        ({}, ""), ([{"id": 3}, {"id": 4}], "3"), ([], ""), ("text", ""),
    ],
)  # fmt: skip
def test_without_a_template_the_id_is_the_key(record: object, key: str) -> None:
    assert compile_trace_key(None)(record) == key
    assert compile_trace_key("")(record) == key


def test_keys_are_cut_at_128_characters() -> None:
    assert compile_trace_key("{{record.n}}")({"n": "x" * 200}) == "x" * 128
    assert compile_trace_key(None)({"id": "x" * 200}) == "x" * 128
    assert len(child_trace_key("p" * 100, "c" * 100)) == 128
    assert child_trace_key("p", "c") == "p - c"


def test_a_wrong_template_is_refused_and_a_failing_one_gives_blank() -> None:
    with pytest.raises(DocumentError, match="traceKeyTemplate"):
        compile_trace_key("{{#if x}}")
    assert compile_trace_key("{{jsonParse n}}")({"n": "{"}) == ""
