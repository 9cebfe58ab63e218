"""The Link header (RFC 8288): the target of a relation."""

import re

MAX_HEADER = 20_000
_TARGET = re.compile(r"\s*<([^>]*)>")
_PARAMETER = re.compile(r"""\s*;\s*([\w!#$&+\-.^`|~*]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*))?""")


def next_link(header: str, relation: str = "next") -> str | None:
    """The first target whose `rel` names the relation, in any case; several relations are divided by blanks."""
    header = header[:MAX_HEADER]
    position = 0
    while found := _TARGET.match(header, position):
        position = found.end()
        relations: list[str] | None = None
        while parameter := _PARAMETER.match(header, position):
            position = parameter.end()
            if parameter[1].lower() == "rel" and relations is None:
                relations = (parameter[2] or "").strip('"').lower().split()
        if relations and relation.lower() in relations:
            return found[1].strip() or None
        comma = header.find(",", position)
        if comma < 0:
            return None
        position = comma + 1
    return None
