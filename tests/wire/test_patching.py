"""JSON patch by add, replace and remove, under listed paths only."""

import re

import pytest

from apps.core.errors import BadRequestError, ValidationErrors
from apps.core.errors import ValidationError as Refused
from apps.wire.patching import apply_patch

ANY = re.compile(r"/.*")
DOCUMENT = {"name": "a", "list": [1, 2], "deep": {"x": {"y": 1}}, "a/b": 0, "m~n": 0}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "replace", "path": "/name", "value": "b"}, {"name": "b"}),
        ({"op": "replace", "path": "/new", "value": None}, {"new": None}),
        ({"op": "add", "path": "/list/-", "value": 3}, {"list": [1, 2, 3]}),
        ({"op": "add", "path": "/list/0", "value": 0}, {"list": [0, 1, 2]}),
        ({"op": "replace", "path": "/list/1", "value": 9}, {"list": [1, 9]}),
        ({"op": "remove", "path": "/list/0"}, {"list": [2]}),
        ({"op": "remove", "path": "/deep/x"}, {"deep": {}}),
        ({"op": "replace", "path": "/a~1b", "value": 1}, {"a/b": 1}),
        ({"op": "replace", "path": "/m~0n", "value": 1}, {"m~n": 1}),
    ],
)
def test_an_operation_changes_what_it_names(operation, expected):
    assert apply_patch(DOCUMENT, [operation], allowed=ANY) == {**DOCUMENT, **expected}


def test_the_document_given_is_left_as_it_was():
    before = {"deep": {"x": [1]}}
    apply_patch(before, [{"op": "add", "path": "/deep/x/-", "value": 2}], allowed=ANY)
    assert before == {"deep": {"x": [1]}}


@pytest.mark.parametrize(
    "operations",
    [
        None, {}, [], "x", [5], [{}], [{"op": "move", "path": "/a"}], [{"op": ["add"], "path": "/a", "value": 1}],
        [{"op": "add", "path": "a", "value": 1}], [{"op": "add", "path": 5, "value": 1}], [{"op": "add", "path": "/a"}],
        [{"op": "remove", "path": "/name"}] * 1001,
    ],
)  # fmt: skip
def test_what_is_no_patch_is_a_bad_request(operations):
    with pytest.raises(BadRequestError):
        apply_patch(DOCUMENT, operations, allowed=ANY)


@pytest.mark.parametrize(
    "path", ["/list/2", "/list/-1", "/list/01", "/list/x", "/none/x", "/name/x", "/list/9999999999", "/deep/q"]
)
def test_what_is_not_there_cannot_be_removed(path):
    with pytest.raises(Refused, match="There is nothing at"):
        apply_patch(DOCUMENT, [{"op": "remove", "path": path}], allowed=ANY)


def test_every_path_that_is_not_listed_is_named():
    operations = [{"op": "remove", "path": path} for path in ("/name", "/list", "/namely")]
    with pytest.raises(ValidationErrors) as refused:
        apply_patch(DOCUMENT, operations, allowed=re.compile("/name"))
    assert [error.field for error in refused.value.errors] == ["/list", "/namely"]
