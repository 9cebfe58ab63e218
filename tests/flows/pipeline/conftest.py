"""A flow from a paged source to a sink, and a worker that runs in the test's own process."""

import time

import pytest
from django.conf import settings
from django.db import connection as db

from apps.connections.models import Connection
from apps.executions.explain import explain
from apps.executions.models import Execution
from apps.flows.models import Export, Flow, Import
from apps.flows.services.runs import run_flow
from apps.work import drain
from apps.work.models import WorkItem
from tests.api import Api

IDENTITY = [
    {"generate": "external_id", "dataType": "number", "extract": "$.id", "status": "Active"},
    {"generate": "name", "dataType": "string", "extract": "$.name", "status": "Active"},
]


class Workshop:
    """Builds documents with few words and runs them to rest."""

    def __init__(self, owner, system):
        self.owner, self.system = owner, system
        self.connection = self.connect(system.url)

    def connect(self, url, **fields):
        document = {"http": {"baseURI": url, "mediaType": "json", "auth": {"type": "custom"}}}
        return Connection.objects.create(
            organization=self.owner.organization, name="system", type="http", document=document, **fields
        )

    def export(self, uri="/orders?page={{export.http.paging.page}}", **members):
        http = {"method": "GET", "relativeURI": uri, "response": {"resourcePath": "data"}}
        if "paging" in uri:
            http["paging"] = {"method": "page", "page": 1, "maxPagePath": "pages"}
        http |= members.pop("http", {})
        columns = {k: members.pop(k) for k in ("type", "is_lookup") if k in members}
        return Export.objects.create(
            organization=self.owner.organization, name="orders", adaptor_type="HTTPExport",
            connection=members.pop("connection", self.connection), document={"http": http, "pageSize": 10, **members},
            **columns,
        )  # fmt: skip

    def import_(self, uri="/sink", **members):
        http = {"method": ["POST"], "relativeURI": [uri]} | members.pop("http", {})
        document = {"http": http, "mappings": IDENTITY, **members}
        return Import.objects.create(
            organization=self.owner.organization, name="sink", adaptor_type="HTTPImport",
            connection=self.connection, document=document,
        )  # fmt: skip

    def flow(self, export=None, *processors, **members):
        from apps.core.ids import hex24

        export = export or self.export()
        steps = []
        for step in processors or (self.import_(),):
            row, extra = step if isinstance(step, tuple) else (step, {})
            kind = "import" if isinstance(row, Import) else "export"
            steps.append({"type": kind, f"_{kind}Id": hex24(row.id), **extra})
        document = {"pageGenerators": [{"_exportId": hex24(export.id)}], "pageProcessors": steps, **members}
        return Flow.objects.create(organization=self.owner.organization, name="flow", document=document)

    def start(self, flow, **options):
        return run_flow(actor=self.owner.actor, flow=flow, **options)

    def work(self):
        """A worker's drain until nothing is due."""
        while drain.drain("flows"):
            pass

    def run(self, flow, **options):
        execution = self.start(flow, **options)
        self.work()
        execution.refresh_from_db()
        return execution

    def finish(self, execution, *, seconds=30.0):
        """Works, through whatever waits there are, until it has ended."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.work()
            execution.refresh_from_db()
            if execution.is_terminal:
                return execution
            time.sleep(0.02)
        raise AssertionError(f"{execution.state}: {explain(execution)}")

    def at_rest(self):
        return not WorkItem.objects.exists() and not db.in_atomic_block


@pytest.fixture
def workshop(transactional_db, owner, system):
    return Workshop(owner, system)


@pytest.fixture
def folder(workshop):
    path = settings.JUNCTION_FILE_ROOT / workshop.owner.organization.id.hex
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture
def files(workshop):
    return Connection.objects.create(organization=workshop.owner.organization, name="files", type="filesystem")


@pytest.fixture
def api(owner):
    return Api(owner)


@pytest.fixture
def plan(workshop, api):
    """Asks for a plan and works it; answers its execution."""

    def ask(flow, **body):
        answer = api.post(f"/v1/flows/{flow.hex_id}/run", {"mode": "plan", **body})
        assert answer.status_code == 201, answer.content
        workshop.work()
        return Execution.objects.for_actor(workshop.owner.actor).find(answer.json()["_executionId"])

    return ask


@pytest.fixture
def apply(workshop, api):
    """Applies a plan and works that; answers its execution, or the refusal."""

    def ask(execution, flow):
        answer = api.post(f"/v1/flows/{flow.hex_id}/run", {"apply": execution.hex_id})
        if answer.status_code != 201:
            return answer
        workshop.work()
        return Execution.objects.for_actor(workshop.owner.actor).find(answer.json()["_executionId"])

    return ask
