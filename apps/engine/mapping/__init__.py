"""Mappings, response mappings and transforms of Celigo-style documents, compiled once and run per record."""

from apps.engine.context import RecordContext
from apps.engine.errors import DocumentError, MappingError
from apps.engine.mapping.lookups import Lookups, gather_lookups
from apps.engine.mapping.mapper import Mapper, compile_import_mapping, compile_mapping
from apps.engine.mapping.response import compile_response_mapping
from apps.engine.mapping.transform import compile_transform, is_script

__all__ = [
    "DocumentError",
    "Lookups",
    "Mapper",
    "MappingError",
    "RecordContext",
    "compile_import_mapping",
    "compile_mapping",
    "compile_response_mapping",
    "compile_transform",
    "gather_lookups",
    "is_script",
]
