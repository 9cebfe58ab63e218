"""The demonstration as a newcomer meets it: `manage.py up` in an empty directory, and then what the APIs tell of it."""

import json
import re
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from apps.ops.demo import shop
from tests import processes, servers

README = Path(__file__).resolve().parent.parent.parent / "README.md"
KEY = "a-key-of-our-own-0123456789"
ENDED = {"completed", "failed", "canceled"}
UNKNOWN, UNREADABLE, REFUSED = 3, 4, 16  # orders that fail at the lookup, in the mapping, and at the CRM
GOOD = shop.ORDERS - UNKNOWN - UNREADABLE - REFUSED


class Api:
    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def __call__(self, method: str, path: str, body: object = None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.base}/v1/{path}", data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def step(self, name: str) -> str:
        rows = self("GET", "exports") + self("GET", "imports")
        return next(row["_id"] for row in rows if row["name"] == name)

    def ended_job(self, job_id: str, *, seconds: float = 180.0):
        """Asked again and again, as a client would, until the job has ended."""
        return until(lambda: self("GET", f"jobs/{job_id}"), lambda job: job["status"] in ENDED, seconds=seconds)


def until(ask: Callable, is_enough: Callable, *, seconds: float):
    ends = time.monotonic() + seconds
    while True:
        found = ask()
        if is_enough(found):
            return found
        assert time.monotonic() < ends, f"still {found} after {seconds} s"


def up(data, port: int, *options: str):
    variables = {"JUNCTION_API_KEY": KEY, "JUNCTION_ALLOW_NETWORKS": ""}
    return processes.running("up", "--port", str(port), *options, JUNCTION_DATA=str(data), **variables)


def rows(path, statement: str):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(statement).fetchall()


def test_the_first_start_runs_the_demonstration_and_its_failed_records_can_be_mended(tmp_path):
    data, port = tmp_path / "data", servers.free_port()
    with up(data, port) as process:
        said = process.wait_for("Demo")
        assert said.split()[-1] == f"http://127.0.0.1:{port}/console/executions/execution/"
        api = Api(port)
        [flow] = api("GET", "flows")
        [run] = api("GET", f"flows/{flow['_id']}/jobs/latest")
        job = api.ended_job(run["_id"])
        assert (job["status"], job["numExport"]) == ("completed", shop.ORDERS)
        assert (job["numError"], job["numOpenError"], job["numPagesGenerated"]) == (shop.ORDERS - GOOD, 23, 6)
        [family] = api("GET", f"flows/{flow['_id']}/jobs/latest")
        counts = [(child["numSuccess"], child["numError"]) for child in family["children"]]
        assert counts == [(3000, 0), (3000 - UNKNOWN, UNKNOWN), (GOOD, UNREADABLE + REFUSED), (GOOD, 0)]
        assert_both_targets_hold(data, orders=GOOD)
        check_errors(api, flow)
        mend_and_retry(api, flow)
        assert_both_targets_hold(data, orders=GOOD + 2)
        follow_the_readme(api, data)
        asked = [line for line in process.lines if '"path": "/demo/' in line]
        assert not asked, "the sample systems' requests fill the log"
        assert process.end() == 0
    start_again_elsewhere(data)


def assert_both_targets_hold(data, *, orders: int) -> None:
    received = rows(data / "junction.sqlite3", "SELECT number, received, document FROM ops_demoorder ORDER BY number")
    assert len(received) == orders
    assert {times for _, times, _ in received} == {1}, "an order was sent twice"
    [path] = (data / "files").glob("*/demo/sales.sqlite3")
    table = rows(path, "SELECT number, total, currency, crm_id FROM orders ORDER BY number")
    sent = [(number, json.loads(document)) for number, _, document in received]
    assert table == [(number, order["total"], order["currency"], f"crm-{number}") for number, order in sent]


def check_errors(api: Api, flow) -> None:
    lookup, crm = api.step("Customer of the order"), api.step("Orders into the CRM")
    assert open_errors(api, flow) == {lookup: UNKNOWN, crm: UNREADABLE + REFUSED}
    unknown = api("GET", f"flows/{flow['_id']}/{lookup}/errors")["errors"]
    assert sorted(error["traceKey"] for error in unknown) == ["SO-100092", "SO-101507", "SO-102611"]
    assert all("There is no customer" in error["message"] for error in unknown)
    refused = api("GET", f"flows/{flow['_id']}/{crm}/errors")["errors"]
    unreadable = {error["traceKey"]: error["message"] for error in refused if error["source"] == "mapping"}
    assert sorted(unreadable) == ["SO-100417", "SO-101288", "SO-102054", "SO-102733"]
    assert unreadable["SO-102733"] == 'total: "twelve" is not a number'
    assert sum("is not an e-mail address" in error["message"] for error in refused) == REFUSED


def mend_and_retry(api: Api, flow) -> None:
    """A record is mended where it is kept, and goes on from where it stopped."""
    crm = api.step("Orders into the CRM")
    refused = api("GET", f"flows/{flow['_id']}/{crm}/errors")["errors"]
    unreadable = next(error for error in refused if error["source"] == "mapping")
    bad_email = next(error for error in refused if error["source"] == "application")
    mend(api, flow, crm, unreadable, lambda order: order.update(amount="12.00"))
    mend(api, flow, crm, bad_email, lambda order: order["customer"].update(email="lena.park@example.com"))
    retry(api, flow, crm, [unreadable, bad_email])


def retry(api: Api, flow, step: str, errors) -> None:
    before = open_errors(api, flow)[step]
    keys = [error["retryDataKey"] for error in errors]
    answer = api("POST", f"flows/{flow['_id']}/{step}/retry", {"retryDataKeys": keys})
    job = api.ended_job(answer["_id"])
    assert (job["status"], job["type"], job["numError"]) == ("completed", "retry", 0)
    assert open_errors(api, flow)[step] == before - len(errors)


def open_errors(api: Api, flow) -> dict[str, int]:
    counted = api("GET", f"flows/{flow['_id']}/errors")["flowErrors"]
    return {row["_expOrImpId"]: row["numError"] for row in counted}


def mend(api: Api, flow, step: str, error, change: Callable) -> None:
    path = f"flows/{flow['_id']}/{step}/{error['retryDataKey']}/data"
    kept = api("GET", path)
    change(kept["data"])
    api("PUT", path, kept)


def follow_the_readme(api: Api, data) -> None:
    """Its commands, as they stand there: a flow, a mended record; a customer's account, an action and news of it."""
    text = README.read_text()
    text = text[text.index("<!-- tutorial:") : text.index("<!-- tutorial ends")]
    commands = "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    for written, here in (
        ("KEY=jk_...", f"KEY={KEY}"), ("http://127.0.0.1:8000", api.base), (".junction/", f"{data}/"),
    ):  # fmt: skip
        assert written in commands
        commands = commands.replace(written, here)
    done = subprocess.run(
        ["bash", "-euc", commands], cwd=data, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]
    connection, run, errors, kept, _, retried, *embedding = answers
    assert connection["type"] == "filesystem"
    assert (run["numSuccess"], run["numError"]) == (shop.ORDERS - UNREADABLE, UNREADABLE)
    assert kept["traceKey"] == "SO-102733" and "SO-102733" in [error["traceKey"] for error in errors["errors"]]
    assert (retried["type"], retried["numSuccess"], retried["numError"]) == ("retry", 1, 0)
    assert "order,total\nSO-100001,177\nSO-100002,274.6\n" in done.stdout
    token, session, refused, flows, subscription, _, inbox, deliveries, waiting, approved, told = embedding
    assert token["key"] == {"key": "******"} and session["url"].startswith(f"{api.base}/connect/")
    assert refused == {"error": 'input.limit: the value is not of type "integer".'}
    assert len(flows) == 1 and subscription["id"]
    [message] = inbox["messages"]
    assert json.loads(message["body"])["data"] == {"order": "SO-1", "paid": True}
    assert [(row["state"], row["status"]) for row in deliveries] == [("succeeded", 200)]
    assert waiting["items"][0]["id"] == approved["id"] and approved["reviewedAt"]
    assert [json.loads(message["body"]) for message in told["messages"]] == [{"service": "checkout"}]


def start_again_elsewhere(data) -> None:
    """Nothing is installed or run twice, and a retry finds the sample systems at their new port."""
    port = servers.free_port()
    with up(data, port) as process:
        process.wait_for("Console")
        api = Api(port)
        flow, _ = api("GET", "flows")
        assert [job["type"] for job in api("GET", f"jobs?_flowId={flow['_id']}")] == ["retry", "flow"]
        lookup = api.step("Customer of the order")
        [unknown, *_] = api("GET", f"flows/{flow['_id']}/{lookup}/errors")["errors"]
        mend(api, flow, lookup, unknown, lambda order: order.update(customer_id="C-1001"))
        retry(api, flow, lookup, [unknown])
        assert "Demo" not in process.output
        assert process.end() == 0
    assert_both_targets_hold(data, orders=GOOD + 3)
