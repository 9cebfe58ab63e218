"""Good bodies of flows, scripts, lookup caches and integrations: together they send every documented member."""

from collections.abc import Callable
from typing import Any

from tests.contracts.world import GROUP, World

Field = tuple[str, str]  # schema, member
Documents = list[Callable[[World], dict[str, Any]]]
FORM = {"form": {"fieldMap": {"currency": {"type": "text"}}, "layout": {"fields": ["currency"]}}}
PAID = {"version": "1", "rules": ["equals", ["extract", "paid"], True]}


def hook(world: World, **members: Any) -> dict[str, Any]:
    return {"_scriptId": world.ids["script"], "function": "f", **members}


def steps(world: World) -> list[dict[str, Any]]:
    pairs = [{"extract": "data[0].name", "generate": "customer.name"}]
    return [
        {
            "type": "export",
            "_exportId": world.ids["lookup"],
            "proceedOnFailure": True,
            "responseMapping": {"fields": pairs, "lists": [{"generate": "found", "fields": pairs}]},
            "hooks": {"postResponseMap": hook(world, configuration={"deep": [1]})},
            "setupInProgress": False,
        },
        {"type": "import", "_importId": world.ids["import"]},
    ]


def straight(world: World) -> dict[str, Any]:
    """With all that may be said of any flow."""
    return {
        "name": "Orders to ERP",
        "description": "every night",
        "disabled": True,
        "timezone": "America/Los_Angeles",
        "schedule": "? 0 2 ? * *",
        "_integrationId": world.ids["integration"],
        "skipRetries": True,
        "pageGenerators": [
            {
                "_id": "0123456789abcdef01234567", "_exportId": world.ids["export"], "schedule": "? */15 * * * *",
                "skipRetries": True, "setupInProgress": False, "_keepDeltaBehindFlowId": world.ids["flow"],
                "_keepDeltaBehindExportId": world.ids["export"],
            }
        ],
        "pageProcessors": steps(world),
        "_runNextFlowIds": [world.ids["flow"]],
        "runPageGeneratorsInParallel": True,
        "autoResolveMatchingTraceKeys": True,
        "_flowGroupingId": GROUP,
        "settings": {"currency": "EUR"},
        "settingsForm": FORM,
        "aliases": [
            {
                "alias": "the_orders", "description": "what is read", "_exportId": world.ids["export"],
                "_importId": world.ids["import"], "_connectionId": world.ids["connection"],
                "_flowId": world.ids["flow"],
            }
        ],
        "isAbstract": True,
        "_abstractFlowId": world.ids["flow"],
        "overrides": {"pageSize": 50},
    }  # fmt: skip


def of_old(world: World) -> dict[str, Any]:
    named = {"_exportId": world.ids["export"], "_importId": world.ids["import"]}
    return {"name": "Of old", "disabled": False, **named}


def branching(world: World) -> dict[str, Any]:
    expression = {"type": "expression", "version": "1", "rules": PAID["rules"], "expression": PAID}
    script = {"type": "script", "script": hook(world)}
    return {
        "name": "Branches",
        "disabled": False,
        "pageGenerators": [{"_exportId": world.ids["export"]}],
        "routers": [
            {
                "id": "r1",
                "name": "Paid or not",
                "routeRecordsTo": "all_matching_branches",
                "routeRecordsUsing": "input_filters",
                "branches": [
                    {"name": "paid", "description": "with money", "inputFilter": expression, "nextRouterId": "r2"},
                    {"name": "odd", "inputFilter": script, "pageProcessors": steps(world)},
                    {"name": "rest"},
                ],
            },
            {"id": "r2", "routeRecordsUsing": "script", "script": hook(world), "branches": [{"name": "one"}]},
        ],
    }


FLOWS: Documents = [straight, of_old, branching]
STACK = "hosted code of the vendor's: none can be named, so the id is refused"
CLONED = "a copy remembers what it was made of, and cloning is not built"
TEMPLATE = "the vendor's template market does not exist here"
PACKAGE = "the vendor's packaged integrations do not exist here"
FLOWS_EXCUSED: dict[Field, str] = {
    ("HookRef", "_stackId"): STACK,
    ("Flow", "free"): "a licence of the vendor's: nothing is sold here",
    ("Flow", "_sourceId"): CLONED,
    ("Flow", "_templateId"): TEMPLATE,
    ("Flow", "_connectorId"): PACKAGE,
}

SCRIPTS: Documents = [
    lambda world: {
        "name": "Hooks",
        "description": "what they do",
        "content": "function f(options) { return options.data }",
        "postResponseHookToProcessOnChildRecord": True,
        "sandbox": False,
    }
]
SCRIPTS_EXCUSED: dict[Field, str] = {
    ("Script", "debugUntil"): "scripts keep no log that a person could switch on",
    ("Script", "_sourceId"): CLONED,
}

LOOKUP_CACHES: Documents = [
    lambda world: {
        "name": "Rates",
        "description": "by currency",
        "includeDataInTemplatesAndCloning": True,
        "_integrationId": world.ids["integration"],
        "externalId": "rates-1",
    }
]


def install_step(world: World, kind: str) -> dict[str, Any]:
    return {
        "name": f"Step {kind}", "description": "what to do", "imageURL": "https://img.example/1.png",
        "installURL": "https://shop.example/install", "type": kind, "completed": False,
        "_connectionId": world.ids["connection"], "sourceConnection": {"type": "http"}, "form": FORM["form"],
        "function": "f", "_scriptId": world.ids["script"], "installerFunction": "install",
        "uninstallerFunction": "uninstall", "url": "https://shop.example",
    }  # fmt: skip


def whole_folder(world: World) -> dict[str, Any]:
    kinds = ("connection", "form", "url", "stack", "installPackage", "merge", "revert", "hidden")
    return {
        "name": "Shop to ERP",
        "description": "orders and customers",
        "readme": "read me",
        "tag": "north",
        "version": "1.0.0",
        "mode": "settings",
        "settings": {"currency": "EUR"},
        "settingsForm": FORM,
        "updateInProgress": False,
        "install": [install_step(world, kinds[0])],
        "installSteps": [install_step(world, kind) for kind in kinds],
        "uninstallSteps": [install_step(world, "hidden")],
        "flowGroupings": [{"_id": GROUP, "name": "Nightly", "settings": {"at": 2}, "settingsForm": FORM}],
        "aliases": [
            {
                "alias": "the_orders", "description": "what is read", "_exportId": world.ids["export"],
                "_importId": world.ids["import"], "_connectionId": world.ids["connection"],
                "_flowId": world.ids["flow"],
            }
        ],
        "_parentId": world.ids["integration"],
        "preSave": hook(world, configuration={"deep": [1]}),
        "initChild": {"function": "f"},
    }  # fmt: skip


INTEGRATIONS: Documents = [whole_folder]
INTEGRATIONS_EXCUSED: dict[Field, str] = {
    ("HookRef", "_stackId"): STACK,
    ("Integration", "_connectorId"): PACKAGE,
    ("Integration", "_templateId"): TEMPLATE,
    ("Integration", "_sourceId"): CLONED,
    ("Integration", "sandbox"): "an account of the vendor's has a second one for trials; an organization here has not",
}
