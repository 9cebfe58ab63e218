"""Good bodies for POST /v1/connections, which together send every documented member of a connection.

Each secret is the text s3cr3t, which reads back masked. Of the vendors whose systems are closed to this product, and of
the systems it has no client for, the documents are kept and shown, and nothing more.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from apps.core.clock import now
from apps.wire.stamps import stamp
from tests.contracts.world import FTP, World

Field = tuple[str, str]  # schema, member
FORM = {"fieldMap": {"currency": {"type": "text"}}, "layout": {"fields": ["currency"]}}


def by_token(world: World) -> dict[str, Any]:
    """With all that may be said of any connection."""
    return {
        "name": "Shop",
        "type": "http",
        "http": {
            "formType": "assistant",
            "baseURI": "https://shop.example/api",
            "mediaType": "json",
            "successMediaType": "json",
            "errorMediaType": "plaintext",
            "disableStrictSSL": False,
            "concurrencyLevel": 5,
            "targetConcurrencyLevel": 10,
            "retryHeader": "X-Come-Back",
            "rateLimit": {"failStatusCode": 420, "failPath": "error.code", "failValues": ["SLOW"], "limit": 250},
            "headers": [{"name": "X-Shop", "value": "{{connection.settings.shop}}"}],
            "ping": {
                "relativeURI": "/me", "method": "POST", "body": '{"ask": true}', "successPath": "state",
                "successValues": ["ok"], "failPath": "error", "failValues": ["true"], "errorPath": "error.message",
            },
            "auth": {
                "type": "token", "failStatusCode": 403, "failPath": "error.code", "failValues": ["EXPIRED"],
                "token": {
                    "token": "s3cr3t", "location": "header", "headerName": "Authorization", "scheme": "Bearer",
                    "paramName": "access_token", "refreshMethod": "POST", "refreshRelativeURI": "/login",
                    "refreshBody": '{"by": "{{{connection.http.auth.token.refreshToken}}}"}',
                    "refreshTokenPath": "session.token", "refreshToken": "s3cr3t",
                },
            },
            "encrypted": "s3cr3t",
            "unencrypted": {"shop": "north"},
        },
        "externalId": "shop-1",
        "assistant": "shopsystem",
        "_borrowConcurrencyFromConnectionId": world.ids["connection"],
        "autoRecoverRateLimitErrors": True,
        "debugDate": stamp(now() + timedelta(hours=1)),
        "settings": {"shop": "north"},
        "settingsForm": {"form": FORM},
        "sandbox": False,
    }  # fmt: skip


def by_password(world: World) -> dict[str, Any]:
    auth = {"type": "basic", "basic": {"username": "ann", "password": "s3cr3t"}}
    return {
        "name": "Warehouse",
        "type": "http",
        "http": {"baseURI": "https://warehouse.example", "mediaType": "xml", "auth": auth},
    }


def by_consent(world: World) -> dict[str, Any]:
    oauth = {
        "grantType": "authorizecode", "authURI": "https://crm.example/authorize", "tokenURI": "https://crm.example/token",
        "scope": ["read", "write"], "scopeDelimiter": ",", "clientId": "junction", "clientSecret": "s3cr3t",
        "accessTokenPath": "access_token", "useIClientFields": False,
    }  # fmt: skip
    return {
        "name": "CRM",
        "type": "http",
        "http": {"baseURI": "https://crm.example", "mediaType": "json", "auth": {"type": "oauth", "oauth": oauth}},
    }


def by_key(world: World) -> dict[str, Any]:
    return {**FTP, "ftp": {**FTP["ftp"], "authKey": "s3cr3t"}}


def kept(kind: str, **members: Any) -> Callable[[World], dict[str, Any]]:
    """One that says no more than its own object."""
    return lambda world: {"name": kind, "type": kind, kind: members}


DOCUMENTS: list[Callable[[World], dict[str, Any]]] = [
    by_token,
    by_password,
    by_consent,
    by_key,
    kept("s3", accessKeyId="AKIA1", secretAccessKey="s3cr3t", pingBucket="orders", region="eu-north-1"),
    kept("rdbms", type="postgresql", host="db.example", database="books", user="ann", password="s3cr3t"),
    kept("rest", baseURI="https://old.example", mediaType="json", authType="token", bearerToken="s3cr3t"),
    kept("mongodb", host=["mongo.example:27017"], database="books", username="ann", password="s3cr3t"),
    kept("netsuite", account="TSTDRV1", tokenId="s3cr3t", tokenSecret="s3cr3t"),
    kept("salesforce", sandbox=False, clientId="junction", clientSecret="s3cr3t"),
    kept("wrapper", unencrypted={"a": 1}, encrypted="s3cr3t", pingFunction="ping"),
]

AGENT = "agents are the vendor's own programs in a customer's house: none can be named, so the id is refused"
ICLIENT = "clients of OAuth are kept in the connection: none can be named, so the id is refused"
CONNECTOR = "connections of the vendor's packaged integrations; these packages do not exist here"
EXCUSED: dict[Field, str] = {
    ("ConnectionWrite", "_agentId"): AGENT,
    ("Connection", "_agentId"): AGENT,
    ("ConnectionHttp", "_iClientId"): ICLIENT,
    ("Connection", "_connectorId"): CONNECTOR,
}
