"""Rows that the tests of connections need."""

from apps.accounts.models import EndUser
from apps.connections.models import Connection
from apps.connections.secrets import seal
from apps.connectors import services
from apps.connectors.models import Connector
from apps.core.ids import new_id


def make_connection(organization, *, http: dict | None = None, type: str = "http", document=None, **fields):
    row_id = new_id()
    whole = document or {"http": {"baseURI": "https://api.example", "mediaType": "json", **(http or {})}}
    masked, secret = seal(whole, type=type, connection_id=row_id)
    fields.setdefault("name", "API")
    return Connection.objects.create(
        id=row_id, organization=organization, type=type, document=masked, secret=secret, **fields
    )


def make_end_user(organization, external_id: str = "ada@example.com") -> EndUser:
    return EndUser.objects.create(organization=organization, external_id=external_id)


def make_credential(end_user: EndUser, connector: Connector, *, token: str, base: str = "", **fields) -> Connection:
    http = {"auth": {"type": "token", "token": {"token": token}}, **({"baseURI": base} if base else {})}
    return make_connection(
        end_user.organization,
        document={"http": http},
        end_user=end_user,
        connector=connector,
        security=fields.pop("security", None) or connector.securities.first(),
        **fields,
    )


def make_connector(organization, *, base_url: str = "", logic: dict | None = None, name: str = "crm") -> Connector:
    connector = services.create_connector(organization_id=organization.id, name=name)
    version = services.create_version(connector=connector, base_url=base_url, logic=logic or {})
    services.publish_version(version=version)
    return connector


def make_action(connector, name: str, program: dict, *, kind: str = "action", variables=None, output=None):
    schema = {"variables": variables, "output": output}
    return services.create_component(
        connector=connector, kind=kind, name=name, logic={"execute": program}, schema=schema, published=True
    )
