"""The event behind `message`: verified as Standard Webhooks with the listener's own secret, each message id once."""

from apps.connectors.library.declare import Part

PART = Part(
    name="message",
    label="A signed message arrives",
    kind="event",
    variables={"type": "object", "properties": {}},
    logic={},
    document={
        "type": "webhook",
        "config": {"security": {"type": "standardwebhooks"}, "id": {"header": "webhook-id"}},
    },
)
