"""What templates of automations may call, beside Jinja's own."""

import uuid

from apps.core import clock
from apps.engine.templates import RenderEnv


def environment(organization_id: uuid.UUID) -> RenderEnv:
    return RenderEnv(now=clock.now(), functions={})
