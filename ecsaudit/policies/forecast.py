"""What a policy would have done with findings of the past. Pure, and a forecast: it goes by the events' times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ecsaudit.policies.catching import Catchers
from ecsaudit.policies.decide import chosen, throttle_key, throttle_of
from ecsaudit.policies.facts import Facts
from ecsaudit.policies.terms import Terms


@dataclass(frozen=True, slots=True)
class Forecast:
    """`caught` are the findings that it catches, newest first; `told` channel → findings, `messages` channel → messages
    that these come to, `before` channel → findings that a policy before it tells there already. Suppressed findings are
    caught, and told to nobody; archived ones, as those that an exception hides, are none of the findings that it looks at."""

    caught: Sequence[Facts]
    told: Counter[int]
    messages: Counter[int]
    before: Counter[int]

    @property
    def findings(self) -> int:
        return len(self.caught)

    @property
    def suppressed(self) -> int:
        return sum(facts.is_suppressed for facts in self.caught)

    @property
    def persons(self) -> int:
        return len({facts.circumstances.person for facts in self.caught} - {""})


def forecast(policy: Terms, earlier: Sequence[Terms], newest_first: Sequence[Facts]) -> Forecast:
    """What comes of these findings, with `earlier` the policies that are asked before this one."""
    catch = Catchers()
    caught = [facts for facts in newest_first if catch(policy, facts)]
    told, before = Counter[int](), Counter[int]()
    windows: dict[tuple[int, str], Window] = {}
    messages = Counter[int]()
    mine = frozenset(policy.channels)
    leading = [one for one in earlier if mine & frozenset(one.channels)]
    for facts in reversed(caught):
        if facts.is_suppressed:
            continue
        theirs = chosen(facts, leading, catch)
        for channel in policy.channels:
            if str(channel) == facts.about_channel:
                continue
            if channel in theirs:
                before[channel] += 1
                continue
            told[channel] += 1
            key = channel, throttle_key(policy.grouping, facts)
            messages[channel] += windows.setdefault(key, Window(policy)).comes(facts.circumstances.at)
    for (channel, _), window in windows.items():
        messages[channel] += window.held
    return Forecast(caught, told, messages, before)


class Window:
    """A throttle as the outbox has it: one message opens a window; what comes meanwhile goes out together at its end, and
    opens the next."""

    __slots__ = ("end", "held", "length")

    def __init__(self, policy: Terms) -> None:
        self.length = throttle_of(policy)
        self.end: datetime | None = None
        self.held = False

    def comes(self, at: datetime) -> int:
        """How many messages are sent until then and with it; findings come in the order of their times."""
        if not self.length:
            return 1
        sent = 0
        if self.held and self.end is not None and at >= self.end:
            sent, self.held, self.end = 1, False, self.end + self.length
        if self.end is None or at >= self.end:
            self.end = at + self.length
            return sent + 1
        self.held = True
        return sent
