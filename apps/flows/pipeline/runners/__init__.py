"""What the steps of a flow do: one file a kind of step."""
