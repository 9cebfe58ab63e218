import base64
import json
import time
import timeit
from urllib.parse import quote, quote_plus

import pytest

from apps.core import gateway
from apps.core.gateway.redaction import redactor_for
from tests.core.gateway.conftest import reply

SECRET = "pä$$ w0rd/+=&"


def record(peer, *, body=b"", headers=None, answer=None, path="/", **context):
    recorder = gateway.MemoryRecorder()
    peer.on(path.partition("?")[0], answer or reply())
    sent = gateway.Request(method="POST", url=peer.url(path), headers=headers or {}, body=body, effect="write")
    context = gateway.SendContext(recorder=recorder, secrets=(SECRET,), step="s1", **context)
    gateway.send(sent, context=context)
    return recorder.exchanges[0]


def test_an_exchange_tells_what_was_asked_and_answered(peer):
    exchange = record(peer, body=b'{"a":1}', answer=reply(201, b'{"id":7}'))

    assert (exchange.kind, exchange.method, exchange.url, exchange.status) == ("http", "POST", peer.url("/"), 201)
    assert (exchange.request_body, exchange.response_body) == ('{"a":1}', '{"id":7}')
    assert (exchange.effect, exchange.write_kind, exchange.step) == ("write", "none", "s1")
    assert exchange.elapsed > 0


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"ana:{SECRET}".encode()).decode(),
        base64.b64encode(f"anna:{SECRET}".encode()).decode(),
        base64.urlsafe_b64encode(f"an:{SECRET}!".encode()).decode(),
    ],
)
def test_a_known_secret_is_redacted_in_every_spelling(peer, spelling):
    exchange = record(
        peer,
        body=f'["{spelling}"]'.encode(),
        headers={"X-Custom": spelling.encode("ascii", "ignore").decode() or "-"},
        answer=reply(200, f'["{spelling}"]'.encode()),
    )

    for text in (exchange.request_body, exchange.response_body):
        assert "******" in text
        assert spelling not in text
        assert "w0rd" not in text


def test_headers_that_carry_credentials_are_redacted(peer):
    headers = {"Authorization": "Bearer unknown-token", "Cookie": "a=b", "X-Api-Key": "k", "X-Plain": "p"}
    exchange = record(peer, headers=headers, answer=reply(200, Set_Cookie="session=1"))

    assert dict(exchange.request_headers) == {
        "Authorization": "******",
        "Cookie": "******",
        "X-Api-Key": "******",
        "X-Plain": "p",
    }
    assert exchange.response_headers["Set-Cookie"] == "******"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (
            b'{"user":"ana","password":"x\\"y","client_secret": "z","accessToken":"t","api_key":12}',
            '{"user":"ana","password":"******","client_secret": "******","accessToken":"******","api_key":"******"}',
        ),
        (b"grant_type=password&client_secret=abc&x=1", "grant_type=password&client_secret=******&x=1"),
        (b"<a><Password>x</Password><b>y</b></a>", "<a><Password>******</Password><b>y</b></a>"),
        (b'{"tokens": 5, "passwordless": true}', '{"tokens": 5, "passwordless": true}'),
    ],
)
def test_fields_that_are_secret_by_name_are_redacted(peer, body, shown):
    assert record(peer, body=body).request_body == shown


def test_secrets_in_the_query_are_redacted(peer):
    assert record(peer, path="/?api_key=abc&q=1&access_token=t").url == peer.url(
        "/?api_key=******&q=1&access_token=******"
    )


def test_bodies_are_cut_after_redaction_so_that_no_half_secret_is_left(peer):
    filler = "x" * (16 * 1024 - 10)
    exchange = record(peer, body=f'["{filler}{SECRET}{filler}"]'.encode())

    assert len(exchange.request_body) == 16 * 1024
    assert exchange.request_cut
    assert exchange.request_size > 32_000
    assert "pä$" not in exchange.request_body


def test_bytes_are_kept_as_base64(peer):
    exchange = record(peer, answer=reply(200, b"\xff\xfe\x00"))

    assert (exchange.response_encoding, base64.b64decode(exchange.response_body)) == ("base64", b"\xff\xfe\x00")


def test_a_failure_is_recorded_with_its_code(peer):
    recorder = gateway.MemoryRecorder()
    url = peer.on("/", lambda asked, connection: None)
    with pytest.raises(gateway.Disconnected):
        gateway.send(
            gateway.Request(method="POST", url=url, effect="write"), context=gateway.SendContext(recorder=recorder)
        )

    (exchange,) = recorder.exchanges
    assert (exchange.error_code, exchange.status) == ("gateway.disconnected", None)


def test_of_many_exchanges_a_sample_and_every_failure_are_kept(peer):
    recorder = gateway.MemoryRecorder(everything=10, sample=5)
    peer.on("/ok", reply())
    peer.on("/bad", reply(400))
    paths = ["/ok"] * 50 + ["/bad"] * 3
    requests = [gateway.Request(method="GET", url=peer.url(path)) for path in paths]

    gateway.send_many(requests, concurrency=4, context=gateway.SendContext(recorder=recorder, step="s"))

    statuses = [exchange.status for exchange in recorder.exchanges]
    assert (statuses.count(200), statuses.count(400)) == (15, 3)


def test_plan_reads_for_real_and_answers_writes_with_placeholders(peer):
    recorder = gateway.MemoryRecorder()
    plan = gateway.SendContext(mode=gateway.Mode.PLAN, recorder=recorder)
    url = peer.on("/", reply(200, b'{"n": 1}'))
    read = gateway.Request(method="GET", url=url)
    write = gateway.Request(method="POST", url=url, body=b"{}", effect="write", write_kind="natural")

    first, second = gateway.send_many([read, write], concurrency=2, context=plan)

    assert [asked.method for asked in peer.asked] == ["GET"]
    assert first.json() == {"n": 1}
    assert second.planned
    assert [(e.method, e.planned, e.status) for e in recorder.exchanges] == [("GET", False, 200), ("POST", True, None)]


def test_a_value_from_an_unsent_write_shows_as_a_placeholder(peer):
    plan = gateway.SendContext(mode=gateway.Mode.PLAN)
    write = gateway.Request(method="POST", url=peer.url("/orders"), effect="write")

    value = gateway.send(write, context=plan).json()["order"]["id"]

    assert str(value) == f"‹answer of POST {peer.url('/orders')} → order → id›"
    assert json.loads(json.dumps({"id": value})) == {
        "id": {"$planned": f"answer of POST {peer.url('/orders')} → order → id"}
    }


def run_twice(peer, context):
    requests = [
        gateway.Request(method="GET", url=peer.url("/")),
        gateway.Request(method="GET", url=peer.url("/")),
        gateway.Request(
            method="POST",
            url=peer.url("/w"),
            body=b'{"a":1,"password":"changes"}',
            effect="write",
            headers={"Authorization": f"Bearer {id(context)}"},
        ),
    ]
    return [
        (o.status, o.body, o.headers["content-type"])
        for o in gateway.send_many(requests, concurrency=1, context=context)
    ]


def test_replay_answers_from_the_recording_in_order(peer):
    recorder = gateway.MemoryRecorder()
    peer.on("/", reply(200, b"1"), reply(200, b"2"))
    peer.on("/w", reply(201, b"\xff\x00"))
    first = run_twice(peer, gateway.SendContext(recorder=recorder))
    recording = gateway.MemoryRecording(recorder.exchanges)

    again = run_twice(peer, gateway.SendContext(mode=gateway.Mode.REPLAY, recording=recording))

    assert again == first
    assert len(peer.asked) == 3


def test_replay_says_what_its_recording_lacks(peer):
    replay = gateway.SendContext(mode=gateway.Mode.REPLAY, recording=gateway.MemoryRecording([]))

    with pytest.raises(gateway.NoRecordedAnswer, match=f"GET {peer.url('/new')}"):
        gateway.send(gateway.Request(method="GET", url=peer.url("/new")), context=replay)
    assert peer.asked == []


def test_replay_refuses_an_answer_that_was_cut(peer):
    recorder = gateway.MemoryRecorder()
    request = gateway.Request(method="GET", url=peer.on("/", reply(200, b'"' + b"x" * 20_000 + b'"')))
    gateway.send(request, context=gateway.SendContext(recorder=recorder))
    replay = gateway.SendContext(mode=gateway.Mode.REPLAY, recording=gateway.MemoryRecording(recorder.exchanges))

    with pytest.raises(gateway.NoRecordedAnswer, match="cut at 16384 of 20002"):
        gateway.send(request, context=replay)


def test_redaction_of_a_large_hostile_body_is_quick():
    began = time.thread_time()
    for body in (b'"' * 60_000, b'"password":"' * 5_000, b"<token>" * 9_000, b"?sig=" * 9_000, b'"a-' * 20_000):
        redactor_for((SECRET,)).body(body)
    assert time.thread_time() - began < 2


@pytest.mark.parametrize("lead", ["", "\n", "\ufeff "])
def test_xml_is_redacted_in_its_usual_spellings(lead):
    redactor = redactor_for(())
    for inside in ("<token>x</token>", '<n:token a="1">x</n:token>', "<token><![CDATA[x]]></token>"):
        assert ">x<" not in (shown := redactor.fields(f"{lead}<a>{inside}</a>"))
        assert "[x]" not in shown
        assert "******" in shown


def test_the_whole_of_what_stands_before_a_host_is_redacted():
    assert redactor_for(()).url("https://ana:p@ss@host/path?mail=a@b.c") == "https://******@host/path?mail=a@b.c"


def test_a_value_with_an_escaped_line_break_is_redacted():
    assert redactor_for(()).fields('{"token":"a\\\nb"}') == '{"token":"******"}'


@pytest.mark.parametrize("place", range(3_960, 4_001))
def test_a_long_url_is_recorded_cut_without_half_a_secret(place):
    shown = redactor_for((SECRET,)).shown_url(f"https://host/{'x' * (place - 13)}{SECRET}{'y' * 5_000}")

    assert len(shown) <= 4_001
    assert shown.endswith("…")
    assert "pä" not in shown


def test_cutting_leaves_no_half_of_a_secret_where_others_before_it_were_taken_out():
    secret = "s3cret-" + "z" * 9_000
    shown, _, cut = redactor_for((secret,)).body(f"{secret} {secret} {secret} {secret} {secret} {secret}".encode() * 2)

    assert cut
    assert "s3cret" not in shown
    assert "zzz" not in shown


def test_many_long_headers_are_recorded_cut(peer):
    exchange = record(peer, answer=reply(200, **{f"X-{number}": "a" * 7_000 for number in range(100)}))

    assert len(exchange.response_headers) == 100
    assert len(exchange.response_headers["X-1"]) == 2_001


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a:",
        "<token ",
        "<a:",
        "<pin",
        '"token":"',
        '"token" ',
        '"a-',
        '"token":"\\\n',
        "?token=",
        "://a",
        "a@",
        "://",
        "1",
    ],
)
def test_redacting_takes_time_in_proportion_to_the_text(piece):
    redactor = redactor_for(("a" * 3_000 + "b",))

    def redact(text):
        redactor.url(text)
        redactor.fields(text)

    def least(size):
        text = piece * (size // len(piece))
        return min(timeit.repeat(lambda: redact(text), timer=time.thread_time, number=1, repeat=3))

    # Twenty times the text in two hundred times the time would be generous; quadratic is four hundred times.
    assert least(400_000) < 200 * max(least(20_000), 1e-4)


def test_a_url_that_is_too_long_is_refused_before_it_is_sent(peer):
    url = peer.url("/?q=" + "x" * 20_000)
    for mode in gateway.Mode:
        with pytest.raises(gateway.InvalidRequest, match=r"characters long; at most 16384") as caught:
            gateway.send(gateway.Request(method="GET", url=url), context=gateway.SendContext(mode=mode))
        assert len(caught.value.message) < 300
    assert peer.asked == []
