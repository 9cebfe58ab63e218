"""The connectors we ship: one folder each, one file an action, declarations only. `install` stores them."""
