import pytest

from ecsaudit.demo.throttle import Throttle

KEY, OTHER = ("111122223333", "eu-west-1"), ("111122223333", "us-east-1")


def test_the_burst_is_let_through_and_then_no_more() -> None:
    throttle = Throttle(2.0, 2, lambda: 0.0)
    assert [throttle.admits(KEY) for _ in range(3)] == [True, True, False]


def test_each_key_has_its_own_bucket() -> None:
    throttle = Throttle(2.0, 1, lambda: 0.0)
    assert throttle.admits(KEY)
    assert throttle.admits(OTHER)
    assert not throttle.admits(KEY)


def test_the_bucket_refills_at_its_rate_up_to_the_burst() -> None:
    seconds = [0.0]
    throttle = Throttle(2.0, 2, lambda: seconds[0])
    assert [throttle.admits(KEY) for _ in range(3)] == [True, True, False]
    seconds[0] = 0.5
    assert [throttle.admits(KEY) for _ in range(2)] == [True, False]
    seconds[0] = 60.0
    assert [throttle.admits(KEY) for _ in range(3)] == [True, True, False]


def test_no_rate_means_no_limit() -> None:
    throttle = Throttle(None, 1, lambda: 0.0)
    assert all(throttle.admits(KEY) for _ in range(100))


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_a_rate_that_never_refills_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Throttle(rate, 2, lambda: 0.0)
