"""Joining addresses: below the base, at the base's origin, or refused."""

import pytest

from apps.connections.joining import join
from apps.core.gateway import InvalidRequest

BASE = "https://api.example/v1"


@pytest.mark.parametrize(
    ("base", "relative", "joined"),
    [
        (BASE, "/users", "https://api.example/v1/users"),
        (BASE + "/", "users", "https://api.example/v1/users"),
        (BASE, "", "https://api.example/v1"),
        (BASE, "?page=2", "https://api.example/v1?page=2"),
        (BASE, "/a?next=/b/../c", "https://api.example/v1/a?next=/b/../c"),
        (BASE, "/a..b/...", "https://api.example/v1/a..b/..."),
        (BASE, "//evil.example/x", "https://api.example/v1/evil.example/x"),
        ("https://api.example", "@evil.example/", "https://api.example/@evil.example/"),
        ("https://api.example", ".evil.example/", "https://api.example/.evil.example/"),
        (BASE, "https://API.example:443/other?x=1", "https://API.example:443/other?x=1"),
    ],
)
def test_what_is_added_stays_at_the_base(base, relative, joined):
    assert join(base, relative) == (joined, True)


@pytest.mark.parametrize(
    "relative",
    [
        "https://evil.example/",
        "http://api.example/v1",
        "https://api.example:8443/",
        "https://api.example.evil.example/",
        "https://api.example@evil.example/",
        "HTTPS://evil.example",
        "ftp://api.example/",
        "../admin",
        "/a/../../admin",
        "/a/%2e%2E/admin",
        "/a/.%2e",
        "/a\\..\\b",
        "/a b",
        "/a\nHost: evil",
        "https://[::1",
        "https:///x",
    ],
)
def test_what_leads_away_is_refused(relative):
    with pytest.raises(InvalidRequest):
        join(BASE, relative)


def test_another_host_is_reached_only_when_allowed_and_is_told_apart():
    assert join(BASE, "https://files.example/1", foreign=True) == ("https://files.example/1", False)
    assert join("", "https://files.example/1", foreign=True) == ("https://files.example/1", False)
    with pytest.raises(InvalidRequest, match="no base address"):
        join("", "/x", foreign=True)
