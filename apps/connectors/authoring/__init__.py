"""Who may write connectors: people of the organization that owns them, by role; each change is in the audit log.

Bodies are plain dicts with the members of the Interactor conventions, their types checked already; the API and the
console share them.
"""
