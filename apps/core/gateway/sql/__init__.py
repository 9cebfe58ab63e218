"""SQL through the gateway: `session` gives a pooled connection to a checked address, `ledgered` writes once."""

from .ledger import LEDGER_TABLE, ledgered
from .session import Session, session
from .target import SqlTarget

__all__ = ["LEDGER_TABLE", "Session", "SqlTarget", "ledgered", "session"]
