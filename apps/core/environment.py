"""Reads the environment's variables by type. A bad value ends the process with one sentence that names the variable."""

import re
import sys
from typing import Any, NoReturn
from urllib.parse import urlsplit

import environ

env = environ.Env()
TRUE, FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}
SMTP = {"smtp", "smtps", "smtp+tls", "smtp+ssl"}
MAIL = SMTP | {"consolemail", "filemail", "memorymail", "dummymail"}


def refuse(variable: str, reason: object) -> NoReturn:
    sys.exit(f"{variable}: {reason}")


def text(variable: str, default: str = "") -> str:
    """An empty value is an unset one: compose files and unit files pass such."""
    return str(env.str(variable, default="")).strip() or default


def flag(variable: str, default: bool = False) -> bool:
    value = text(variable, str(default)).lower()
    if value not in TRUE | FALSE:
        refuse(variable, f"must be true or false, got {value!r}")
    return value in TRUE


def number(variable: str, *, default: int, least: int = 1) -> int:
    value = text(variable, str(default))
    if not value.isascii() or not value.isdigit() or int(value) < least:
        refuse(variable, f"must be a whole number of at least {least}, got {value!r}")
    return int(value)


def seconds(variable: str, *, default: str) -> tuple[float, ...]:
    value = text(variable, default)
    try:
        found = tuple(float(part) for part in value.split(",") if part.strip())
    except ValueError:
        refuse(variable, f"must be numbers of seconds with commas between, got {value!r}")
    if not all(0 <= part < float("inf") for part in found):
        refuse(variable, f"must be numbers of seconds that are not negative, got {value!r}")
    return found


def choice(variable: str, *, default: str, options: list[str]) -> str:
    value = text(variable, default).upper()
    if value not in options:
        refuse(variable, f"must be one of {', '.join(options)}, got {value!r}")
    return value


def public_url(variable: str) -> str:
    value = text(variable).rstrip("/")
    if not value:
        return ""
    parts = split(variable, value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query or parts.fragment:
        refuse(variable, f"must read http://host or https://host, with a port perhaps, got {value!r}")
    return value


def origins(variable: str) -> str:
    """Who may show our pages in a frame, as a Content-Security-Policy names them; 'self' alone by default."""
    found = ["'self'"]
    for value in text(variable).replace(",", " ").split():
        if value.strip("'") == "self":
            continue
        if not re.fullmatch(r"https?://(\*\.)?[A-Za-z0-9.-]+(:(\d{1,5}|\*))?", value):
            refuse(variable, f"must be origins such as https://app.example.com, with commas between, got {value!r}")
        found.append(value)
    return " ".join(found)


def database_url(variable: str) -> dict[str, Any] | None:
    """Django's settings for the database, or None when the variable is empty."""
    value = text(variable)
    if not value:
        return None
    parts = split(variable, value)
    if parts.scheme not in {"postgresql", "postgres", "sqlite"}:
        refuse(variable, f"must start with postgresql:// or sqlite:///, got {parts.scheme or value.split(':')[0]!r}")
    if not parts.path.strip("/"):
        refuse(variable, "must end with the database's name, such as postgresql://host/junction")
    return dict(env.db_url_config(value))


def broker_url(variable: str) -> str:
    value = text(variable, "memory://")
    parts = split(variable, value)
    if parts.scheme != "memory" and (
        parts.scheme not in {"redis", "rediss", "amqp", "amqps", "pyamqp"} or not parts.hostname
    ):
        refuse(variable, "must read redis://host, rediss://host, amqp://host or amqps://host, or be left out")
    return value


def email_url(variable: str) -> dict[str, Any]:
    value = text(variable, "consolemail://")
    parts = split(variable, value)
    if parts.scheme not in MAIL or (parts.scheme in SMTP and not parts.hostname):
        refuse(variable, "must read smtp://user:password@host:port (or smtp+tls://, smtp+ssl://), or be left out")
    return dict(env.email_url_config(value))


def split(variable: str, value: str) -> Any:
    """The parts of a URL; its value is not repeated in the sentence, for it may hold a password."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        refuse(variable, "is no URL that can be read; special characters of a password are written as %XX")
    return parts
