"""One file a kind of step: a frozen dataclass that runs, and a `read` that compiles it from its members."""
