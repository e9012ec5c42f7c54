"""What a policy decides about a finding, in the words of those who deliver."""

from dataclasses import dataclass
from datetime import timedelta

from ecsaudit.findings.models import Finding


@dataclass(frozen=True, slots=True)
class Routing:
    """Tell this finding to this channel.

    With a throttle, what shares channel, policy and `throttle_key` is told once in that time, and then together.
    `severity` is an ASFF label. `not_sent` is why nothing is sent after all, as it is shown after “not sent: ”, such as
    “the event was older than 24 h when it was found”.
    """

    finding: Finding
    channel_id: int
    policy_name: str
    severity: str
    throttle: timedelta = timedelta()
    throttle_key: str = ""
    runbook_url: str = ""
    not_sent: str = ""
