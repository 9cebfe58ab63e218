"""Questions to people: asked before a run's first action or in its midst, answered by API, console or mailed link.

Nothing is imported here: the app's models look in for theirs.
"""
