"""Which program made the call, from the user agent."""

import re

from django.db.models import TextChoices


class Client(TextChoices):
    CLI = "cli", "AWS CLI"
    CLOUDSHELL = "cloudshell", "CloudShell"
    CONSOLE = "console", "Console"
    COPILOT = "copilot", "Copilot"
    SDK = "sdk", "SDK"
    SERVICE = "service", "AWS service"
    UNKNOWN = "unknown", "Unknown"


# The first that is found decides: CloudShell and Copilot carry the CLI's or an SDK's own mark as well.
MARKS: tuple[tuple[re.Pattern[str], Client], ...] = (
    (re.compile(r"exec-env/CloudShell", re.I), Client.CLOUDSHELL),
    (re.compile(r"copilot", re.I), Client.COPILOT),
    (re.compile(r"^\[?aws-cli/", re.I), Client.CLI),
    (re.compile(r"console\.amazonaws\.com|AWS-?Console|signin\.amazonaws\.com|^Mozilla/", re.I), Client.CONSOLE),
    (
        re.compile(r"^\[?(Boto3?/|Botocore/|aws-sdk|aws-internal|APN/|S3Console|HashiCorp|Terraform)|aws-sdk", re.I),
        Client.SDK,
    ),
    (re.compile(r"^[a-z0-9.-]+\.amazonaws\.com$|^AWS Internal$", re.I), Client.SERVICE),
)


def client_of(user_agent: str) -> Client:
    # The marks stand at the beginning or soon after it; a hostile agent may be as long as a record.
    head = user_agent[:2_000]
    for pattern, client in MARKS:
        if pattern.search(head):
            return client
    return Client.UNKNOWN
