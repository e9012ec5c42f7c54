"""The kinds of channels, one file each.

They speak plain HTTP through one guarded client (outgoing.py) and not through Apprise, which follows redirects, keeps the
other side's answer to its debug log, and says False both for a message that was refused and for one that may have arrived.
"""

from ecsaudit.notifications.channels.email import Email
from ecsaudit.notifications.channels.kind import Field, Kind, Problem
from ecsaudit.notifications.channels.opsgenie import Opsgenie
from ecsaudit.notifications.channels.pagerduty import PagerDuty
from ecsaudit.notifications.channels.slack import Slack
from ecsaudit.notifications.channels.sns import Sns
from ecsaudit.notifications.channels.teams import Teams
from ecsaudit.notifications.channels.webhook import Webhook

CHANNELS: dict[str, Kind] = {
    kind.key: kind for kind in (Email(), Slack(), Teams(), PagerDuty(), Opsgenie(), Sns(), Webhook())
}

__all__ = ["CHANNELS", "Field", "Kind", "Problem"]
