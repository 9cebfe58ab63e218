"""What the scheduler process does for events, and how often."""

from apps.events import services
from apps.work.scheduler import Duty

DUTIES = [Duty("events: prune", 3600.0, services.prune_events, elected=True)]
