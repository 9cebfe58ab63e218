"""Exports and imports outside of any run: previews, single pages, records submitted with no job, unsaved documents."""
