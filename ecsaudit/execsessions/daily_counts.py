"""The roll-up behind charts and top lists, kept in the transaction that changes what it counts."""

from collections import Counter
from datetime import date

from django.db import connection

from ecsaudit.execsessions.models import DailyCount, Dimension, ExecSession, Kind

# The value of Dimension.OUTCOME for a session opened around ECS Exec, whatever its outcome.
AROUND = "around"


class Tally:
    """Changes to one account's DailyCounts, gathered while a page is taken in and written once at its end."""

    def __init__(self) -> None:
        self.changes: Counter[tuple[Dimension, date, str]] = Counter()

    def session(self, session: ExecSession, step: int) -> None:
        """Count a session in (step 1) or out (step -1)."""
        day = session.started_at.date()
        self.changes[Dimension.OUTCOME, day, AROUND if session.kind == Kind.AROUND else session.outcome] += step
        self.changes[Dimension.PERSON, day, session.person] += step
        self.changes[Dimension.CLUSTER, day, session.cluster] += step

    def finding(self, day: date, rule: str, tag_set_id: int, step: int = 1) -> None:
        """Count a finding in (step 1) or out (step -1)."""
        self.changes[Dimension.RULE, day, rule] += step
        self.changes[Dimension.TAG_SET, day, str(tag_set_id)] += step

    def save(self, account_id: int) -> None:
        """Add the changes to the rows, in one order for everybody so that two Regions' workers never wait in a ring."""
        rows = [
            (account_id, day, dimension.value, value, step)
            for (dimension, day, value), step in sorted(self.changes.items())
            if step
        ]
        table = DailyCount._meta.db_table
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO {table} (account_id, day, dimension, value, count) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (dimension, day, account_id, value)"
                f" DO UPDATE SET count = {table}.count + excluded.count",
                rows,
            )
        self.changes.clear()
