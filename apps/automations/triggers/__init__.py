"""What starts an automation: one file a kind, all of them listed in `catalogue`."""
