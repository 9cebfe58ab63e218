"""Connectors and all below them but what runs, tokens and subscriptions: good calls, on rows made by the services.

The surprise: things are addressed by their names, with dots, plus signs and `@` in them, and by virtual ids.
"""

import re
from typing import Any

from apps.accounts.models import EndUser
from apps.connectors.authoring import components, connectors, securities
from apps.connectors.authoring.author import Author
from tests.contracts.parts import Body, Part, World

ONE = "/v1/connector/{}"
PROGRAM = {"steps": [{"request": {"method": "GET", "url": "/me"}, "name": "me"}], "output": "{{ steps.me.body }}"}
INPUT = {"type": "object", "properties": {"to": {"type": "string", "title": "To", "x-required": True}}}
SCHEMA = {"variables": INPUT, "output": {"type": "object"}}
LABEL = {"en": "Send", "fi": "Lähetä"}
TRIGGER_LOGIC = {"create": PROGRAM, "delete": {"output": None}, "trigger": {"output": "{{ input.data }}"}}
EVENT_LOGIC = {"route": {"output": "{{ input.data.user }}"}, "response": {"output": {"ok": True}}}
SECURITY = {
    "label": {"en": "Sign in"},
    "scheme": "bearer",
    "type": "oauth2",
    "config": {"tokenUrl": "https://id.example/token", "clientId": "junction", "clientSecret": "s3cr3t"},
}
COMPONENTS: dict[str, dict[str, Any]] = {
    "datatype": {"name": "contact+list@crm", "schema": SCHEMA, "logic": {"execute": PROGRAM}},
    "variable": {"label": LABEL, "name": "region", "config": {"value": "eu"}, "required": True, "schema": SCHEMA},
    "action": {
        "label": LABEL, "name": "email.draft.create", "tag": ["mail", "draft"], "schema": SCHEMA,
        "logic": {"execute": PROGRAM},
    },
    "event": {
        "name": "message.received", "type": "webhook", "config": {"secretHeader": "X-Sign"}, "setting": {"retry": 3},
        "logic": EVENT_LOGIC,
    },
    "trigger": {"label": LABEL, "name": "email.sent", "schema": SCHEMA, "logic": TRIGGER_LOGIC},
    "function": {
        "label": LABEL, "name": "addNumbers", "argument": "a, b", "language": "javascript", "schema": SCHEMA,
        "logic": {"execute": {"language": "javascript", "source": "function execute(scope) { return 1 }"}},
    },
    "condition": {"label": LABEL, "name": "is.vip", "schema": SCHEMA, "logic": {"execute": {"output": True}}},
}  # fmt: skip
PARAMETERS = {kind: f"{kind}Id" for kind in COMPONENTS} | {"condition": "condition_id"}
BELOW = "|".join(["version", "security", *COMPONENTS])
BY_NAME = ("action", "event", "trigger")


def furnish(world: World) -> None:
    author = Author(world.actor, EndUser.objects.get(pk=world.ids["userUuid"]))
    connector = connectors.create_connector(author=author, body=connector_body("acme.crm+v1@eu"))
    version = connectors.create_version(author=author, connector=connector, body=version_body("1.0.0"))
    body = {**SECURITY, "type": "oauth2"}
    security = securities.create_security(author=author, connector=connector, body=body, text="main@crm.example")
    connector.refresh_from_db()
    world.ids |= {
        "connectorId": connector.name,
        "connectorUuid": str(connector.pk),
        "connectorVersionId": version.name,
        "securityId": security.name,
        "securityUuid": str(security.pk),
    }
    for kind, written in COMPONENTS.items():
        row = components.create_component(author=author, connector=connector, kind=kind, body=written)
        by_name = kind in BY_NAME
        world.ids[PARAMETERS[kind]] = row.component.name if by_name else str(row.component_id)
        world.ids[f"{kind}Row"] = str(row.pk)


def connector_body(name: str) -> dict[str, Any]:
    return {
        "name": name, "type": "1", "platformId": "acme", "sharing": "all", "icon": "https://crm.example/icon.svg",
        "displayOrder": 7, "enabled": True,
    }  # fmt: skip


def version_body(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": LABEL,
        "logic": {"auth": {"output": {"headers": {}}}, "error": {"output": "no"}},
        "setting": {"baseUrl": "https://crm.example/api", "region": "eu"},
    }


def given(body: Any) -> Body:
    return lambda world: body


def renamed(kind: str) -> Body:
    return given({**COMPONENTS[kind], "name": f"{COMPONENTS[kind]['name']}.2"})


def change_of(kind: str) -> Body:
    """Of a published version only its component's name; a new version or a draft takes everything."""
    if kind == "trigger":
        return given({"name": "email.sent.renamed", "logic": TRIGGER_LOGIC})
    changed = {**COMPONENTS[kind], "name": f"{COMPONENTS[kind]['name']}.renamed"}
    if "label" in changed:
        changed["label"] = {"en": "Changed"}
    return given(changed)


def renamed_address(kind: str, *, by_name: bool) -> Any:
    """Where an update is found: by its new name, or under the virtual id as before."""

    def find(world: World, answer: Any) -> str:
        connector = f"/v1/connector/{world.ids['connectorUuid']}/{kind}"
        found = change_of(kind)(world)["name"] if by_name else world.ids[PARAMETERS[kind]]
        return f"{connector}/{found}"

    return find


def item(name: str) -> Any:
    return lambda world, answer: f"/v1/connector/{world.ids['connectorUuid']}/{name}"


BODIES: dict[tuple[str, str], Body] = {
    ("POST", "/v1/connector"): given(connector_body("Another one")),
    ("PUT", ONE): given({"name": "Renamed", "displayOrder": -1, "enabled": False, "icon": "data:,"}),
    ("POST", f"{ONE}/publish"): given({}),
    ("POST", f"{ONE}/version"): given({**version_body("2"), "published": True}),
    ("PUT", f"{ONE}/version/{{}}"): given({"label": {"en": "First"}, "setting": {"baseUrl": "https://two.example"}}),
    ("POST", f"{ONE}/security"): given(SECURITY),
    ("POST", f"{ONE}/security/{{}}"): given(SECURITY),
    ("PUT", f"{ONE}/security/{{}}"): given({**SECURITY, "scheme": "basic"}),
}
READS_BACK: dict[tuple[str, str], Any] = {
    ("POST", f"{ONE}/publish"): None,
    ("PUT", ONE): lambda world, answer: f"/v1/connector/{world.ids['connectorUuid']}",
    ("POST", f"{ONE}/security/{{}}"): lambda world, answer: item(f"security/{answer['id']}")(world, answer),
}
for _kind in COMPONENTS:
    BODIES["POST", f"{ONE}/{_kind}"] = renamed(_kind)
    BODIES["PUT", f"{ONE}/{_kind}/{{}}"] = change_of(_kind)
    READS_BACK["PUT", f"{ONE}/{_kind}/{{}}"] = renamed_address(_kind, by_name=_kind in BY_NAME)

PART = Part(
    furnish=furnish,
    paths=re.compile(rf"/v1/connector|{re.escape(ONE)}(/(publish|webhookSetting|({BELOW})(/{{}})?))?"),
    bodies=BODIES,
    reads_back=READS_BACK,
    elsewhere={("POST", f"{ONE}/security/{{}}"): {"securityId": "second@crm.example"}},
    unread=frozenset({"config"}),
    monitor_may_not_read=frozenset({f"{ONE}/webhookSetting"}),
)
