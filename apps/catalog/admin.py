"""The catalogue's pages are under `console`: blueprints, entities, suggestions."""

from apps.catalog.console import blueprints, entities, suggestions

__all__ = ["blueprints", "entities", "suggestions"]
