"""Subscriptions of an end user: to a trigger of a connector that needs no registration with anybody."""

import re
from typing import Any

from apps.accounts.models import EndUser
from apps.subscriptions.services import subscribe
from tests.connections.making import make_connector, make_credential
from tests.contracts.parts import Part, World
from tests.subscriptions.conftest import make_trigger

BY_PATH = "/v1/connector/{}/trigger/{}/subscription"
ONE = "/v1/subscription/{}"
CALENDAR = "calendar+v1@acme.example"
TRIGGER = "event.created+moved@calendar"
HOOK = "https://example.com/hook"


def furnish(world: World) -> None:
    connector = make_connector(world.organization, name=CALENDAR)
    make_trigger(connector, TRIGGER, {"trigger": {"output": "{{ input.data }}"}})
    user = EndUser.objects.get(pk=world.ids["userUuid"])
    credential = make_credential(user, connector, token="t0ken")
    row = subscribe(
        actor=world.actor, connector=connector, trigger=TRIGGER, end_user=user, credential_id=str(credential.id),
        url=HOOK, variables={"calendar": "primary"},
    )  # fmt: skip
    world.ids |= {"subscriptionId": str(row.id), "userCredentialId": str(credential.id)}


def by_names(world: World) -> Any:
    return {
        "platform": "interactor",
        "service": CALENDAR,
        "userCredentialId": world.ids["userCredentialId"],
        "connectorVersion": "1.0.0",
        "trigger": TRIGGER,
        "url": HOOK,
        "variables": {"calendar": "primary"},
    }


PART = Part(
    furnish=furnish,
    paths=re.compile(rf"/v1/subscription|{re.escape(ONE)}|{re.escape(BY_PATH)}"),
    bodies={
        ("POST", BY_PATH): lambda world: {"url": HOOK, "variables": {}},
        ("POST", "/v1/subscription"): by_names,
    },
    elsewhere={("POST", BY_PATH): {"connectorId": CALENDAR, "triggerId": TRIGGER}},
    reads_back={("POST", BY_PATH): None, ("POST", "/v1/subscription"): None},
)
