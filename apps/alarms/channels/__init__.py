"""The ways of telling somebody, one file each."""

from apps.alarms.channels.base import Address, ChannelKind, Outgoing, Sent
from apps.alarms.channels.email import EMAIL
from apps.alarms.channels.slack import SLACK
from apps.alarms.channels.webhook import WEBHOOK

__all__ = ["CHANNELS", "Address", "ChannelKind", "Outgoing", "Sent"]

CHANNELS: dict[str, ChannelKind] = {kind.name: kind for kind in (EMAIL, SLACK, WEBHOOK)}
