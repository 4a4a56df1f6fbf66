"""Who may try a password, how often, and after whom; without a server."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from assistant.access.accounts import AccountError, Accounts
from assistant.access.devices import Device, Devices
from assistant.access.hashing import Busy, HashQueue
from assistant.access.passwords import Passwords, SignInRefused, address_key
from assistant.access.values import Values
from datalayer.records import AppValue
from tests.assistant.access.kept import Kept

PASSWORD, HERE, THERE = "correct horse", "192.0.2.1", "198.51.100.1"
NEW, HERS = Device(), Device("her-device", ("anna",))


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
async def accounts(kept: Kept) -> Accounts:
    accounts = Accounts(Values(lambda: kept), hasher=PasswordHasher(1, 64, 1))
    for name in ("anna", "bruno"):
        await accounts.add(name, PASSWORD)
    return accounts


@pytest.fixture
def passwords(accounts: Accounts) -> Passwords:
    return Passwords(accounts)


async def refusal(passwords: Passwords, name: str, host: str = HERE, device: Device = NEW) -> tuple[int, str]:
    with pytest.raises(SignInRefused) as caught:
        await passwords.check(name, PASSWORD, host, device)
    assert 1 <= caught.value.retry_after <= 900
    return caught.value.status, caught.value.reason


async def fail(passwords: Passwords, name: str, times: int, host: str = HERE, device: Device = NEW) -> None:
    for _ in range(times):
        assert await passwords.check(name, "wrong", host, device) is None


class TestCounts:
    async def test_a_name_is_the_one_form_of_it(self, passwords: Passwords, accounts: Accounts) -> None:
        found = await passwords.check(" anna ", PASSWORD, HERE, NEW)
        assert found == ("anna", (await accounts.list())["anna"].valid_after)

    async def test_spellings_of_a_name_share_ten_tries_and_a_stranger_is_counted_alike(
        self, passwords: Passwords
    ) -> None:
        for name in ("anna", "nobody"):
            await fail(passwords, name, 5)
            await fail(passwords, f" {name}", 5)
            assert await refusal(passwords, f"{name} ") == (429, "toomanytries")

    async def test_a_known_device_is_not_locked_by_what_others_do(self, passwords: Passwords) -> None:
        await fail(passwords, "anna", 10)
        assert await refusal(passwords, "anna") == (429, "toomanytries")
        assert await passwords.check("anna", PASSWORD, HERE, HERS)

    async def test_a_known_device_has_ten_tries_of_its_own(self, passwords: Passwords) -> None:
        await fail(passwords, "anna", 10, device=HERS)
        assert await refusal(passwords, "anna", device=HERS) == (429, "toomanytries")
        assert await passwords.check("anna", PASSWORD, HERE, NEW)

    async def test_a_device_is_known_for_its_own_names_only(self, passwords: Passwords) -> None:
        await fail(passwords, "bruno", 10, device=HERS)
        assert await refusal(passwords, "bruno", THERE) == (429, "toomanytries")
        assert await passwords.check("anna", PASSWORD, HERE, HERS)

    async def test_tries_at_a_name_that_is_locked_take_none_of_its_address(self, passwords: Passwords) -> None:
        await fail(passwords, "bruno", 10)
        for _ in range(100):
            assert await refusal(passwords, "bruno") == (429, "toomanytries")
        assert await passwords.check("anna", PASSWORD, HERE, NEW)

    async def test_an_address_has_a_hundred_tries_and_others_have_theirs(self, passwords: Passwords) -> None:
        for number in range(99):
            await fail(passwords, f"nobody {number}", 1)
        assert await passwords.check("bruno", PASSWORD, HERE, NEW)  # that gives no new tries at other people's
        await fail(passwords, "nobody else", 1)
        assert await refusal(passwords, "anna") == (429, "toomanyhere")
        assert await passwords.check("anna", PASSWORD, THERE, NEW)
        assert await passwords.check("anna", PASSWORD, HERE, HERS)

    async def test_a_success_gives_all_tries_of_the_name_back(self, passwords: Passwords) -> None:
        for _ in range(2):
            await fail(passwords, "anna", 9)
            assert await passwords.check("anna", PASSWORD, HERE, NEW)

    async def test_many_at_the_same_moment_do_not_pass_the_bound(self, passwords: Passwords) -> None:
        tries = [passwords.check("anna", "wrong", f"192.0.2.{n}", NEW) for n in range(40)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(outcome is None for outcome in outcomes) <= 10

    async def test_a_damaged_account_is_no_wrong_password(self, kept: Kept) -> None:
        kept.rows["account/anna"] = AppValue({}, 99)
        passwords = Passwords(Accounts(Values(lambda: kept), hasher=PasswordHasher(1, 64, 1)))
        for _ in range(11):
            with pytest.raises(AccountError):
                await passwords.check("anna", PASSWORD, HERE, NEW)

    async def test_a_database_that_is_away_is_no_wrong_password(self, kept: Kept, passwords: Passwords) -> None:
        kept.away = True
        for _ in range(11):
            assert await refusal(passwords, "nobody") == (503, "away")


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("", ""),
        ("x" * 1000, "x" * 64),
    ],
)
def test_an_address_of_ipv6_is_its_network(host: str, key: str) -> None:
    assert address_key(host) == key


class TestDevices:
    def test_a_cookie_holds_who_has_signed_in(self) -> None:
        devices = Devices("s" * 32)
        first = devices.read(devices.remember(Device(), "anna"))
        both = devices.read(devices.remember(first, "bruno"))
        assert both.id == first.id
        assert [both.knows(name) for name in ("anna", "bruno", "chloé")] == [True, True, False]
        for number in range(9):
            both = devices.read(devices.remember(both, f"name {number}"))
        assert both.names == tuple(f"name {number}" for number in (8, 7, 6, 5, 4))

    def test_a_forged_one_is_unknown(self) -> None:
        forged = Devices("t" * 32).remember(Device(), "anna")
        for cookie in (None, "", "x", forged, forged[:-2]):
            assert Devices("s" * 32).read(cookie) == Device()


class Slow:
    """A function that ends when the test lets it."""

    def __init__(self) -> None:
        self.go, self.order = threading.Semaphore(0), list[str]()

    def __call__(self, name: str) -> str:
        assert self.go.acquire(timeout=20)
        self.order.append(name)
        return name


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.go.release(100)


async def started(queue: HashQueue, slow: Slow, *calls: tuple[str, str]) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(queue.run(key, slow, name)) for key, name in calls]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


class TestLane:
    async def test_whoever_comes_after_a_crowd_is_next_and_the_crowd_gives_way(self, slow: Slow) -> None:
        queue = HashQueue(waiting=3)
        crowd = await started(queue, slow, *(("crowd", f"c{n}") for n in range(60)))
        turned_away = [task for task in crowd if task.done()]
        assert len(turned_away) == 56
        assert all(isinstance(task.exception(), Busy) for task in turned_away)
        await started(queue, slow, ("anna", "anna"))
        slow.go.release(10)
        outcomes = await asyncio.gather(*crowd, return_exceptions=True)
        assert slow.order == ["c0", "anna", "c59", "c58"]
        assert sum(isinstance(outcome, Busy) for outcome in outcomes) == 57

    async def test_nobody_waits_longer_than_patience(self, slow: Slow) -> None:
        queue = HashQueue(patience=0.05)
        first, second = await started(queue, slow, ("a", "a"), ("b", "b"))
        with pytest.raises(Busy):
            await second
        slow.go.release(2)
        assert await first == "a"
        assert await queue.run("c", slow, "c") == "c"

    async def test_one_who_leaves_is_no_hole_in_the_queue(self, slow: Slow) -> None:
        queue = HashQueue()
        first, second, third = await started(queue, slow, ("a", "a"), ("b", "b"), ("c", "c"))
        third.cancel()
        (fourth,) = await started(queue, slow, ("d", "d"))
        slow.go.release(3)
        assert [await first, await second, await fourth] == ["a", "b", "d"]
        assert (slow.order, third.cancelled()) == (["a", "d", "b"], True)

    async def test_one_who_leaves_when_called_leaves_the_turn_to_the_next(self, slow: Slow) -> None:
        queue = HashQueue()
        first, second, third = await started(queue, slow, ("a", "a"), ("b", "b"), ("c", "c"))
        first.add_done_callback(lambda _: third.cancel())  # the newest, so it has just been called
        slow.go.release(2)
        assert [await first, await second] == ["a", "b"]
        assert (slow.order, third.cancelled()) == (["a", "b"], True)

    async def test_one_who_came_alone_before_a_crowd_keeps_the_place(self, slow: Slow) -> None:
        queue = HashQueue(waiting=2)
        tasks = await started(queue, slow, ("first", "a"), ("anna", "anna"), ("crowd", "c1"), ("crowd", "c2"))
        assert [task.done() for task in tasks] == [False, False, True, False]
        slow.go.release(3)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert slow.order == ["a", "c2", "anna"]

    async def test_an_error_is_the_callers_and_the_next_is_served(self) -> None:
        queue = HashQueue()
        with pytest.raises(ValueError, match="bad"):
            await queue.run("a", int, "bad")
        assert await queue.run("a", int, "1") == 1
