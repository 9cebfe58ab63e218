"""`push`: commits arrive."""

from apps.connectors.library.github.hooks import notified

PART = notified("push", "Commits are pushed", event="push", gives={"type": "object"})
