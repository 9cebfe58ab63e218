"""Connectors, their versions, components and securities. A published version never changes: ConflictError says so."""

from apps.connectors.services.components import (
    LOGIC_HOOKS,
    change_component_version,
    check_component,
    create_component,
    create_component_version,
    delete_component,
    delete_component_version,
    publish_component_version,
    rename_component,
)
from apps.connectors.services.connectors import (
    change_connector,
    create_connector,
    delete_connector,
    publish_connector,
)
from apps.connectors.services.securities import change_security, create_security, delete_security
from apps.connectors.services.versions import (
    VERSION_HOOKS,
    change_version,
    create_version,
    delete_version,
    publish_version,
)

__all__ = [
    "LOGIC_HOOKS",
    "VERSION_HOOKS",
    "change_component_version",
    "change_connector",
    "change_security",
    "change_version",
    "check_component",
    "create_component",
    "create_component_version",
    "create_connector",
    "create_security",
    "create_version",
    "delete_component",
    "delete_component_version",
    "delete_connector",
    "delete_security",
    "delete_version",
    "publish_component_version",
    "publish_connector",
    "publish_version",
    "rename_component",
]
