"""A worker killed while an action's request is on its way: what is done stays done, the effect of the write decides
whether it is sent again, and a cancel reaches what the run had started before."""

import json
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException

import pytest

from tests import processes, servers
from tests.chaos.rig import ENVIRONMENT, KEY, ROOT
from tests.systems import System

SECONDS = 90.0


class Installation:
    def __init__(self, data):
        self.port = servers.free_port()
        self.variables = {**ENVIRONMENT, "JUNCTION_DATA": str(data)}
        self.process = None

    def up(self):
        arguments = ["up", "--no-demo", "--port", str(self.port)]
        self.process = processes.Process(arguments, self.variables)
        self.process.wait_for("Junction is up", seconds=4 * SECONDS)

    def kill(self):
        self.process.kill()

    def seed(self, url):
        said = subprocess.run(
            [sys.executable, "-m", "tests.automations.seed", url], env=processes.surroundings(self.variables), cwd=ROOT,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert said.returncode == 0, said.stderr

    def call(self, method, path, body=None):
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as client:
            headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
            client.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = client.getresponse()
            text = answer.read()
            assert answer.status in (200, 201), text
            return json.loads(text)

    def ended(self, run):
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            try:
                found = self.call("GET", f"/api/v1/flow-runs/{run}")
            except (OSError, HTTPException):
                continue
            if found["endTime"]:
                return found
            time.sleep(0.1)
        raise AssertionError(f"not ended after {SECONDS} s: {found}\n{self.process.output[-3000:]}")


@pytest.fixture
def installation(tmp_path):
    found = Installation(tmp_path / "data")
    yield found
    found.kill()


@pytest.fixture
def shop():
    """Keeps each first request waiting until it is told otherwise."""
    system = System()
    system.arrived, system.answer = threading.Semaphore(0), threading.Event()

    def slowly(call):
        system.arrived.release()
        assert system.answer.wait(SECONDS)
        return {"ok": True}

    system.routes["POST *"] = slowly
    yield system
    system.answer.set()
    system.stop()


def flow_to(installation, url):
    """Of one order to two sinks, one after the other."""

    def make(what, **document):
        return installation.call("POST", f"/v1/{what}", {"name": what, **document})["_id"]

    http = {"baseURI": url, "mediaType": "json", "auth": {"type": "custom"}}
    own = {"_connectionId": make("connections", type="http", http=http)}
    export = make(
        "exports", **own, http={"method": "GET", "relativeURI": "/orders", "response": {"resourcePath": "data"}}
    )
    mapping = {"generate": "id", "dataType": "number", "extract": "$.id", "status": "Active"}
    sinks = [
        make("imports", **own, http={"method": ["POST"], "relativeURI": [path]}, mappings=[mapping])
        for path in ("/first", "/second")
    ]
    steps = [{"type": "import", "_importId": sink} for sink in sinks]
    return make("flows", pageGenerators=[{"_exportId": export}], pageProcessors=steps)


def a_run_is_canceled_after_a_kill_and_so_is_its_flow(installation, shop):
    shop.serve_pages("/orders", [{"id": 1}])
    flow = flow_to(installation, shop.url)
    step = {"type": "runFlow", "id": "sync", "args": {"flowId": flow}}
    document = {"id": "sync", "title": "Sync", "type": "selfServiceAction", "actions": [step]}
    installation.call("POST", "/api/v1/flows", document)
    run = installation.call("POST", "/api/v1/flow-runs", {"flowId": "sync"})["id"]
    assert shop.arrived.acquire(timeout=SECONDS), installation.process.output[-3000:]
    installation.kill()
    installation.up()
    assert shop.arrived.acquire(timeout=SECONDS), "the flow goes on where it was"
    canceled = installation.call("PUT", f"/v1/executions/{run}/cancel", {})
    shop.answer.set()
    assert canceled["state"] == "canceled", "it only waited"
    [job] = [one for one in installation.call("GET", f"/v1/jobs?_flowId={flow}") if one["type"] == "flow"]
    while job["status"] not in ("completed", "failed", "canceled"):
        job = installation.call("GET", f"/v1/jobs/{job['_id']}")
    assert (job["status"], job["canceledBy"]) == ("canceled", canceled["canceledBy"])
    first = shop.made("POST /first")
    assert len(first) == 2 and len({call.headers["Idempotency-Key"] for call in first}) == 1
    assert shop.made("POST /second") == [], "what had not begun before the cancel never does"


def test_a_killed_workers_actions_obey_their_effects(installation, shop):
    installation.up()
    installation.seed(shop.url)
    before = {}
    a_run_is_canceled_after_a_kill_and_so_is_its_flow(installation, shop)
    for name in ("key", "none"):
        shop.answer.clear()
        while shop.arrived.acquire(blocking=False):
            pass  # what was sent again by the run before
        installation.call("POST", "/api/v1/flow-runs", {"id": f"run-{name}", "flowId": name})
        assert shop.arrived.acquire(timeout=SECONDS), installation.process.output[-3000:]
        before[name] = installation.call("GET", f"/api/v1/flow-runs/run-{name}")
        installation.kill()
        shop.answer.set()
        installation.up()
        installation.ended(f"run-{name}")
    keyed, unsure = installation.ended("run-key"), installation.ended("run-none")

    assert (keyed["phase"], keyed["outputs"]) == ("succeeded", {"got": {"ok": True}})
    assert installation.call("GET", "/api/v1/entities/key")["title"] == "after"
    sent = shop.made("POST /key")
    assert len(sent) == 2 and len({call.headers["Idempotency-Key"] for call in sent}) == 1, "sent again as the same"
    assert keyed["actions"][0] == before["key"]["actions"][0], "what was done before the kill is not done again"

    assert unsure["phase"] == "failed" and "in doubt" in unsure["logs"][-1]["message"]
    assert len(shop.made("POST /none")) == 1, "what may have arrived, and cannot be repeated, is not"
    assert installation.call("GET", "/api/v1/entities/none")["title"] == "none", "later actions did not run"
