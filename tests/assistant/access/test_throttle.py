"""The bound on tries, with a clock that the test moves."""

from assistant.access.throttle import Throttle


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_eleventh_try_is_refused_until_the_window_has_passed() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    assert all(throttle.admit("anna") for _ in range(10))
    clock.now = 899.9
    assert not throttle.admit("anna")
    clock.now = 900.0
    assert throttle.admit("anna")


def test_a_refused_try_does_not_lengthen_the_wait() -> None:
    clock = Clock()
    throttle = Throttle(tries=1, window=10, clock=clock)
    assert throttle.admit("anna")
    clock.now = 9
    assert not throttle.admit("anna")
    clock.now = 10
    assert throttle.admit("anna")


def test_names_are_counted_apart() -> None:
    throttle = Throttle(tries=1, clock=Clock())
    assert throttle.admit("anna")
    assert throttle.admit("bruno")
    assert not throttle.admit("anna")


def test_a_success_resets() -> None:
    throttle = Throttle(tries=2, clock=Clock())
    assert throttle.admit("anna")
    throttle.reset("anna")
    throttle.reset("never seen")
    assert throttle.admit("anna")
    assert throttle.admit("anna")
    assert not throttle.admit("anna")


def test_memory_is_bounded_by_forgetting_the_name_tried_longest_ago() -> None:
    throttle = Throttle(tries=1, names=2, clock=Clock())
    throttle.admit("anna")
    throttle.admit("bruno")
    assert not throttle.admit("anna")
    throttle.admit("chloe")
    assert not throttle.admit("anna")
    assert throttle.admit("bruno")
    assert len(throttle._log) == 2


def test_a_try_that_is_taken_back_does_not_count_and_only_the_newest_one_is() -> None:
    clock = Clock()
    throttle = Throttle(tries=2, window=10, clock=clock)
    throttle.admit("anna")
    clock.now = 5
    throttle.admit("anna")
    throttle.take_back("anna")
    throttle.take_back("never seen")
    assert throttle.admit("anna")
    assert not throttle.admit("anna")
    assert throttle.wait("anna") == 5  # until the first one is out of the window


def test_how_long_to_wait_is_known() -> None:
    clock = Clock()
    throttle = Throttle(tries=1, window=10, clock=clock)
    assert throttle.wait("anna") == 0
    throttle.admit("anna")
    clock.now = 4
    assert throttle.wait("anna") == 6
    clock.now = 11
    assert throttle.wait("anna") == 0
