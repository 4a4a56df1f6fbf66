"""Accounts: names, passwords, sessions, and where they are kept."""

import asyncio
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from assistant.access.accounts import AccountError, Accounts, account_key, clean_name
from assistant.access.values import Values
from datalayer import DataLayerError
from datalayer.records import AppValue
from tests.accounts import AccountsOf
from tests.assistant.access.kept import Kept
from tests.processes import start

PASSWORD = "correct horse"
ACCENTS = "x" + "\u0301\u0327" * 200_000  # putting them in order would take hours


class CountingHasher(PasswordHasher):
    """The real thing at a small cost; `verified` counts the verifications."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.verified += 1
        return super().verify(hash, password)


@pytest.fixture
def kept() -> Kept:
    return Kept()


def of(kept: Kept, former: Path | None = None, hasher: PasswordHasher | None = None) -> Accounts:
    """Those of an instance, or of a command."""
    return Accounts(Values(lambda: kept), former, hasher or CountingHasher())


@pytest.fixture
async def accounts(kept: Kept) -> Accounts:
    made = of(kept)
    await made.add("anna", PASSWORD)
    return made


async def verify(accounts: Accounts, name: str, password: str) -> float | None:
    account = await accounts.get(account_key(name))
    return account.valid_after if account and accounts.matches(account, password) else None


async def change(accounts: Accounts, name: str, old: str, new: str) -> float | None:
    account = await accounts.get(name)
    hashed = accounts.rehashed(account, old, new)
    return await accounts.change_password(name, account, hashed) if account and hashed else None


class TestNames:
    def test_one_form_of_a_name_is_kept(self) -> None:
        assert clean_name(" Zoe\u0308 M. ") == "Zo\u00eb M."
        assert clean_name("Z") == "Z"

    @pytest.mark.parametrize(
        "name",
        ["", "  ", "a/b", "a\\b", "a\nb", "a\x00", "a\u202eb", "\ud800", "x" * 65, pytest.param(ACCENTS, id="accents")],
    )
    async def test_an_impossible_name_is_refused(self, accounts: Accounts, name: str) -> None:
        with pytest.raises(AccountError):
            await accounts.add(name, PASSWORD)
        assert account_key(name) == ""
        assert await accounts.get(name) is None

    async def test_case_counts(self, accounts: Accounts) -> None:
        await accounts.add("Anna", "another password")
        assert list(await accounts.list()) == ["Anna", "anna"]
        assert await verify(accounts, "Anna", PASSWORD) is None

    async def test_a_name_is_taken_once(self, accounts: Accounts) -> None:
        with pytest.raises(AccountError, match="exists already"):
            await accounts.add(" anna ", "another password")
        assert await verify(accounts, "anna", PASSWORD)


class TestPasswords:
    async def test_a_password_has_eight_characters_or_more(self, accounts: Accounts) -> None:
        await accounts.set_password("anna", "8 chars.")
        assert await verify(accounts, "anna", "8 chars.") is not None
        with pytest.raises(AccountError):
            await accounts.set_password("anna", "7 chars")

    async def test_right_and_wrong(self, accounts: Accounts) -> None:
        assert await verify(accounts, "anna", PASSWORD)
        assert await verify(accounts, "anna", PASSWORD + " ") is None
        assert await verify(accounts, "bruno", PASSWORD) is None
        assert await verify(accounts, "anna", "") is None

    @pytest.mark.parametrize("password", ["", "seven77", "é" * 513])
    async def test_length_is_bounded(self, accounts: Accounts, password: str) -> None:
        with pytest.raises(AccountError, match="at least 8 characters"):
            await accounts.add("bruno", password)
        with pytest.raises(AccountError, match="at least 8 characters"):
            await accounts.set_password("anna", password)

    async def test_the_longest_password_counts_to_its_last_byte(self, accounts: Accounts) -> None:
        await accounts.add("bruno", "x" * 1024)
        assert await verify(accounts, "bruno", "x" * 1024)
        for wrong in ("x" * 1025, "x" * 1_000_000, ACCENTS):
            assert await verify(accounts, "bruno", wrong) is None

    async def test_composed_and_decomposed_accents_are_one_password(self, accounts: Accounts) -> None:
        await accounts.add("bruno", "de\u0301ja\u0300 vu!")
        assert await verify(accounts, "bruno", "d\u00e9j\u00e0 vu!")

    async def test_every_refusal_costs_one_verification(self, kept: Kept, accounts: Accounts) -> None:
        await accounts.add("bruno", PASSWORD)
        await accounts.disable("bruno")
        for name in ("anna", "bruno", "nobody", "a/b", ""):
            hasher = CountingHasher()
            others = of(kept, hasher=hasher)
            assert not others.matches(await others.get(account_key(name)), "wrong password")
            assert hasher.verified == 1

    async def test_the_hash_of_nobody_costs_as_much_as_any(self, accounts: Accounts) -> None:
        stored = (await accounts.list())["anna"].hash
        assert stored.startswith("$argon2id$")
        assert accounts._nobody.split("$")[:4] == stored.split("$")[:4]

    async def test_a_hash_that_is_none_refuses(self, kept: Kept, accounts: Accounts) -> None:
        value = kept.rows["account/anna"].value
        kept.rows["account/anna"] = AppValue({**value, "hash": "$unknown$"}, 99)
        assert await verify(of(kept), "anna", PASSWORD) is None


class TestSessions:
    async def test_a_session_lasts_while_nothing_changes(self, accounts: Accounts) -> None:
        session = await verify(accounts, "anna", PASSWORD)
        await accounts.add("bruno", PASSWORD)
        assert await accounts.is_current("anna", session)

    async def test_nobody_has_no_session(self, accounts: Accounts) -> None:
        session = await verify(accounts, "anna", PASSWORD)
        assert not await accounts.is_current("bruno", session)
        assert not await accounts.is_current("anna", None)
        assert not await accounts.is_current("bruno", None)

    async def test_whoever_knows_the_old_password_changes_it(self, accounts: Accounts) -> None:
        session = await verify(accounts, "anna", PASSWORD)
        assert await change(accounts, "anna", "wrong password", "another password") is None
        assert await change(accounts, "nobody", PASSWORD, "another password") is None
        with pytest.raises(AccountError):
            await change(accounts, "anna", PASSWORD, "short")
        assert await accounts.is_current("anna", session)
        changed = await change(accounts, "anna", PASSWORD, "another password")
        found = await verify(accounts, "anna", "another password"), await verify(accounts, "anna", PASSWORD)
        assert found == (changed, None)
        assert not await accounts.is_current("anna", session)
        await accounts.disable("anna")
        assert await change(accounts, "anna", "another password", PASSWORD) is None

    async def test_a_change_by_command_that_comes_in_between_wins(self, kept: Kept, accounts: Accounts) -> None:
        account = await accounts.get("anna")
        assert account
        hashed = accounts.rehashed(account, PASSWORD, "my new one")
        assert hashed
        await of(kept).set_password("anna", "by the command")
        assert await accounts.change_password("anna", account, hashed) is None
        assert await verify(of(kept), "anna", "by the command")

    async def test_a_new_password_ends_sessions_of_the_same_second_and_lets_new_ones_in(
        self, accounts: Accounts
    ) -> None:
        old = await verify(accounts, "anna", PASSWORD)
        await accounts.set_password("anna", "another password")
        new = await verify(accounts, "anna", "another password")
        assert new
        assert await accounts.is_current("anna", new)
        assert not await accounts.is_current("anna", old)
        assert await verify(accounts, "anna", PASSWORD) is None

    async def test_a_session_does_not_come_back_with_the_account(self, accounts: Accounts) -> None:
        old = await verify(accounts, "anna", PASSWORD)
        await accounts.disable("anna")
        assert await verify(accounts, "anna", PASSWORD) is None
        assert not await accounts.is_current("anna", old)
        await accounts.enable("anna")
        assert not await accounts.is_current("anna", old)
        assert await accounts.is_current("anna", await verify(accounts, "anna", PASSWORD))

    async def test_a_session_of_a_new_password_is_current_at_once_on_another_instance(self, kept: Kept) -> None:
        here, there = of(kept), of(kept)
        await here.add("anna", PASSWORD)
        assert await there.is_current("anna", await verify(here, "anna", PASSWORD))
        await here.set_password("anna", "another password")
        assert await there.is_current("anna", await verify(here, "anna", "another password"))

    async def test_changing_nobody_is_an_error(self, accounts: Accounts) -> None:
        for changing in (
            accounts.disable("bruno"),
            accounts.enable("bruno"),
            accounts.set_password("bruno", PASSWORD),
        ):
            with pytest.raises(AccountError, match="no account bruno"):
                await changing


class TestWhereTheyAre:
    async def test_no_password_is_kept_and_no_hash_is_shown(self, kept: Kept, accounts: Accounts) -> None:
        assert PASSWORD not in repr([row.value for row in kept.rows.values()])
        assert "argon2" not in repr(await accounts.list())
        assert "argon2" not in repr(kept.rows)

    async def test_what_is_not_understood_is_never_overwritten(self, kept: Kept, accounts: Accounts) -> None:
        for value in ({**kept.rows["account/anna"].value, "role": "admin"}, {"hash": 5}, [], "x"):
            kept.rows["account/anna"] = AppValue(value, 99)
            other = of(kept)
            for use in (other.disable("anna"), other.list(), other.get("anna")):
                with pytest.raises(AccountError, match="damaged") as caught:
                    await use
                assert "\n" not in str(caught.value)
            assert kept.rows["account/anna"] == AppValue(value, 99)

    async def test_while_the_database_is_away_nothing_is_changed_and_what_is_known_holds(
        self, kept: Kept, accounts: Accounts
    ) -> None:
        session = await verify(accounts, "anna", PASSWORD)
        kept.away = True
        assert await accounts.is_current("anna", session)
        for use in (accounts.add("bruno", PASSWORD), accounts.list(), of(kept).get("anna"), accounts.get("bruno")):
            with pytest.raises(DataLayerError):
                await use
        kept.away = False
        assert list(await of(kept).list()) == ["anna"]

    def test_commands_of_several_processes_lose_nothing(self, tmp_path: Path) -> None:
        script = (
            "import sys; from pathlib import Path; from tests.accounts import AccountsOf\n"
            "accounts = AccountsOf(Path(sys.argv[1]))\n"
            "for number in range(6): accounts.add(f'{sys.argv[2]} {number}', 'a password')\n"
            "for number in range(6): accounts.set_password('shared', f'password {sys.argv[2]}')"
        )
        AccountsOf(tmp_path).add("shared", PASSWORD)
        running = [start(script, str(tmp_path), name, cwd=tmp_path) for name in ("anna", "bruno", "chloe")]
        assert [process.wait(120) for process in running] == [0, 0, 0]
        assert len(AccountsOf(tmp_path).list()) == 19

    async def test_many_at_once_lose_nothing(self, kept: Kept) -> None:
        instances = [of(kept) for _ in range(4)]
        await asyncio.gather(*(instances[n % 4].add(f"user {n:02}", PASSWORD) for n in range(24)))
        assert len(await of(kept).list()) == 24


def content(path: Path, new: bytes | None = None) -> bytes:
    if new is not None:
        path.write_bytes(new)
    return path.read_bytes()


class TestFormerFile:
    FORMER = '{"version": 1, "accounts": {"zoe": {"hash": "HASH", "created_at": 1, "valid_after": 2}}}'

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "accounts.json"
        path.write_text(self.FORMER.replace("HASH", CountingHasher().hash(PASSWORD)))
        return path

    async def test_it_is_taken_over_once_and_kept_aside(self, kept: Kept, path: Path) -> None:
        assert await verify(of(kept, path), "zoe", PASSWORD) == 2
        assert [each.name for each in path.parent.iterdir()] == ["accounts.json.taken-over"]
        await of(kept, path).disable("zoe")
        assert not await of(kept, path).is_current("zoe", 2)

    async def test_what_is_in_the_database_is_newer(self, kept: Kept, path: Path) -> None:
        await of(kept).add("zoe", "another password")
        assert await verify(of(kept, path), "zoe", PASSWORD) is None
        assert await verify(of(kept, path), "zoe", "another password")

    async def test_two_that_begin_at_once_agree(self, kept: Kept, path: Path) -> None:
        found = await asyncio.gather(*(verify(of(kept, path), "zoe", PASSWORD) for _ in range(4)))
        assert found == [2] * 4

    async def test_it_stays_while_the_database_is_away(self, kept: Kept, path: Path) -> None:
        kept.away = True
        accounts = of(kept, path)
        with pytest.raises(DataLayerError):
            await accounts.get("zoe")
        assert content(path)
        kept.away = False
        assert await verify(accounts, "zoe", PASSWORD) == 2

    @pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"\xff", b'{"version": 2, "accounts": {}}'])
    async def test_one_that_is_not_understood_is_left_alone(self, kept: Kept, path: Path, broken: bytes) -> None:
        content(path, broken)
        for use in (of(kept, path).add("bruno", PASSWORD), of(kept, path).list()):
            with pytest.raises(AccountError, match="damaged"):
                await use
        assert content(path) == broken
        assert kept.rows == {}
