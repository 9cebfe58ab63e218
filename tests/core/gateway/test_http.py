import gzip
import json
import multiprocessing
import threading
import zlib

import pytest
from django.db import transaction

from apps.core import gateway
from apps.core.gateway.packing import Unpacker

LIVE = gateway.SendContext()


def get(url, **options):
    return gateway.send(gateway.Request(method="GET", url=url, **options), context=LIVE)


def post(url, **options):
    return gateway.Request(method="POST", url=url, effect="write", **options)


def answer(status=200, body=b"{}", **headers):
    from tests.core.gateway.conftest import reply

    return reply(status, body, **headers)


def test_an_answer_carries_status_headers_of_any_case_body_and_time(peer):
    response = get(peer.on("/a", answer(201, b'{"id": 7}', X_Kind="thing")))

    assert (response.status, response.headers["x-KIND"], response.json()) == (201, "thing", {"id": 7})
    assert response.elapsed > 0
    assert response.url == peer.url("/a")


def test_a_request_arrives_as_it_was_given(peer):
    url = peer.on("/in", answer())
    gateway.send(
        post(url, headers={"Content-Type": "text/x", "X-Own": "1", "Content-Length": "999"}, body=b"hello"),
        context=LIVE,
    )

    (asked,) = peer.asked
    assert (asked.method, asked.body, asked.headers["content-type"], asked.headers["x-own"]) == (
        "POST",
        b"hello",
        "text/x",
        "1",
    )
    assert asked.headers["content-length"] == "5"


def test_a_body_over_a_megabyte_arrives_whole(peer):
    gateway.send(post(peer.on("/in", answer()), body=b"x" * 3_000_000), context=LIVE)

    assert len(peer.asked[0].body) == 3_000_000


def test_reading_what_is_not_json_says_what_it_is(peer):
    with pytest.raises(gateway.BadResponse, match=r"begins '<html>.*status 200, application/json"):
        get(peer.on("/a", answer(200, b"<html>"))).json()


def test_an_error_status_is_an_answer(peer):
    assert get(peer.on("/a", answer(418))).status == 418


@pytest.mark.parametrize(
    "packed", [gzip.compress(b"words " * 999), zlib.compress(b"words " * 999)], ids=["gzip", "deflate"]
)
def test_packed_answers_are_unpacked(peer, packed):
    kind = "gzip" if packed[:2] == b"\x1f\x8b" else "deflate"

    assert get(peer.on("/a", answer(200, packed, Content_Encoding=kind))).body == b"words " * 999


def test_raw_deflate_is_understood_too(peer):
    squeeze = zlib.compressobj(wbits=-15)
    packed = squeeze.compress(b"words " * 99) + squeeze.flush()

    assert get(peer.on("/a", answer(200, packed, Content_Encoding="deflate"))).body == b"words " * 99


def test_a_decompression_bomb_ends_at_the_limit(peer):
    bomb = gzip.compress(bytes(50_000_000))

    with pytest.raises(gateway.TooLarge, match="1000000 bytes"):
        get(peer.on("/a", answer(200, bomb, Content_Encoding="gzip")), max_response_bytes=1_000_000)


def test_a_long_answer_ends_at_the_limit_with_or_without_length(peer):
    for body in (answer(200, b"x" * 5000), b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 5000):
        with pytest.raises(gateway.TooLarge):
            get(peer.on("/a", body), max_response_bytes=4000)


@pytest.mark.parametrize("kind", ["br", "zstd", "nonsense"])
def test_a_packing_that_was_not_asked_for_is_named(peer, kind):
    with pytest.raises(gateway.BadResponse, match=kind):
        get(peer.on("/a", answer(200, b"xx", Content_Encoding=kind)))


def test_damaged_and_truncated_packing_are_told_apart(peer):
    packed = gzip.compress(b"words " * 999)
    with pytest.raises(gateway.ClosedMidBody):
        get(peer.on("/a", answer(200, packed[:-20], Content_Encoding="gzip")))
    with pytest.raises(gateway.BadResponse, match="damaged"):
        get(peer.on("/b", answer(200, b"no gzip at all", Content_Encoding="gzip")))


def test_a_body_of_several_gzip_members_is_read_whole(peer):
    packed = gzip.compress(b"first ") + gzip.compress(b"") + gzip.compress(b"words " * 9_999) + bytes(700)

    assert get(peer.on("/a", answer(200, packed, Content_Encoding="gzip"))).body == b"first " + b"words " * 9_999
    assert get(peer.on("/b", answer(200, packed[:-700], Content_Encoding="x-gzip"))).body[:6] == b"first "


def test_something_else_behind_packed_data_is_damage(peer):
    for kind, packed in (("gzip", gzip.compress(b"words")), ("deflate", zlib.compress(b"words"))):
        with pytest.raises(gateway.BadResponse, match="not part of it"):
            get(peer.on("/a", answer(200, packed + b"\0more", Content_Encoding=kind)))
    with pytest.raises(gateway.ClosedMidBody):
        get(peer.on("/a", answer(200, gzip.compress(b"words") + gzip.compress(b"more")[:12], Content_Encoding="gzip")))


def test_bytes_behind_packed_data_count_toward_the_limit(peer):
    padded = gzip.compress(b"words") + bytes(3_000_000)

    with pytest.raises(gateway.TooLarge, match="1000000 bytes"):
        get(peer.on("/a", answer(200, padded, Content_Encoding="gzip")), max_response_bytes=1_000_000)


def test_more_empty_members_than_anyone_sends_are_refused(peer):
    with pytest.raises(gateway.BadResponse, match="more than 10000 members"):
        get(peer.on("/a", answer(200, gzip.compress(b"") * 10_001, Content_Encoding="gzip")))


@pytest.mark.parametrize("size", [256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 1_000_000])
@pytest.mark.parametrize("bits", [-15, 15])
def test_packed_data_of_any_length_is_unpacked_to_its_end(peer, size, bits):
    squeeze = zlib.compressobj(wbits=bits)
    packed = squeeze.compress(bytes(size)) + squeeze.flush()

    assert get(peer.on("/a", answer(200, packed, Content_Encoding="deflate"))).body == bytes(size)


def test_packed_data_may_come_byte_by_byte():
    for kind, packed in (
        ("gzip", gzip.compress(b"one") + gzip.compress(b"two")),
        ("deflate", zlib.compress(b"onetwo")),
    ):
        unpacker = Unpacker(kind, url="here")
        assert b"".join(out for byte in packed for out in unpacker.feed(bytes([byte]))) == b"onetwo"
        unpacker.finish()


def test_bytes_in_headers_that_are_no_text_are_replaced(peer):
    fields = b'Content-Type: application/json; charset="\xff"\r\nX-Name: J\xc3\xb6\r\nContent-Length: 2'
    odd = b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n{}"
    recorder = gateway.MemoryRecorder()
    response = gateway.send(
        gateway.Request(method="GET", url=peer.on("/a", odd)), context=gateway.SendContext(recorder=recorder)
    )

    assert response.headers["content-type"] == 'application/json; charset="\ufffd"'
    assert (response.headers["X-Name"], response.json()) == ("Jö", {})
    assert recorder.exchanges[0].response_headers["X-Name"] == "Jö"


@pytest.mark.parametrize("url", ["http://xn--/", "http://xn--a-ecp.ru:80/", "http://127.0.0.1/\ud800"])
def test_a_url_that_no_resolver_can_read_is_refused(url):
    recorder = gateway.MemoryRecorder()
    with pytest.raises(gateway.InvalidRequest) as caught:
        gateway.send(post(url), context=gateway.SendContext(recorder=recorder))

    assert not caught.value.maybe_sent
    assert recorder.exchanges[0].url.encode()


@pytest.mark.parametrize(
    "value", ["Mon, 1 Jan 99999999999999999999 00:00:00 GMT", "Mon, 1 Jan 2020 9999999999:00:00 GMT"]
)
def test_a_moment_that_no_clock_has_is_none_to_wait_for(peer, value):
    assert get(peer.on("/a", answer(503, Retry_After=value))).status == 503


def test_an_answer_that_is_nested_without_end_is_told_so(peer):
    for depth in (201, 900, 5_000):
        with pytest.raises(gateway.BadResponse, match=r"deep|depth"):
            get(peer.on("/a", answer(200, b"[" * depth + b"]" * depth))).json()
    assert get(peer.on("/a", answer(200, b"[" * 200 + b"]" * 200))).json()
    assert len(get(peer.on("/a", answer(200, b"[" + b"[]," * 5_000 + b"[]]"))).json()) == 5_001


def test_a_server_that_hangs_ends_at_the_timeout(peer):
    with pytest.raises(gateway.TimedOut, match=r"0\.2 s") as caught:
        get(peer.on("/a", peer.hang), timeout=0.2)

    assert caught.value.maybe_sent
    assert caught.value.category is gateway.Category.TRANSIENT


def test_a_server_that_trickles_ends_at_the_timeout(peer):
    def trickle(asked, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not peer.released.wait(0.05):
            connection.sendall(b"x")

    with pytest.raises(gateway.TimedOut):
        get(peer.on("/a", trickle), timeout=0.3)


def test_a_connection_closed_in_the_body_is_named(peer):
    def half(asked, connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    with pytest.raises(gateway.ClosedMidBody) as caught:
        gateway.send(post(peer.on("/a", half)), context=LIVE)

    assert caught.value.maybe_sent


def test_a_connection_closed_before_the_answer_is_named_and_a_bare_write_is_not_repeated(peer):
    def nothing(asked, connection):
        return None

    with pytest.raises(gateway.Disconnected) as caught:
        gateway.send(post(peer.on("/a", nothing)), context=LIVE)

    assert caught.value.maybe_sent
    assert len(peer.asked) == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_not_even_put_and_delete_are_repeated_behind_our_back(peer, method):
    peer.on("/warm", answer())
    get(peer.url("/warm"))
    url = peer.on("/a", lambda asked, connection: None)

    with pytest.raises(gateway.Disconnected):
        gateway.send(gateway.Request(method=method, url=url, effect="write"), context=LIVE)

    assert [asked.method for asked in peer.asked].count(method) == 1


def test_invalid_chunking_is_named(peer):
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"

    with pytest.raises(gateway.BadResponse):
        get(peer.on("/a", raw))


def test_what_is_not_http_is_named(peer):
    with pytest.raises(gateway.BadResponse, match="not HTTP"):
        get(peer.on("/a", b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))


def test_a_refused_port_was_not_sent(peer):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(gateway.ConnectFailed, match="refused") as caught:
            gateway.send(post(f"http://127.0.0.1:{free.getsockname()[1]}/"), context=LIVE)
    assert not caught.value.maybe_sent


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x/", "gopher://x/", "//x/", "/path", "http://", "", "http://[::1"]
)
def test_only_http_urls_are_requests(url):
    with pytest.raises(gateway.InvalidRequest):
        get(url)


def test_a_header_cannot_smuggle_another(peer):
    with pytest.raises(gateway.InvalidRequest):
        get(peer.url(), headers={"X-A": "1\r\nX-B: 2"})
    assert peer.asked == []


def test_tls_is_verified_unless_the_connection_waives_it(peer, tls_peer):
    with pytest.raises(gateway.ConnectFailed, match="certificate") as caught:
        get(tls_peer)
    assert caught.value.category is gateway.Category.CONFIGURATION

    waived = gateway.SendContext(tls=gateway.Tls(verify=False))
    assert gateway.send(gateway.Request(method="GET", url=tls_peer), context=waived).status == 200


@pytest.fixture
def tls_peer(tmp_path):
    """An HTTPS server with a certificate that nobody vouches for."""
    import datetime
    import ssl
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


def test_environment_proxies_are_ignored(peer, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    assert get(peer.on("/a", answer())).status == 200


def test_a_batch_answers_in_order_with_errors_in_place(peer):
    peer.on("/ok", answer(200, b'"ok"'))
    peer.on("/bad", lambda asked, connection: None)
    requests = [post(peer.url(path)) for path in ("/ok", "/bad", "/ok?2", "/missing")]

    first, second, third, fourth = gateway.send_many(requests, concurrency=3, context=LIVE)

    assert isinstance(second, gateway.Disconnected)
    assert (first.status, third.url, fourth.status) == (200, peer.url("/ok?2"), 404)


def test_a_batch_keeps_to_its_concurrency(peer):
    import time

    def slow(asked, connection):
        time.sleep(0.02)
        connection.sendall(answer())

    requests = [gateway.Request(method="GET", url=peer.on("/slow", slow))] * 30

    assert all(outcome.status == 200 for outcome in gateway.send_many(requests, concurrency=5, context=LIVE))
    assert 2 <= peer.busiest <= 5


def test_an_empty_batch_is_no_work():
    assert gateway.send_many([], concurrency=5, context=LIVE) == []


def test_many_threads_share_one_loop(peer):
    url = peer.on("/a", answer())
    seen = []

    def work():
        seen.append(get(url).status)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [200] * 12
    assert sum(thread.name == "gateway" for thread in threading.enumerate()) == 1


def _in_child(url, pipe):
    pipe.send(get(url).status)
    pipe.close()


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_process_starts_a_loop_of_its_own(peer):
    url = peer.on("/a", answer())
    get(url)
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_in_child, args=(url, theirs))
    child.start()

    assert ours.poll(10)
    assert ours.recv() == 200
    child.join(5)


@pytest.mark.django_db(transaction=True)
def test_a_call_inside_a_transaction_is_refused(peer):
    with transaction.atomic(), pytest.raises(gateway.InTransaction, match="default"):
        get(peer.url())
    assert peer.asked == []


@pytest.mark.django_db
def test_the_transaction_around_a_test_does_not_count_but_one_inside_it_does(peer):
    url = peer.on("/a", answer())

    assert get(url).status == 200
    with transaction.atomic(), pytest.raises(gateway.InTransaction):
        get(url)


def test_json_bodies_survive_the_way_back(peer):
    document = {"a": [1, 2.5, None, "ü"]}

    assert get(peer.on("/a", answer(200, json.dumps(document).encode()))).json() == document


@pytest.mark.parametrize("name", ["X-A: b", "", "X A", "Überschrift", "X-A\r\nX-Evil"])
def test_what_is_no_name_of_a_header_is_not_sent(peer, name):
    with pytest.raises(gateway.InvalidRequest, match="is not the name of a header"):
        gateway.send(gateway.Request("GET", peer.url("/"), headers={name: "x"}), context=gateway.SendContext())
    assert peer.asked == []


@pytest.mark.parametrize("method", ["", "G ET", "GET / HTTP/1.1\r\nX: 1\r\n\r\nDELETE"])
def test_what_is_no_method_is_not_sent(peer, method):
    with pytest.raises(gateway.InvalidRequest, match="is not a method"):
        gateway.send(gateway.Request(method, peer.url("/")), context=gateway.SendContext())
    assert peer.asked == []
