"""Accounts: names, passwords, sessions, and the file they live in."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from assistant.access.accounts import AccountError, Accounts, account_key, clean_name
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
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts.json"


@pytest.fixture
def accounts(path: Path) -> Accounts:
    made = Accounts(path, CountingHasher())
    made.add("anna", PASSWORD)
    return made


class TestNames:
    def test_one_form_of_a_name_is_kept(self) -> None:
        assert clean_name(" Zoe\u0308 M. ") == "Zo\u00eb M."
        assert clean_name("Z") == "Z"

    @pytest.mark.parametrize(
        "name",
        ["", "  ", "a/b", "a\\b", "a\nb", "a\x00", "a\u202eb", "\ud800", "x" * 65, pytest.param(ACCENTS, id="accents")],
    )
    def test_an_impossible_name_is_refused(self, accounts: Accounts, name: str) -> None:
        with pytest.raises(AccountError):
            accounts.add(name, PASSWORD)
        assert account_key(name) == ""
        assert accounts.verify(name, PASSWORD) is None

    def test_case_counts(self, accounts: Accounts) -> None:
        accounts.add("Anna", "another password")
        assert list(accounts.list()) == ["Anna", "anna"]
        assert accounts.verify("Anna", PASSWORD) is None

    def test_a_name_is_taken_once(self, accounts: Accounts) -> None:
        with pytest.raises(AccountError, match="exists already"):
            accounts.add(" anna ", "another password")
        assert accounts.verify("anna", PASSWORD)


class TestPasswords:
    def test_a_password_has_eight_characters_or_more(self, accounts: Accounts) -> None:
        accounts.set_password("anna", "8 chars.")
        assert accounts.verify("anna", "8 chars.") is not None
        with pytest.raises(AccountError):
            accounts.set_password("anna", "7 chars")

    def test_right_and_wrong(self, accounts: Accounts) -> None:
        assert accounts.verify("anna", PASSWORD)
        assert accounts.verify("anna", PASSWORD + " ") is None
        assert accounts.verify("bruno", PASSWORD) is None
        assert accounts.verify("anna", "") is None

    @pytest.mark.parametrize("password", ["", "seven77", "é" * 513])
    def test_length_is_bounded(self, accounts: Accounts, password: str) -> None:
        with pytest.raises(AccountError, match="at least 8 characters"):
            accounts.add("bruno", password)
        with pytest.raises(AccountError, match="at least 8 characters"):
            accounts.set_password("anna", password)

    def test_the_longest_password_counts_to_its_last_byte(self, accounts: Accounts) -> None:
        accounts.add("bruno", "x" * 1024)
        assert accounts.verify("bruno", "x" * 1024)
        assert accounts.verify("bruno", "x" * 1025) is None
        assert accounts.verify("bruno", "x" * 1_000_000) is None
        assert accounts.verify("bruno", ACCENTS) is None

    def test_composed_and_decomposed_accents_are_one_password(self, accounts: Accounts) -> None:
        accounts.add("bruno", "de\u0301ja\u0300 vu!")
        assert accounts.verify("bruno", "d\u00e9j\u00e0 vu!")

    def test_every_refusal_costs_one_verification(self, path: Path, accounts: Accounts) -> None:
        accounts.add("bruno", PASSWORD)
        accounts.disable("bruno")
        for name in ("anna", "bruno", "nobody", "a/b", ""):
            hasher = CountingHasher()
            assert Accounts(path, hasher).verify(name, "wrong password") is None
            assert hasher.verified == 1

    def test_the_hash_of_nobody_costs_as_much_as_any(self, accounts: Accounts) -> None:
        stored = accounts.list()["anna"].hash
        assert stored.startswith("$argon2id$")
        assert accounts._nobody.split("$")[:4] == stored.split("$")[:4]

    def test_a_hash_that_is_none_refuses(self, path: Path, accounts: Accounts) -> None:
        path.write_text(path.read_text().replace("$argon2id", "$unknown"))
        assert accounts.verify("anna", PASSWORD) is None


class TestSessions:
    def test_a_session_lasts_while_nothing_changes(self, accounts: Accounts) -> None:
        session = accounts.verify("anna", PASSWORD)
        accounts.add("bruno", PASSWORD)
        assert accounts.is_current("anna", session)

    def test_nobody_has_no_session(self, accounts: Accounts) -> None:
        session = accounts.verify("anna", PASSWORD)
        assert not accounts.is_current("bruno", session)
        assert not accounts.is_current("anna", None)
        assert not accounts.is_current("bruno", None)

    def test_whoever_knows_the_old_password_changes_it(self, accounts: Accounts) -> None:
        session = accounts.verify("anna", PASSWORD)
        assert accounts.change_password("anna", "wrong password", "another password") is None
        assert accounts.change_password("nobody", PASSWORD, "another password") is None
        with pytest.raises(AccountError):
            accounts.change_password("anna", PASSWORD, "short")
        assert accounts.is_current("anna", session)
        changed = accounts.change_password("anna", PASSWORD, "another password")
        assert (accounts.verify("anna", "another password"), accounts.verify("anna", PASSWORD)) == (changed, None)
        assert not accounts.is_current("anna", session)
        accounts.disable("anna")
        assert accounts.change_password("anna", "another password", PASSWORD) is None

    def test_a_change_by_command_that_comes_in_between_wins(self, path: Path) -> None:
        class Overtaken(CountingHasher):
            def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
                if password == b"my new one":
                    Accounts(path, CountingHasher()).set_password("anna", "by the command")
                return super().hash(password, salt=salt)

        accounts = Accounts(path, Overtaken())
        accounts.add("anna", PASSWORD)
        assert accounts.change_password("anna", PASSWORD, "my new one") is None
        assert accounts.verify("anna", "by the command")

    def test_a_new_password_ends_sessions_of_the_same_second_and_lets_new_ones_in(self, accounts: Accounts) -> None:
        old = accounts.verify("anna", PASSWORD)
        accounts.set_password("anna", "another password")
        new = accounts.verify("anna", "another password")
        assert new
        assert accounts.is_current("anna", new)
        assert not accounts.is_current("anna", old)
        assert accounts.verify("anna", PASSWORD) is None

    def test_a_session_does_not_come_back_with_the_account(self, accounts: Accounts) -> None:
        old = accounts.verify("anna", PASSWORD)
        accounts.disable("anna")
        assert accounts.verify("anna", PASSWORD) is None
        assert not accounts.is_current("anna", old)
        accounts.enable("anna")
        assert not accounts.is_current("anna", old)
        assert accounts.is_current("anna", accounts.verify("anna", PASSWORD))

    def test_changing_nobody_is_an_error(self, accounts: Accounts) -> None:
        for change in (accounts.disable, accounts.enable, lambda name: accounts.set_password(name, PASSWORD)):
            with pytest.raises(AccountError, match="no account bruno"):
                change("bruno")


class TestFile:
    def test_what_cannot_be_stored_is_an_error_and_leaves_the_file_and_nothing_beside_it(
        self, accounts: Accounts, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        before = path.read_bytes(), sorted(path.parent.iterdir())
        monkeypatch.setattr("assistant.access.accounts.os.replace", full)
        with pytest.raises(OSError, match="No space"):
            accounts.add("bruno", PASSWORD)
        assert (path.read_bytes(), sorted(path.parent.iterdir())) == before

    def test_it_is_private_and_holds_no_password(self, path: Path, accounts: Accounts) -> None:
        assert path.stat().st_mode & 0o777 == 0o600
        assert PASSWORD not in path.read_text()
        assert "argon2" not in repr(accounts.list())

    def test_a_change_by_another_process_is_seen(self, path: Path, accounts: Accounts) -> None:
        session = accounts.verify("anna", PASSWORD)
        Accounts(path, CountingHasher()).disable("anna")
        assert not accounts.is_current("anna", session)
        path.unlink()
        assert accounts.list() == {}

    def test_a_failed_write_leaves_the_old_file_alone(
        self, path: Path, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = path.read_bytes()

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("assistant.access.accounts.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            accounts.add("bruno", PASSWORD)
        assert path.read_bytes() == before
        assert sorted(entry.name for entry in path.parent.iterdir()) == ["accounts.json", "accounts.lock"]

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"version": 2, "accounts": {}}'])
    def test_a_file_that_is_not_understood_is_never_overwritten(
        self, path: Path, accounts: Accounts, content: bytes
    ) -> None:
        path.write_bytes(content)
        for use in (lambda: accounts.add("bruno", PASSWORD), accounts.list, lambda: accounts.verify("a", "b")):
            with pytest.raises(AccountError, match="damaged") as caught:
                use()
            assert "\n" not in str(caught.value)
        assert path.read_bytes() == content

    def test_a_key_of_a_newer_version_is_not_dropped(self, path: Path, accounts: Accounts) -> None:
        path.write_text(path.read_text().replace('"disabled"', '"role": "admin", "disabled"'))
        with pytest.raises(AccountError):
            accounts.disable("anna")
        assert "admin" in path.read_text()

    def test_threads_lose_nothing(self, path: Path) -> None:
        def add(number: int) -> None:
            Accounts(path, CountingHasher()).add(f"user {number:02}", PASSWORD)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add, range(24)))
        assert len(Accounts(path, CountingHasher()).list()) == 24

    def test_processes_lose_nothing(self, path: Path) -> None:
        script = (
            "import sys; from pathlib import Path; from argon2 import PasswordHasher; "
            "from assistant.access.accounts import Accounts\n"
            "accounts = Accounts(Path(sys.argv[1]), PasswordHasher(1, 64, 1))\n"
            "for number in range(15): accounts.add(f'{sys.argv[2]} {number}', 'a password')"
        )
        running = [start(script, str(path), name, cwd=path.parent) for name in ("anna", "bruno", "chloe")]
        assert [process.wait(60) for process in running] == [0, 0, 0]
        assert len(Accounts(path, CountingHasher()).list()) == 45
