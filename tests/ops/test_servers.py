"""The servers we ship, over a socket: the key arrives in every spelling, and no other underscore does."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest

from tests import processes, servers

METRICS = "metrics-token-of-the-test"


def ask(address: str, path: str, **headers: str) -> tuple[int, str]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def raw(address: str, request: bytes) -> bytes:
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


SPELLINGS = [
    {"Authorization": "Bearer {}"},
    {"Authorization": "Token {}"},
    {"api_key": "{}"},
    {"API_KEY": "{}"},
    {"api-key": "{}"},
]


def test_the_embedded_server_lets_the_key_in(served, owner):
    for spelling in SPELLINGS:
        headers = {name: value.format(owner.key) for name, value in spelling.items()}
        assert ask(served, "/metrics", **headers)[0] == 200, spelling


def test_the_embedded_server_lets_no_other_underscore_in(served, owner):
    assert ask(served, "/metrics", **{"Api_Key_": owner.key})[0] == 401
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent_Length: 5\r\nConnection: close\r\n\r\n"
    assert raw(served, smuggled).startswith(b"HTTP/1.1 200")


def test_two_keys_in_two_spellings_are_no_key(served, owner, stranger):
    assert ask(served, "/metrics", **{"api_key": owner.key, "api-key": stranger.key})[0] == 401


def test_probes_answer_whoever_asks(served):
    for path in ("/healthz", "/readyz"):
        status, body = ask(served, path)
        assert (status, json.loads(body)) == (200, {"status": "ok"})


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory):
    data = str(tmp_path_factory.mktemp("web"))
    variables = {"JUNCTION_DATA": data, "JUNCTION_METRICS_TOKEN": METRICS, "JUNCTION_LOG_LEVEL": "INFO"}
    assert processes.run("prepare", **variables)[0] == 0
    port = servers.free_port()
    with processes.running("web", "--bind", f"127.0.0.1:{port}", "--workers", "2", **variables) as process:
        process.wait_for("Booting worker")
        yield f"http://127.0.0.1:{port}", process


@pytest.mark.parametrize("spelling", SPELLINGS, ids=str)
def test_gunicorn_lets_the_key_in(gunicorn, spelling):
    headers = {name: value.format(METRICS) for name, value in spelling.items()}
    assert ask(gunicorn[0], "/metrics", **headers)[0] == 200


def test_gunicorn_lets_no_other_underscore_in(gunicorn):
    assert ask(gunicorn[0], "/metrics", **{"Authorization_": f"Bearer {METRICS}"})[0] == 401
    assert ask(gunicorn[0], "/metrics", **{"api_key_": METRICS})[0] == 401


def test_gunicorns_processes_count_their_requests_together(gunicorn):
    for _ in range(20):
        ask(gunicorn[0], "/healthz")
    _, body = ask(gunicorn[0], "/metrics", Authorization=f"Bearer {METRICS}")
    line = next(x for x in body.splitlines() if x.startswith("junction_http_requests_total") and "healthz" in x)
    assert float(line.split()[-1]) >= 20


def test_gunicorn_serves_the_consoles_files_without_a_collection_step(gunicorn):
    status, body = ask(gunicorn[0], "/console/login/")
    assert status == 200
    sheet = next(part.split('"')[0] for part in body.split('href="') if part.startswith("/static/"))
    assert ask(gunicorn[0], sheet)[0] == 200


def test_gunicorn_logs_in_the_same_lines(gunicorn):
    ask(gunicorn[0], "/nowhere")
    line = json.loads(gunicorn[1].wait_for("/nowhere"))
    assert (line["event"], line["status"], line["level"]) == ("request", 404, "info")
    assert line["request_id"]
