"""Templates. `compile` is cached and takes text in either grammar; text without braces compiles to itself."""

from apps.engine.templates.api import SqlTemplate, Template, compile, compile_sql, is_template
from apps.engine.templates.environment import RenderEnv
from apps.engine.templates.errors import Position, TemplateError

__all__ = [
    "Position",
    "RenderEnv",
    "SqlTemplate",
    "Template",
    "TemplateError",
    "compile",
    "compile_sql",
    "is_template",
]
