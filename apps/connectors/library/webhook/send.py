"""`send`: one signed message. Its id is the receiver's means of telling a repeat, so a repeat is harmless."""

from apps.connectors.library.declare import action, text

PART = action(
    "send",
    "Send a signed message",
    steps=[
        {
            "set": {
                "id": "{{ input.data.id or new_message_id() }}",
                "time": "{{ epoch() }}",
                "body": {
                    "type": "{{ input.data.type }}",
                    "timestamp": "{{ iso_time() }}",
                    "data": "{{ input.data.data }}",
                },
            }
        },
        {"set": {"text": "{{ json_text(vars.body) }}"}},
        {
            "name": "sent",
            "request": {
                "method": "POST",
                "url": "{{ input.data.url }}",
                "encoding": "text",
                "body": "{{ vars.text }}",
                "headers": {
                    "Content-Type": "application/json",
                    "webhook-id": "{{ vars.id }}",
                    "webhook-timestamp": "{{ vars.time }}",
                    "webhook-signature": "{{ sign_webhook(connector.token, vars.id, vars.time, vars.text) }}",
                },
                "repeat": "key",
            },
        },
    ],
    output={"id": "{{ vars.id }}", "status": "{{ steps.sent.status }}"},
    variables={
        "url": text("Receiver", required=True),
        "type": text("Event type", required=True),
        "data": {"type": "object", "title": "Data", "x-required": True},
        "id": text("Message id", maxLength=200),
    },
    gives={"type": "object", "required": ["id", "status"]},
)
