"""Any HTTP API, one request at a time."""

from apps.connectors.library.declare import Library

LIBRARY = Library(name="http", label="HTTP", package=__name__, description="Calls any HTTP API.")
