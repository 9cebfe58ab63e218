"""A target goes down: told once, by mail and signed webhook, also through a kill; it comes back, and that is told."""

from contextlib import closing

from standardwebhooks import Webhook

from tests.stories.conftest import until
from tests.systems import System

SECRET = "whsec_" + "c2VjcmV0" * 4


def test_a_target_that_goes_down_is_told_once_and_so_is_its_return(junction, letters, system):
    system.take("/alarms")
    target = System()
    target.take("/orders")
    target.routes["GET /orders"] = lambda call: {"data": [{"id": 1, "name": "Ada"}]}
    port = target.port
    flow, connection = make_flow(junction, target.url)
    alarms = [make_alarm(junction, kind, system) for kind in ("broken_connection", "execution_failed")]
    run_to_end(junction, flow, "completed")

    target.stop()
    run(junction, flow)
    until(lambda: len(letters.letters) == 1 and len(system.made("POST /alarms")) == 1, what="the alarm is told")
    assert letters.subjects == ["[My organization] Connection broken: connection Shop"]
    (text,) = letters.texts
    assert f"{junction.url}/console/connections/connection/{connection}/change/" in text
    assert "What to do   Open the connection and ping it" in text
    assert told(system) == [("alarm.firing", "connection Shop")]
    assert state_of(junction, alarms[0]) == "firing"

    junction.kill()
    junction.up()
    run(junction, flow)
    until(lambda: parked(junction, flow), what="the second run waits for the connection too")
    assert len(letters.letters) == 1

    with closing(Returned(port)) as target:
        junction.call("GET", f"/v1/connections/{connection}/ping")
        until(lambda: len(letters.letters) == 2 and len(system.made("POST /alarms")) == 2, what="its return is told")
        assert letters.subjects[1].startswith("[My organization] Recovered after ")
        assert letters.subjects[1].endswith(": Connection broken: connection Shop")
        assert told(system)[1:] == [("alarm.recovered", "connection Shop")]
        until(lambda: not open_jobs(junction, flow), what="what waited has gone on")
        assert len(target.system.made("POST /orders")) == 2
    assert state_of(junction, alarms[0]) == "ok"
    log = junction.call("GET", f"/v1/alarms/{alarms[0]}/log")
    assert [(row["what"], row["channel"], row["state"], row["attempts"]) for row in log] == [
        ("firing", "email", "sent", 1),
        ("firing", "webhook", "sent", 1),
        ("recovered", "email", "sent", 1),
        ("recovered", "webhook", "sent", 1),
    ]
    assert junction.call("GET", f"/v1/alarms/{alarms[1]}/log") == []  # its runs waited; none failed


class Returned:
    """The target, at the address where it stood."""

    def __init__(self, port):
        self.system = System(port=port)
        self.system.take("/orders")
        self.system.routes["GET /orders"] = lambda call: {"data": [{"id": 1, "name": "Ada"}]}
        self.system.routes["GET /"] = lambda call: {}

    def close(self):
        self.system.stop()


def make_flow(junction, url):
    http = {"baseURI": url, "mediaType": "json", "auth": {"type": "custom"}}
    connection = junction.make("connections", {"name": "Shop", "type": "http", "http": http})
    export = junction.make("exports", {
        "name": "Orders", "_connectionId": connection,
        "http": {"method": "GET", "relativeURI": "/orders", "response": {"resourcePath": "data"}},
    })  # fmt: skip
    import_ = junction.make("imports", {
        "name": "Send", "_connectionId": connection, "http": {"method": ["POST"], "relativeURI": ["/orders"]},
        "mappings": [{"generate": "id", "dataType": "number", "extract": "$.id", "status": "Active"}],
    })  # fmt: skip
    flow = junction.make("flows", {
        "name": "Orders", "pageGenerators": [{"_exportId": export}],
        "pageProcessors": [{"type": "import", "_importId": import_}],
    })  # fmt: skip
    return flow, connection


def make_alarm(junction, kind, system):
    channels = [
        {"type": "email", "to": ["night@acme.example"]},
        {"type": "webhook", "url": f"{system.url}/alarms", "secret": SECRET},
    ]
    return junction.make("alarms", {"name": kind, "kind": kind, "channels": channels})


def told(system):
    found = [Webhook(SECRET).verify(call.body, call.headers) for call in system.made("POST /alarms")]
    return [(message["type"], message["data"]["firings"][0]["title"]) for message in found]


def state_of(junction, alarm):
    return junction.call("GET", f"/v1/alarms/{alarm}")["state"]


def run(junction, flow):
    return junction.call("POST", f"/v1/flows/{flow}/run", {})["_jobId"]


def run_to_end(junction, flow, status):
    job = run(junction, flow)
    found = until(
        lambda: (row := junction.call("GET", f"/v1/jobs/{job}"))["status"] not in ("queued", "running") and row,
        what="the run ends",
    )
    assert found["status"] == status, found


def open_jobs(junction, flow):
    rows = junction.call("GET", f"/v1/jobs?_flowId={flow}")
    return [row for row in rows if row["status"] in ("queued", "running")]


def parked(junction, flow):
    return len(open_jobs(junction, flow)) == 2
