"""Everything that a call by names needs, in one statement: connector, versions, person, credential.

The surprise: what this does not find it does not explain. The caller then looks step by step (`resolution`), which
knows ids as well, and meets the precise error. Where this finds something, it finds what the steps would find.
"""

import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model

from apps.accounts.models import EndUser
from apps.connections.models import Connection
from apps.connectors.models import ComponentVersion, ConnectorVersion, Security
from apps.connectors.versions import spellings
from apps.core.ids import parse_id
from apps.core.joined import columns, instance, run_prepared, width
from apps.work import sql

RowT = TypeVar("RowT", bound=Model)
REMEMBERED = 1024
READ = (EndUser, Connection, Security)


@dataclass(frozen=True)
class Sought:
    """Texts as the caller wrote them; `kind` is the component's."""

    organization_id: uuid.UUID
    kind: str
    connector: object
    component: object
    connector_version: object = None
    component_version: object = None
    user: object = None
    credential: object = None


@dataclass(frozen=True)
class Found:
    enabled: bool
    version: ConnectorVersion
    component: ComponentVersion
    end_user: EndUser | None
    connection: Connection | None  # the credential


def look_up(sought: Sought) -> Found | None:
    """None: look step by step."""
    names = (sought.connector, sought.component, sought.connector_version, sought.component_version)
    if not all(_is_name(text) for text in names if text) or not (sought.connector and sought.component):
        return None
    if (sought.user and not _is_name(sought.user)) or (sought.credential and parse_id(sought.credential) is None):
        return None
    statement, params = _statement(sought)
    rows = run_prepared(statement, [sql.param(value) for value in params])
    return _found(rows[0], sought) if rows else None


def _is_name(text: object) -> bool:
    return isinstance(text, str) and parse_id(text) is None and "\0" not in text and len(text) <= 255


def _statement(sought: Sought) -> tuple[str, list[Any]]:
    organization, user = sought.organization_id, str(sought.user or "")
    picked = _picked(sought.credential)
    params: list[Any] = [organization, user, user.replace(" ", "+"), user]
    params += [parse_id(sought.credential)] * 2 if sought.credential else []
    params += [sought.connector, organization, organization, sought.kind, sought.component]
    version, version_order = "", "CASE WHEN v.id = c.default_version_id THEN 0 ELSE 1 END, v.published DESC"
    if sought.connector_version:
        known = sorted(spellings(str(sought.connector_version)))
        version, version_order = f" AND v.name IN ({_marks(known)})", _exact_first("v")
        params += known
    component, component_order = "", "cv.published DESC"
    if sought.component_version:
        known = sorted(spellings(str(sought.component_version)))
        component, component_order = f" AND cv.name IN ({_marks(known)})", _exact_first("cv")
        params += known
    params += [text for text in (sought.connector_version, sought.component_version) if text]
    order = f"{version_order}, v.created_at DESC, v.id DESC, {component_order}, cv.number DESC"
    return f"{SELECT}{_from(picked)}{version}{component} ORDER BY {order} LIMIT 1", params


SELECT = (
    "SELECT c.enabled, v.id, v.updated_at, c.updated_at, cv.id, cv.updated_at, comp.updated_at,"
    " EXISTS (SELECT 1 FROM connectors_security n WHERE n.connector_id = c.id AND n.type <> 'none'), "
    + ", ".join(columns(model, alias) for model, alias in zip(READ, ("u", "cr", "s"), strict=True))
)


def _picked(credential: object) -> str:
    return " AND k.id = %s" if credential else ""


def _from(picked: str) -> str:
    mine = f"SELECT k.id FROM connections_connection k WHERE k.end_user_id = u.id AND k.connector_id = c.id{picked}"
    newest = " ORDER BY k.id DESC LIMIT 1"
    return (
        " FROM connectors_connector c"
        " JOIN connectors_connectorversion v ON v.connector_id = c.id"
        " JOIN connectors_component comp ON comp.connector_id = c.id"
        " JOIN connectors_componentversion cv ON cv.component_id = comp.id"
        " LEFT JOIN accounts_enduser u ON u.id = (SELECT w.id FROM accounts_enduser w"
        " WHERE w.organization_id = %s AND w.external_id IN (%s, %s)"
        " ORDER BY CASE WHEN w.external_id = %s THEN 0 ELSE 1 END LIMIT 1)"
        " LEFT JOIN connections_connection cr ON cr.id = COALESCE("
        f"({mine} AND k.security_id = v.default_security_id{newest}), ({mine}{newest}))"
        " LEFT JOIN connectors_security s ON s.id = cr.security_id"
        " WHERE c.id = (SELECT d.id FROM connectors_connector d"
        " JOIN accounts_organization o ON o.id = d.organization_id"
        " WHERE d.name = %s AND (d.organization_id = %s OR o.is_system)"
        " ORDER BY CASE WHEN d.organization_id = %s THEN 0 ELSE 1 END LIMIT 1)"
        " AND comp.kind = %s AND comp.name = %s"
    )


def _marks(values: list[str]) -> str:
    return ", ".join(["%s"] * len(values))


def _exact_first(alias: str) -> str:
    return f"CASE WHEN {alias}.name = %s THEN 0 ELSE 1 END"


def _found(row: tuple[Any, ...], sought: Sought) -> Found | None:
    enabled, version_id, version_stamp, connector_stamp, component_id, stamp, component_stamp, needs, *rest = row
    people: list[Any] = []
    for model in READ:
        people.append(instance(model, rest[: width(model)]))
        rest = rest[width(model) :]
    end_user, connection, security = people
    wanted = bool(sought.credential) or bool(needs)
    if (sought.user and end_user is None) or (wanted and connection is None):
        return None
    version = VERSIONS.get(version_id, (version_stamp, connector_stamp))
    component = COMPONENTS.get(component_id, (stamp, component_stamp))
    if version is None or component is None:
        return None
    if connection is not None:
        connection.security = security
    return Found(bool(enabled), version, component, end_user, connection if wanted else None)


class Remembered(Generic[RowT]):
    """Rows by id, as long as their stamps stay: published ones for good, drafts until they are changed."""

    def __init__(self, model: type[RowT], *related: str) -> None:
        self.model, self.related = model, related
        self._rows: OrderedDict[Any, tuple[Any, RowT]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, row_id: Any, stamps: Any) -> RowT | None:
        with self._lock:
            known = self._rows.get(row_id)
        if known is not None and known[0] == stamps:
            return known[1]
        row = self.model._default_manager.select_related(*self.related).filter(pk=row_id).first()
        if row is None:
            return None
        with self._lock:
            self._rows[row_id] = (stamps, row)
            while len(self._rows) > REMEMBERED:
                self._rows.popitem(last=False)
        return row


VERSIONS = Remembered(ConnectorVersion, "connector", "default_security")
COMPONENTS = Remembered(ComponentVersion, "component__connector")
