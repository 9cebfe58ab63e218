"""Signed messages to any receiver that follows the Standard Webhooks rules."""

from apps.connectors.library.declare import Library, Token

LIBRARY = Library(
    name="webhook",
    label="Webhook",
    package=__name__,
    description="Sends messages signed as Standard Webhooks.",
    # The secret signs; it does not travel.
    securities=(Token(name="secret", label="Signing secret", config={"location": "none"}),),
)
