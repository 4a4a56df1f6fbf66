"""When a model whose quota has ended is asked again."""

from datetime import UTC, datetime

import pytest

from assistant.models import QuotaExhausted
from assistant.models.breaker import TRIAL, Breaker

FLASH, PRO = ("gemini", "flash"), ("gemini", "pro")
NOON = datetime(2026, 11, 25, 20, tzinfo=UTC).timestamp()


class Clock:
    now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock)


def refusal(breaker: Breaker, insist: bool = False) -> QuotaExhausted | None:
    try:
        breaker.check(FLASH, insist)
    except QuotaExhausted as error:
        return error
    return None


def test_without_a_refusal_every_call_goes(breaker: Breaker) -> None:
    assert [refusal(breaker) for _ in range(3)] == [None] * 3


def test_no_call_goes_until_the_quota_is_back_and_the_time_left_is_told(breaker: Breaker, clock: Clock) -> None:
    assert breaker.exhausted(FLASH, QuotaExhausted("", 40, "minute")) == 40
    clock.now += 15
    told = refusal(breaker)
    assert told is not None
    assert (told.retry_after, told.scope, told.reason) == (25, "minute", "quota_minute")


def test_another_model_of_the_provider_is_still_asked(breaker: Breaker) -> None:
    breaker.exhausted(FLASH, QuotaExhausted("", 40))
    breaker.check(PRO)


def test_then_one_call_goes_first_and_the_others_wait_for_what_it_finds(breaker: Breaker, clock: Clock) -> None:
    breaker.exhausted(FLASH, QuotaExhausted("", 40))
    clock.now += 40
    assert refusal(breaker) is None
    assert all(refusal(breaker) for _ in range(50))
    breaker.answered(FLASH)
    assert [refusal(breaker) for _ in range(3)] == [None] * 3


def test_a_first_call_that_never_ends_does_not_hold_the_others_for_ever(breaker: Breaker, clock: Clock) -> None:
    breaker.exhausted(FLASH, QuotaExhausted("", 40))
    clock.now += 40
    refusal(breaker)
    clock.now += TRIAL
    assert refusal(breaker) is None


def test_without_a_time_the_pauses_grow_up_to_an_hour_and_begin_anew_after_an_answer(breaker: Breaker) -> None:
    silent = QuotaExhausted("")
    assert [breaker.exhausted(FLASH, silent) for _ in range(8)] == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    breaker.answered(FLASH)
    assert breaker.exhausted(FLASH, silent) == 60


def test_a_daily_quota_without_a_time_promises_none_and_is_asked_about_once_an_hour(
    breaker: Breaker, clock: Clock
) -> None:
    assert breaker.exhausted(FLASH, QuotaExhausted("", None, "day")) is None
    clock.now += 3599
    told = refusal(breaker)
    assert told is not None
    assert (told.retry_after, told.scope) == (None, "day")
    clock.now += 1
    assert refusal(breaker) is None


def test_a_daily_quota_that_names_a_time_of_its_own_is_believed(breaker: Breaker) -> None:
    assert breaker.exhausted(FLASH, QuotaExhausted("", 5 * 3600, "day")) == 5 * 3600


def test_a_person_who_insists_is_let_through_but_not_faster_than_once_a_second(breaker: Breaker, clock: Clock) -> None:
    breaker.exhausted(FLASH, QuotaExhausted("", 4000))
    assert refusal(breaker, insist=True)
    clock.now += 1
    assert refusal(breaker, insist=True) is None
    assert refusal(breaker, insist=True)
    told = refusal(breaker)
    assert told is not None
    assert told.retry_after == 3999  # insisting does not bring the quota back


def test_no_pause_is_longer_than_a_day_and_no_count_of_refusals_too_large(breaker: Breaker) -> None:
    for said in (1e9, 10.0**300, float("inf")):
        assert breaker.exhausted(FLASH, QuotaExhausted("", said)) == 86_400
    assert breaker.exhausted(FLASH, QuotaExhausted("", -5)) == 0
    assert [breaker.exhausted(FLASH, QuotaExhausted("")) for _ in range(1100)][-1] == 3600


def test_a_call_that_is_no_trial_lets_the_trial_go(breaker: Breaker, clock: Clock) -> None:
    breaker.exhausted(FLASH, QuotaExhausted("", 60))
    with pytest.raises(QuotaExhausted):
        breaker.check(FLASH, trial=False)
    clock.now += 60
    breaker.check(FLASH, trial=False)
    assert refusal(breaker) is None
    assert refusal(breaker)
