from datetime import date, timedelta
from itertools import pairwise

from ecsaudit.demo.accounts import ACCOUNTS, PRODUCTION, cluster, deployed_on, task_on

PAYMENTS = cluster(PRODUCTION, "prod-payments", "eu-west-1")
API = PAYMENTS.services[0]
BATCH = cluster(PRODUCTION, "prod_batch", "us-east-1")


def test_there_are_three_accounts_and_seven_regions_in_them() -> None:
    assert [(account.id, account.alias, account.regions) for account in ACCOUNTS] == [
        ("111122223333", "production", ("eu-west-1", "us-east-1", "ap-southeast-1")),
        ("444455556666", "staging", ("eu-west-1", "us-east-1")),
        ("777788889999", "data platform", ("eu-central-1", "us-east-1")),
    ]


def test_a_task_stays_until_the_next_deployment() -> None:
    days = [date(2026, 11, 1) + timedelta(days=number) for number in range(28)]
    for before, day in pairwise(days):
        same = task_on(before, PRODUCTION, PAYMENTS, API) == task_on(day, PRODUCTION, PAYMENTS, API)
        assert same is not deployed_on(PRODUCTION, PAYMENTS, API, day)
    assert sum(deployed_on(PRODUCTION, PAYMENTS, API, day) for day in days) == 28 // API.days_between_deployments


def test_replicas_are_different_tasks_and_wrap_around() -> None:
    tasks = [task_on(date(2026, 11, 1), PRODUCTION, PAYMENTS, API, replica=replica).id for replica in range(4)]
    assert len(set(tasks)) == 3
    assert tasks[3] == tasks[0]


def test_a_target_can_be_split_from_the_right_though_the_cluster_has_an_underscore() -> None:
    task = task_on(date(2026, 11, 1), PRODUCTION, BATCH, BATCH.services[0])
    assert task.target.removeprefix("ecs:").rsplit("_", 2) == ["prod_batch", task.id, task.runtime_id]


def test_a_runtime_id_is_the_task_on_fargate_and_docker_on_ec2() -> None:
    fargate = task_on(date(2026, 11, 1), PRODUCTION, PAYMENTS, API)
    assert fargate.runtime_id.startswith(f"{fargate.id}-")
    ec2 = task_on(date(2026, 11, 1), PRODUCTION, BATCH, BATCH.services[0])
    assert len(ec2.runtime_id) == 64
