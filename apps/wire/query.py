"""What a query says: read by the rules of the Rely API, whose refusals name the parameter."""

from collections.abc import Mapping

from apps.core.errors import ValidationError

TRUE = ("true", "1", "on", "yes", "t", "y")
FALSE = ("false", "0", "off", "no", "f", "n")


class QueryValueError(ValidationError):
    """The `loc` of the answer begins with "query"."""

    place = "query"


class PathValueError(ValidationError):
    place = "path"


def read_flag(query: Mapping[str, str], name: str) -> bool | None:
    """None where it is not said."""
    text = query.get(name)
    if text is None:
        return None
    word = text.strip().lower()
    if word not in TRUE + FALSE:
        raise QueryValueError("value could not be parsed to a boolean", field=name, code="type_error.bool")
    return word in TRUE
