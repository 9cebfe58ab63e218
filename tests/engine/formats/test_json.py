import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.engine.formats import Cursor, FormatError, json_text, parse_json, parse_json_lines
from apps.engine.formats import cursor as cursors

START = Cursor()


class Drip(io.BytesIO):
    """Gives out few bytes at a time, so that every value is cut somewhere."""

    def read(self, size=-1):
        return super().read(3)


def read(data, path="", cursor=START, stream=io.BytesIO, **options):
    return [record for record, _ in parse_json(stream(data), resource_path=path, cursor=cursor, **options)]


@pytest.mark.parametrize("stream", [io.BytesIO, Drip])
@pytest.mark.parametrize(
    ("text", "path", "records"),
    [
        ("[]", "", []),
        (" [ ] ", "", []),
        ('[1, -2.5e3, "x]", null, true]', "", [1, -2500.0, "x]", None, True]),
        ('[{"a": [1, {"b": "]"}]}, {"a": 12345}]', "", [{"a": [1, {"b": "]"}]}, {"a": 12345}]),
        ('{"id": 1}', "", [{"id": 1}]),
        ('{"meta": {"data": [9]}, "data": [1, 2], "end": [3]}', "data", [1, 2]),
        ('{"a": {"x": 1, "b": [1]}, "z": 0}', "a.b", [1]),
        ('{"a": {"b": {"id": 7}}}', "a.b", [{"id": 7}]),
        ('{"a": 1}', "nowhere", []),
        ('{"a": [1]}', "a.b", []),
        ("{}", "a", []),
        ('{"x": {}}', "x.y", []),
        ('[{"a": 1}]', "a", []),
        ('["ü😀"]', "", ["ü😀"]),
    ],
)
def test_the_list_at_the_path_is_read(stream, text, path, records):
    assert read(text.encode(), path, stream=stream) == records


@pytest.mark.parametrize("stream", [io.BytesIO, Drip])
@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ("[1, 2", ""),
        ("[1,]", ""),
        ("[1 2]", ""),
        ('{"a": [1]', "a"),
        ('{"a": [1]} x', "a"),
        ('{"a" [1]}', "a"),
        ("nonsense", ""),
        ('["open', ""),
        ('{"a": 1, "b"', "z"),
        ('{"a": [1], }', "a"),
    ],
)
def test_a_file_that_is_not_json_fails(stream, text, path):
    with pytest.raises(FormatError, match="not JSON"):
        read(text.encode(), path, stream=stream)


def test_nesting_without_end_is_an_error_and_no_crash():
    with pytest.raises(FormatError, match="nested too deeply"):
        read(b"[" * 200_000)


def test_a_value_has_a_largest_size(monkeypatch):
    monkeypatch.setattr("apps.engine.formats.json_files.LONGEST_VALUE", 1000)
    monkeypatch.setattr(cursors, "CHUNK", 500)

    with pytest.raises(FormatError, match="longer than 1000"):
        read(b'["' + b"x" * 5000 + b'"]')


def test_reading_resumes_behind_the_cursor():
    data = b'{"data": [10, 20, 30, 40]}'
    found = list(parse_json(io.BytesIO(data), resource_path="data", cursor=START))

    assert read(data, "data", cursor=found[1][1]) == [30, 40]
    assert found[-1][1].record == 4


def test_memory_holds_one_item_and_not_the_list():
    item = json.dumps({"text": "x" * 1000}).encode()
    data = b"[" + b",".join([item] * 20_000) + b"]"
    stream = io.BytesIO(data)
    tracemalloc.start()
    assert sum(1 for _ in parse_json(stream, resource_path="", cursor=START)) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


@pytest.mark.parametrize("encoding", ["utf8", "utf-16le"])
def test_encodings_and_byte_order_marks(encoding):
    data = '\ufeff["ü"]'.encode("utf-8" if encoding == "utf8" else "utf-16-le")

    assert read(data, encoding=encoding) == ["ü"]


@given(
    st.lists(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists, max_leaves=5))
)
def test_what_is_written_is_read_back(records):
    text = "".join(json_text(records, resource_path="a.b"))

    assert read(text.encode("utf-8", "surrogatepass"), "a.b", stream=Drip) == json.loads(text)["a"]["b"] == records


LINES = b'{"a":1}\n\n{"a":2}\r\n{"a":"\xc3\xbc"}'


def lines(data, cursor=START, **options):
    return list(parse_json_lines(io.BytesIO(data), cursor=cursor, **options))


@pytest.mark.parametrize("stop", [0, 1, 2, 3])
def test_json_lines_resume_at_the_byte(stop):
    found = lines(LINES)
    cursor = found[stop - 1][1] if stop else START

    assert [record for record, _ in found] == [{"a": 1}, {"a": 2}, {"a": "ü"}]
    assert [record for record, _ in lines(LINES, cursor)] == [record for record, _ in found][stop:]


def test_a_line_that_is_not_json_is_named():
    with pytest.raises(FormatError, match="Line 2 is not JSON") as caught:
        lines(b'{"a":1}\nnonsense\n')
    assert caught.value.record == 2
