"""A connector whose security leads to the provider on loopback, and one end user of it."""

from dataclasses import dataclass
from typing import Any

from apps.accounts.models import EndUser
from apps.connections.models import Connection
from apps.connectors import services
from apps.connectors.models import Connector, Security
from tests.connections.making import make_action, make_connector, make_end_user
from tests.connections.provider import Provider

ADA = "ada@example.com"


@dataclass
class OAuthWorld:
    provider: Provider
    connector: Connector
    security: Security
    ada: EndUser

    def credential(self) -> Connection:
        return Connection.objects.get(end_user=self.ada)


def make_security(connector: Connector, config: dict[str, Any], *, type: str = "oauth2", name: str = "Provider"):
    document = {"label": {"en": name}, "config": config}
    return services.create_security(connector=connector, name=name, type=type, document=document)


def make_oauth_world(organization, provider: Provider, *, logic=None, **config: Any) -> OAuthWorld:
    connector = make_connector(organization, base_url=provider.system.url, logic=logic, name="crm")
    security = make_security(connector, {**provider.config, **config})
    make_action(
        connector, "me", {"steps": [{"name": "me", "request": {"url": "/me"}}], "output": "{{ steps.me.body }}"}
    )
    make_action(connector, "note", {"steps": [{"request": {"method": "POST", "url": "/notes"}}], "output": "noted"})
    return OAuthWorld(provider, connector, security, make_end_user(organization, ADA))
