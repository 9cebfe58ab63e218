"""The address at which a connector's third party delivers notifications; its last part is all that it is known by."""

from apps.connectors.models import Connector

PATH = "/hooks/"


def hook_address(connector: Connector, *, base: str) -> str:
    """`base` is the installation's public address."""
    return f"{base}{PATH}{connector.hook_token}"
