"""The page pipeline: a generator cuts a source into pages, and every page walks through the flow's steps.

`coordinator` takes an execution's turns, `generators` make pages, `pages` works them, `finish` ends the run.
"""
