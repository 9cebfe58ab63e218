"""A world with a life behind it: a flow has run against a real shop, failed in parts, was retried and canceled."""

from typing import Any

from apps.connections.resource import CONNECTIONS
from apps.executions.models import Execution, RecordError
from apps.executions.services import cancel_execution
from apps.flows.models import Flow
from apps.flows.services import record_errors
from apps.flows.services.resources import EXPORTS, FLOWS, IMPORTS
from apps.flows.services.runs import retry_errors, run_flow
from apps.integrations.services import INTEGRATIONS
from apps.work import drain
from tests.contracts.world import HTTP_CONNECTION, World, build_rows
from tests.systems import Answer, Call, System

REFUSED = tuple(f"order-{number}" for number in range(1, 8))
REFUSED_PING = {"relativeURI": "/nothing"}
ORDERS = [*({"id": name, "amount": "1.50"} for name in REFUSED), {"id": "order-8", "amount": "twelve"}]
ORDERS += [{"id": "order-9", "amount": "2.50"}]
SOURCE = {
    "name": "Newer orders",
    "adaptorType": "HTTPExport",
    "type": "delta",
    "http": {
        "method": "GET",
        "relativeURI": "/orders?since={{{lastExportDateTime}}}",
        "response": {"resourcePath": "data"},
    },
    "traceKeyTemplate": "{{{record.id}}}",
    "dataURITemplate": "https://shop.example/orders/{{{record.id}}}",
}
SINK = {
    "name": "Keep orders",
    "adaptorType": "HTTPImport",
    "http": {"method": ["POST"], "relativeURI": ["/kept"], "requestMediaType": "json"},
    "mappings": [
        {"generate": "id", "dataType": "string", "extract": "$.id", "status": "Active"},
        {"generate": "amount", "dataType": "number", "extract": "$.amount", "status": "Active"},
    ],
    "traceKeyTemplate": "{{{record.id}}}",
    "dataURITemplate": "https://erp.example/orders/{{{id}}}",
}


def open_shop(system: System) -> None:
    system.routes["GET /orders"] = lambda call: {"data": ORDERS}
    system.routes["POST /kept"] = keep


def keep(call: Call) -> Any:
    name = call.json["id"]
    return Answer(400, {"error": "The target refused the record."}) if name in REFUSED else {"id": f"erp-{name}"}


def live(person: Any, system: System) -> World:
    """`flow`, `import`, `job`, `error` and `retryDataKey` are what has lived; `retry` and `canceled` further jobs."""
    open_shop(system)
    world, _, _ = build_rows(person, shop=system.url)
    actor, via = world.actor, {"_connectionId": world.ids["connection"]}
    source = EXPORTS.create(actor=actor, document={**SOURCE, **via})
    sink = IMPORTS.create(actor=actor, document={**SINK, **via})
    other = IMPORTS.create(actor=actor, document={**SINK, **via, "name": "Keep other orders"})
    flow = FLOWS.create(
        actor=actor,
        document={
            "name": "Night run",
            "_integrationId": world.ids["integration"],
            "pageGenerators": [{"_exportId": source.hex_id}],
            "pageProcessors": [{"type": "import", "_importId": sink.hex_id}],
        },
    )
    run = run_flow(actor=actor, flow=flow)
    work()
    settle(world, flow=flow, step=sink, run=run)
    canceled = run_flow(actor=actor, flow=flow)
    cancel_execution(actor=actor, execution=canceled)
    folder = INTEGRATIONS.readable(actor).find(world.ids["integration"])
    INTEGRATIONS.replace(actor=actor, row=folder, document={**INTEGRATIONS.show(folder), "name": "Shop and ERP"})
    numbers = {"pageGenerators": [{"_exportId": world.ids["numbers"]}]}
    idle, queued = (FLOWS.create(actor=actor, document={"name": name, **numbers}) for name in ("Idle", "Queued"))
    refusing = {**HTTP_CONNECTION, "http": {**HTTP_CONNECTION["http"], "baseURI": system.url, "ping": REFUSED_PING}}
    world.ids |= {
        "flow": flow.hex_id, "import": sink.hex_id, "source": source.hex_id, "sink": other.hex_id, "job": run.hex_id,
        "canceled": canceled.hex_id, "idle": idle.hex_id, "running": run_flow(actor=actor, flow=queued).hex_id,
        "refusing": CONNECTIONS.create(actor=actor, document=refusing).hex_id,
    }  # fmt: skip
    return world


def work() -> None:
    while drain.drain("flows"):
        pass


def settle(world: World, *, flow: Flow, step: Any, run: Execution) -> None:
    """What people do about failed records: two are resolved, some tagged and assigned, one is retried in vain."""
    errors = {row.trace_key: row for row in RecordError.objects.filter(execution=run)}
    assert len(errors) == len(REFUSED) + 1, "the shop has not refused what it should have"
    which = {"actor": world.actor, "flow": flow, "step_id": step.id}
    record_errors.resolve_errors(**which, error_ids=[errors[name].hex_id for name in REFUSED[:2]])
    left = [errors[name].hex_id for name in (*REFUSED[3:], "order-8")]
    record_errors.assign_errors(**which, error_ids=left, email="ann@acme.example")
    record_errors.tag_errors(**which, error_ids=left, tags=["vip"])
    retry = retry_errors(**which, retry_data_keys=[errors[REFUSED[2]].hex_id])
    work()
    world.ids |= {
        "retry": retry.hex_id, "retryDataKey": left[0], "resolved": errors[REFUSED[0]].hex_id,
        "error": left[0], "error2": left[1], "error3": left[2], "error4": left[3],
    }  # fmt: skip
