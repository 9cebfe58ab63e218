"""`message`: a received message, as its sender wrote it."""

from apps.connectors.library.declare import Part

PART = Part(
    name="message",
    label="A message arrives",
    kind="trigger",
    variables={"type": "object", "properties": {}},
    output={"type": "object"},
    logic={"trigger": {"output": "{{ input.data }}"}},
)
