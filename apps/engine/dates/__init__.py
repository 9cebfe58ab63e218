"""Dates in the words of moment.js, for templates, mappings and delta marks.

The surprise: nothing here reads the clock; a text without a date (`HH:mm`) needs `now` to be today, else it is 1970.
"""

from apps.engine.dates.formatting import format_iso, format_moment
from apps.engine.dates.parsing import parse_moment
from apps.engine.dates.zones import is_zone, resolve_zone

__all__ = ["format_iso", "format_moment", "is_zone", "parse_moment", "resolve_zone"]
