"""What an automation can do: one file a kind, all of them listed in `catalogue`."""
