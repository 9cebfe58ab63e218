import pytest

from apps.core import gateway
from tests.core.gateway.conftest import reply

SECRET = "s3cr3t-value"
CREDENTIALS = {"Authorization": f"Bearer {SECRET}", "Cookie": "a=b", "X-Api-Key": SECRET, "X-Plain": "stays"}


def to(location, status=302):
    return reply(status, b"", Location=location)


def send(url, method="GET", **options):
    context = gateway.SendContext(secrets=(SECRET,))
    return gateway.send(gateway.Request(method=method, url=url, **options), context=context)


def test_a_redirect_is_followed_and_the_answer_says_where_it_came_from(peer):
    peer.on("/new", reply(200, b'"here"'))

    response = send(peer.on("/old", to("/new")))

    assert (response.json(), response.url) == ("here", peer.url("/new"))


def test_credentials_stay_with_their_host(peer, other_peer):
    other_peer.on("/", reply())
    send(peer.on("/old", to(other_peer.url("/"))), headers=CREDENTIALS)

    (asked,) = other_peer.asked
    assert "authorization" not in asked.headers
    assert "cookie" not in asked.headers
    assert "x-api-key" not in asked.headers
    assert asked.headers["x-plain"] == "stays"


@pytest.mark.parametrize("name", ["X-Shop-Access-Token", "Ocp-Apim-Subscription-Auth", "api_key", "X-Session-Id"])
def test_a_header_that_is_a_credential_by_its_name_stays_too(peer, other_peer, name):
    other_peer.on("/", reply())
    send(peer.on("/old", to(other_peer.url("/"))), headers={name: "never declared", "Idempotency-Key": "k"})

    (asked,) = other_peer.asked
    assert name.lower() not in asked.headers and asked.headers["idempotency-key"] == "k"


@pytest.mark.parametrize("body", [b'{"client_secret": "s3cr3t-value"}', b"a=1&key=czNjcjN0LXZhbHVl"])
def test_a_body_with_secrets_is_not_sent_to_another_host(peer, other_peer, body):
    other_peer.on("/", reply())
    with pytest.raises(gateway.BadResponse, match="holds secrets of the connection"):
        send(peer.on("/old", to(other_peer.url("/"), 307)), method="POST", body=body)

    assert other_peer.asked == []


def test_credentials_follow_within_the_host(peer):
    peer.on("/new", reply())
    send(peer.on("/old", to("/new")), headers=CREDENTIALS)

    assert peer.asked[1].headers["authorization"] == f"Bearer {SECRET}"


def test_each_hop_is_checked(peer):
    with pytest.raises(gateway.AddressRefused, match=r"169\.254\.169\.254"):
        send(peer.on("/old", to("http://169.254.169.254/latest/meta-data")))


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "javascript:alert(1)"])
def test_a_redirect_away_from_http_is_refused(peer, location):
    with pytest.raises(gateway.BadResponse, match="not http"):
        send(peer.on("/old", to(location)))


@pytest.mark.parametrize("location", ["http://xn--/", "http://xn--\xff.com/", "http://[::1/"])
def test_a_redirect_to_no_url_is_the_targets_fault(peer, location):
    with pytest.raises(gateway.BadResponse, match="not a URL") as caught:
        send(peer.on("/old", to(location)), method="POST", effect="write")

    assert caught.value.maybe_sent


@pytest.mark.parametrize(("status", "acted"), [(302, True), (303, True), (307, False)])
def test_a_post_that_was_taken_is_not_called_unsent_for_where_it_pointed(peer, status, acted):
    with pytest.raises(gateway.ConnectFailed) as caught:
        send(peer.on("/old", to("http://127.0.0.1:1/", status)), method="POST", effect="write")
    assert caught.value.maybe_sent is acted

    peer.on("/busy", reply(429))
    with pytest.raises(gateway.RetryLater) as caught:
        send(peer.on("/old", to("/busy", status)), method="POST", effect="write")
    assert caught.value.maybe_sent is acted


def test_a_loop_of_redirects_ends_after_five(peer):
    with pytest.raises(gateway.TooManyRedirects):
        send(peer.on("/loop", to("/loop")))

    assert len(peer.asked) == 6


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (302, "PUT", "PUT", b"data"),
        (307, "POST", "POST", b"data"),
        (308, "POST", "POST", b"data"),
    ],
)
def test_the_status_decides_whether_method_and_body_are_kept(peer, status, method, then, body):
    peer.on("/new", reply())
    send(
        peer.on("/old", to("/new", status)),
        method,
        body=b"data",
        effect="write",
        headers={"Content-Type": "text/plain"},
    )

    assert (peer.asked[1].method, peer.asked[1].body) == (then, body)
    assert ("content-type" in peer.asked[1].headers) == bool(body)


def test_following_can_be_switched_off(peer):
    assert send(peer.on("/old", to("/new")), follow_redirects=False).status == 302


def test_the_time_allowed_covers_all_hops(peer):
    peer.on("/new", peer.hang)
    with pytest.raises(gateway.TimedOut):
        send(peer.on("/old", to("/new")), timeout=0.3)
