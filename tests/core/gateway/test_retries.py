from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from apps.core import gateway
from apps.core.gateway.retries import parse_retry_after
from tests.core.gateway.conftest import reply

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LIVE = gateway.SendContext()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        (" 30 ", 30.0),
        ("99999999999999", 86400.0),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("Friday, 02-Jan-26 03:05:05 GMT", 60.0),
        ("Fri, 99 Jan 2026 03:05:05 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value, seconds):
    assert parse_retry_after(value, now=NOW) == seconds


def request(peer, effect="read", write_kind="none", **options):
    return gateway.Request(method="POST", url=peer.url("/"), effect=effect, write_kind=write_kind, **options)


@pytest.mark.parametrize(
    ("effect", "write_kind"), [("read", "none"), ("write", "key"), ("write", "natural"), ("write", "ledger")]
)
@pytest.mark.parametrize("first", [reply(503), reply(502), reply(429, Retry_After="0"), lambda asked, connection: None])
def test_a_passing_trouble_is_tried_again(peer, effect, write_kind, first):
    peer.on("/", first, reply(200, b'"good"'))

    assert gateway.send(request(peer, effect, write_kind), context=LIVE).json() == "good"
    assert len(peer.asked) == 2


@pytest.mark.parametrize("first", [reply(503), reply(502), lambda asked, connection: None])
def test_a_write_that_is_none_of_these_is_sent_once(peer, first):
    peer.on("/", first, reply(200))

    try:
        gateway.send(request(peer, "write"), context=LIVE)
    except gateway.Disconnected as error:
        assert error.maybe_sent
    assert len(peer.asked) == 1


def test_two_retries_are_all(peer):
    peer.on("/", reply(503))

    assert gateway.send(request(peer), context=LIVE).status == 503
    assert len(peer.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 500, 501])
def test_other_statuses_are_final(peer, status):
    peer.on("/", reply(status))

    assert gateway.send(request(peer), context=LIVE).status == status
    assert len(peer.asked) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_longer_wait_is_handed_back(peer, status, form):
    until = datetime.now(UTC).timestamp() + 300
    value = "300" if form == "seconds" else format_datetime(datetime.fromtimestamp(until, UTC), usegmt=True)
    peer.on("/", reply(status, Retry_After=value))

    with pytest.raises(gateway.RetryLater, match=str(status)) as caught:
        gateway.send(request(peer), context=LIVE)

    assert abs(caught.value.until.timestamp() - until) < 5
    assert caught.value.response.status == status
    assert len(peer.asked) == 1


def test_a_429_without_a_time_waits_half_a_minute(peer):
    peer.on("/", reply(429))

    with pytest.raises(gateway.RetryLater) as caught:
        gateway.send(request(peer, "write"), context=LIVE)

    assert 25 < caught.value.retry_after <= 30
    assert not caught.value.maybe_sent


def test_a_timeout_is_not_tried_again(peer):
    peer.on("/", peer.hang)

    with pytest.raises(gateway.TimedOut):
        gateway.send(request(peer, timeout=0.2), context=LIVE)
    assert len(peer.asked) == 1


def test_the_key_goes_along_on_every_attempt(peer):
    peer.on("/", reply(503), reply())
    gateway.send(request(peer, "write", "key", idempotency_key="k-1"), context=LIVE)

    assert [asked.headers["idempotency-key"] for asked in peer.asked] == ["k-1", "k-1"]


def test_a_target_may_know_the_key_under_another_name(peer):
    peer.on("/", reply())
    gateway.send(request(peer, "write", "key", idempotency_key="k-1", idempotency_header="X-Request-Id"), context=LIVE)

    assert peer.asked[0].headers["x-request-id"] == "k-1"
    assert "idempotency-key" not in peer.asked[0].headers
