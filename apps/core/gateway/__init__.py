"""The only way out: HTTP here, `gateway.sql`, `gateway.files` and `gateway.mail` beside it."""

from apps.engine.placeholders import Placeholder

from .context import Mode, Recording, SendContext, Tls
from .errors import (
    AddressRefused,
    BadResponse,
    Category,
    ClosedMidBody,
    ConnectFailed,
    Disconnected,
    EffectNotAllowed,
    FileMissing,
    FileRefused,
    GatewayError,
    InTransaction,
    InvalidRequest,
    MailFailed,
    NoRecordedAnswer,
    RetryLater,
    StatementFailed,
    TimedOut,
    TooLarge,
    TooManyRedirects,
)
from .http import send, send_many
from .limits import BlockLimiter, BlockStore, Grant, Limiter, MemoryBlockStore
from .messages import Headers, Request, Response
from .recording import Exchange, MemoryRecorder, MemoryRecording, Recorder

__all__ = [
    "AddressRefused",
    "BadResponse",
    "BlockLimiter",
    "BlockStore",
    "Category",
    "ClosedMidBody",
    "ConnectFailed",
    "Disconnected",
    "EffectNotAllowed",
    "Exchange",
    "FileMissing",
    "FileRefused",
    "GatewayError",
    "Grant",
    "Headers",
    "InTransaction",
    "InvalidRequest",
    "Limiter",
    "MailFailed",
    "MemoryBlockStore",
    "MemoryRecorder",
    "MemoryRecording",
    "Mode",
    "NoRecordedAnswer",
    "Placeholder",
    "Recorder",
    "Recording",
    "Request",
    "Response",
    "RetryLater",
    "SendContext",
    "StatementFailed",
    "TimedOut",
    "Tls",
    "TooLarge",
    "TooManyRedirects",
    "send",
    "send_many",
]
