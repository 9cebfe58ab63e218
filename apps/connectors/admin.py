"""What Django's admin discovers of this app."""

from apps.connectors.console import components, connectors, securities, versions

__all__ = ["components", "connectors", "securities", "versions"]
