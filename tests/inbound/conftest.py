"""The inbound side is tested with the subscriptions above it: what comes in must come out."""

from tests.subscriptions.conftest import api, commits, crm, reached, receiver, receivers

__all__ = ["api", "commits", "crm", "reached", "receiver", "receivers"]
