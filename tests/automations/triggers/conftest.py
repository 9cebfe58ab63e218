"""Time passes here as in the tests of actions."""

from tests.automations.actions.conftest import later

__all__ = ["later"]
