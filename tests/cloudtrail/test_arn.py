import pytest

from ecsaudit.cloudtrail import arn


@pytest.mark.parametrize("text", ["prod", "cluster/prod", "arn:aws:ecs:eu-west-1:111122223333:cluster/prod"])
def test_a_cluster_has_one_name_however_it_is_given(text: str) -> None:
    assert arn.resource_name(text, "cluster") == "prod"


@pytest.mark.parametrize(
    ("task_arn", "cluster"),
    [
        ("arn:aws:ecs:eu-west-1:111122223333:task/prod/0123", "prod"),
        ("arn:aws:ecs:eu-west-1:111122223333:task/0123", ""),
        ("0123", ""),
        ("", ""),
    ],
)
def test_the_cluster_inside_a_task_arn(task_arn: str, cluster: str) -> None:
    assert arn.cluster_of_task(task_arn) == cluster


def test_the_parts_of_an_arn() -> None:
    parsed = arn.parse("arn:aws:logs:eu-west-1:111122223333:log-group:name:*")
    assert parsed == arn.Arn("logs", "eu-west-1", "111122223333", "log-group:name:*")
    assert arn.parse("not:an:arn") is None
