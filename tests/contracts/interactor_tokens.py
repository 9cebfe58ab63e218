"""Credentials of an end user, seen from the user and from the connector, and the way to a consent page."""

import re
from typing import Any
from urllib.parse import quote

from apps.accounts.models import EndUser
from apps.connections.credentials import store_credential
from apps.connections.models import Connection
from apps.connectors.models import Security
from tests.connections.making import make_connector
from tests.connections.oauth_world import make_security
from tests.contracts.parts import Part, World

CONNECTOR = "mail.acme+v1@eu"
TOKEN = "/v1/connector/{}/token/{}"
PLACE = {"connectorId": CONNECTOR}
CONFIG = {
    "authorizationUrl": "https://id.example/authorize",
    "tokenUrl": "https://id.example/token",
    "clientId": "junction",
    "clientSecret": "s3cr3t",
    "scopes": ["read"],
}


def furnish(world: World) -> None:
    user = EndUser.objects.get(pk=world.ids["userUuid"])
    connector = make_connector(world.organization, name=CONNECTOR)
    rows: list[Connection] = []
    for type, form, values in (
        ("apiKey", "key", {"key": "k3y"}),
        ("basic", "basic", {"username": "ann", "password": "pw"}),
        ("oauth2", "oauth", {"accessToken": "at", "refreshToken": "rt", "tokenType": "Bearer", "scope": "read"}),
    ):
        security: Security = make_security(connector, CONFIG if type == "oauth2" else {}, type=type, name=type)
        rows.append(store_credential(actor=world.actor, end_user=user, security=security, form=form, values=values))
    world.ids |= {"tokenId": str(rows[-1].id), "oauthSecurity": str(rows[-1].security_id)}


def token_body(world: World) -> Any:
    return {
        "name": "hello@interactor.com",
        "connectorSecurityId": world.ids["oauthSecurity"],
        "oauth": {"accessToken": "a", "refreshToken": "r", "tokenType": "Bearer", "scope": "read"},
    }


CHANGES = {"type": "oauth", "name": "updated token", "token": "b", "tokenType": "Bearer", "refreshToken": "s"}
CHANGES["connectorUrl"] = "https://eu.mail.example"
PART = Part(
    furnish=furnish,
    paths=re.compile(r"/v1/connector/{}/(token|oauth)(/{})?|/v1/user/{}/(token|credential)"),
    bodies={
        ("PUT", TOKEN): lambda world: CHANGES,
        ("POST", "/v1/user/{}/token"): token_body,
        ("POST", "/v1/user/{}/credential"): token_body,
    },
    queries={(method, TOKEN): lambda world: {"userId": world.ids["userId"]} for method in ("GET", "PUT", "DELETE")},
    elsewhere={
        (method, path): PLACE
        for path in ("/v1/connector/{}/token", TOKEN, "/v1/connector/{}/oauth")
        for method in ("GET", "PUT", "DELETE")
    },
    reads_back={("PUT", TOKEN): lambda world, answer: token_address(world), ("POST", "/v1/user/{}/token"): None},
    unread=frozenset({"type", "token", "tokenType", "refreshToken", "connectorUrl"}),
    monitor_may_not_read=frozenset({"/v1/user/{}/credential", "/v1/connector/{}/oauth"}),
)


def token_address(world: World) -> str:
    user, connector = quote(world.ids["userId"], safe=""), quote(CONNECTOR, safe="")
    return f"/v1/connector/{connector}/token/{world.ids['tokenId']}?userId={user}"
