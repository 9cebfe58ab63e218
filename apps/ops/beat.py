"""The scheduler process is Celery beat whose fixed entries are the apps' duties.

The surprise: an entry is done here and now, not sent: a schedule fires into the database with any broker away. There is
no schedule file: when a duty was last done is nobody's business but the database's.
"""

from datetime import timedelta
from typing import Any

from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import schedule

from apps.ops import heartbeat, processes
from apps.work import scheduler


class DutyScheduler(Scheduler):
    max_interval = 1.0

    def setup_schedule(self) -> None:
        heartbeat.start(roles="scheduler")
        processes.announce("scheduler")
        self.duties = {duty.name: duty for duty in scheduler.duties()}
        for duty in self.duties.values():
            self.add(name=duty.name, schedule=schedule(timedelta(seconds=duty.every)), task=duty.name)

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        scheduler.perform(self.duties[entry.name])

    @property
    def producer(self) -> None:
        """Nothing is sent."""

    def close(self) -> None:
        heartbeat.leave()
