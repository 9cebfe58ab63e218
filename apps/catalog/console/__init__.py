"""Blueprints, entities and suggestions on the console."""
