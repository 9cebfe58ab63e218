"""JSON that comes in is read only as deep as it can be written and walked again."""

import io

import orjson
import pytest

from apps.engine.formats import Cursor, FormatError
from apps.engine.formats.json_files import parse_json, parse_json_lines
from apps.engine.json_values import deeper_than, load_json, why_unkeepable


def nested(depth):
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(("depth", "fits"), [(1, True), (199, True), (200, True), (201, False), (1_000, False)])
def test_two_hundred_levels_are_read(depth, fits):
    if fits:
        assert load_json(nested(depth)) is not None
    else:
        with pytest.raises(orjson.JSONDecodeError, match="nested more than 200 deep"):
            load_json(nested(depth).decode())


def test_leaves_are_no_level():
    assert not deeper_than({"a": [1]}, 2)
    assert deeper_than({"a": [[]]}, 2)
    assert not deeper_than("text", 0)


def test_many_brackets_beside_each_other_are_no_depth():
    assert len(load_json(b"[" + b"{}," * 5_000 + b"{}]")) == 5_001


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, "ü"]}, {1: 2}, "text"])
def test_usual_values_can_be_kept(value):
    assert why_unkeepable(value) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'[{"a": "\\ud800"}]', "half of a character"),
        (b'[{"a": 123456789012345678901234567890}]', "64 bits"),
        (b"[" + nested(400) + b"]", "200 deep"),
    ],
)
def test_a_file_whose_values_cannot_be_kept_is_told_by_its_place(text, why):
    with pytest.raises(FormatError, match=why):
        list(parse_json(io.BytesIO(text), resource_path="", cursor=Cursor()))
    with pytest.raises(FormatError, match="Line 1"):
        list(parse_json_lines(io.BytesIO(nested(400)), cursor=Cursor()))
