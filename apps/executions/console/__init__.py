"""The console pages of executions and their exchanges."""
