"""Lookup caches: what is written reads back, in pages, and within their limits."""

import pytest

from apps.flows.models import LookupCache
from apps.flows.services import lookup_data
from tests.api import Api, codes_of, fields_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def cache(api):
    return "/lookupcaches/" + api.post("/lookupcaches", {"name": "Rates"}).json()["_id"]


def write(api, cache, **entries):
    return api.post(f"{cache}/data", {"data": [{"key": key, "value": value} for key, value in entries.items()]})


def read(api, cache, **query):
    return {entry["key"]: entry["value"] for entry in api.post(f"{cache}/getData", query).json()["data"]}


def test_every_kind_of_value_reads_back_as_it_was_written_and_the_last_of_two_counts(api, cache):
    values = {"a": "1.0", "b": 1.5, "c": None, "d": {"x": [True]}, "A": "capital"}
    assert write(api, cache, **values).status_code == 200
    assert read(api, cache) == values
    twice = [{"key": "a", "value": 1}, {"key": "a", "value": 2}]
    assert api.post(f"{cache}/data", {"data": twice}).status_code == 200
    assert read(api, cache, keys=["a", "nothing"]) == {"a": 2}
    assert read(api, cache, startsWith="a") == {"a": 2}  # keys know capitals


def test_its_size_is_that_of_what_stands_in_it(api, cache):
    write(api, cache, euro="1.08", yen=150)
    write(api, cache, euro="1.1")
    assert api.get(cache).json()["size"] == len('euro"1.1"yen150')
    assert api.delete(f"{cache}/data", {"keys": ["yen", "unknown"]}).status_code == 204
    assert api.get(cache).json()["size"] == len('euro"1.1"')
    assert api.delete(f"{cache}/data/purge").status_code == 204
    assert (api.get(cache).json()["size"], read(api, cache)) == (0, {})


def test_a_thousand_entries_are_a_page_and_the_next_starts_after_a_key(api, cache):
    for start in (0, 1000):
        write(api, cache, **{f"k{number:05}": number for number in range(start, start + 1000)})
    first = read(api, cache)
    assert len(first) == 1000
    write(api, cache, z=1)
    second = read(api, cache, startAfterKey=max(first))
    assert (len(second), min(second)) == (1000, "k01000")
    assert read(api, cache, startAfterKey=max(second)) == {"z": 1}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("data", {}, "data"),
        ("data", {"data": [{"key": "a"}]}, "data[0].value"),
        ("data", {"data": [{"key": "", "value": 1}]}, "data[0].key"),
        ("data", {"data": [{"key": 5, "value": 1}]}, "data[0].key"),
        ("data", {"data": [{"key": "k" * 501, "value": 1}]}, "data[0].key"),
        ("data", {"data": [{"key": "a", "value": 1}] * 1001}, "data"),
        ("getData", {"keys": ["a"] * 1001}, "keys"),
        ("getData", {"startsWith": 5}, "startsWith"),
    ],
)
def test_what_is_no_entry_is_refused_by_its_field(api, cache, path, body, field):
    answer = api.post(f"{cache}/{path}", body)
    assert (answer.status_code, fields_of(answer)) == (422, [field])


def test_a_cache_that_would_grow_too_large_takes_nothing(api, cache, monkeypatch):
    monkeypatch.setattr(lookup_data, "MAX_CACHE", 20)
    write(api, cache, a="x" * 10)
    answer = write(api, cache, a="y", b="x" * 20)
    assert (answer.status_code, fields_of(answer)) == (422, ["data"])
    assert read(api, cache) == {"a": "x" * 10}
    monkeypatch.setattr(lookup_data, "MAX_CACHE", 1000)
    monkeypatch.setattr(lookup_data, "MAX_ORGANIZATION", 30)
    other = "/lookupcaches/" + api.post("/lookupcaches", {"name": "More"}).json()["_id"]
    assert write(api, other, b="x" * 20).status_code == 422


def test_a_cache_that_an_import_looks_into_is_not_deleted(api, world, cache):
    imported = f"/imports/{world.ids['import']}"
    document = api.get(imported).json()
    lookups = [{"name": "rates", "_lookupCacheId": cache.rpartition("/")[2]}]
    assert api.put(imported, {**document, "lookups": lookups}).status_code == 200
    refused = api.delete(cache)
    assert (refused.status_code, codes_of(refused)) == (422, ["has_dependents"])


def test_strangers_find_nothing_and_a_monitor_only_reads(api, cache, monitor, stranger):
    write(api, cache, a=1)
    assert Api(stranger, prefix="/v1").post(f"{cache}/getData", {}).status_code == 404
    watching = Api(monitor, prefix="/v1")
    assert read(watching, cache) == {"a": 1}
    assert write(watching, cache, a=2).status_code == 403
    assert watching.delete(f"{cache}/data/purge").status_code == 403
    assert LookupCache.objects.get(name="Rates").size == 2
