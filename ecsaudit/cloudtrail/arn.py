"""Amazon Resource Names, as far as ECS and IAM records need them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:partition:service:region:account:resource`, where the resource may hold colons and slashes of its own."""

    service: str
    region: str
    account_id: str
    resource: str


def parse(text: str) -> Arn | None:
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        return None
    return Arn(service=parts[2], region=parts[3], account_id=parts[4], resource=parts[5])


def resource_name(text: str, kind: str) -> str:
    """The last part of an ECS resource given as ARN or as plain name: `cluster`, `container`, `service`, `task` …

    resource_name("arn:aws:ecs:eu-west-1:111122223333:cluster/prod", "cluster") == resource_name("prod", "cluster") == "prod"
    """
    arn = parse(text)
    if arn is None:
        return text.removeprefix(f"{kind}/")
    return arn.resource.rsplit("/", 1)[-1]


def cluster_of_task(task_arn: str) -> str:
    """The cluster inside a task ARN of the long form `task/<cluster>/<id>`; empty for the old form and plain ids."""
    arn = parse(task_arn)
    if arn is None:
        return ""
    parts = arn.resource.split("/")
    return parts[1] if len(parts) == 3 and parts[0] == "task" else ""
