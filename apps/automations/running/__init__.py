"""How an automation runs: compiled once a version, walked action by action, each committed before the next."""
