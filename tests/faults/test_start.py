"""The first minute: nothing of the environment ends it with a traceback, and what it writes is its owner's."""

import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import App
from tests.faults.test_processes import UNPRIVILEGED
from tests.processes import CHAINLIT, SERVE, free_port, module, run, running_server, start
from tests.servers import databases


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


def said(app: App, code: str = SERVE, **env: str) -> list[str]:
    """The lines of a start that fails with exit code 1."""
    log = app.folder / "log"
    with log.open("wb") as output:
        given = {"CHAINLIT_PORT": str(app.port), **app.env, **env}
        with start(code, cwd=app.folder, env=given, output=output) as child:
            assert child.wait(60) == 1
    return [line for line in log.read_text().splitlines() if line]


@contextmanager
def started(app: App, code: str = SERVE, **env: str) -> Iterator[str]:
    """The log of a start that goes well."""
    with running_server(app.folder, {**app.env, **env}, app.port, code=code) as server:
        log = server.log.read_text()
        assert "Traceback" not in log
        yield log


class TestAddress:
    def test_a_taken_port_is_one_line_and_no_server_is_promised(self, app: App) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            [line] = said(app, CHAINLIT_PORT=str(port))
        assert str(port) in line

    @pytest.mark.parametrize(
        ("name", "value", "word"),
        [
            ("CHAINLIT_HOST", "203.0.113.9", "cannot listen"),
            ("CHAINLIT_HOST", "no such host", "no such address"),
            ("CHAINLIT_HOST", "é" * 80, "no such address"),
            ("CHAINLIT_PORT", "80a", "from 1 to 65535"),
            ("CHAINLIT_ROOT_PATH", "/a b", "a path such as /chat"),
            ("CHAINLIT_COOKIE_SAMESITE", "sometimes", '"lax"'),
            ("CHAINLIT_STATE_COOKIE_LIFETIME", "long", "seconds"),
            ("CHAINLIT_ENV_FILE", "latin-1.env", "UTF-8"),
            ("CHAINLIT_SSL_CERT", "/gone.pem", "CHAINLIT_SSL_CERT"),
        ],
    )
    def test_what_a_person_got_wrong_is_one_line(self, app: App, name: str, value: str, word: str) -> None:
        (app.folder / "latin-1.env").write_bytes("THREADKEEP_MODEL=\xe9t\xe9".encode("latin-1"))
        more = {"CHAINLIT_SSL_KEY": "/gone.key"} if name == "CHAINLIT_SSL_CERT" else {}
        *_, line = said(app, **{name: value, "THREADKEEP_AUTH": "accounts", **more})
        assert word in line
        assert "Traceback" not in line

    def test_ipv6_is_an_address_like_any_other(self, app: App) -> None:
        with started(app, CHAINLIT_HOST="::1"), socket.create_connection(("::1", app.port)):
            pass


class TestStore:
    @pytest.mark.parametrize(
        ("url", "word"),
        [
            ("oracle://me:hidden@x/y", "kind of database is not known"),
            ("postgresql+asyncpg://me:hidden@127.0.0.1/", "must name a database"),
            ("postgresql+asyncpg://me:hidden@127.0.0.1/db?lanes=0", "option lanes"),
            ("postgresql+psycopg://me:hidden@127.0.0.1/db", "write postgresql+asyncpg://"),
            ("mysql+asyncmy://127.0.0.1/db?user=me&password=hidden&schema=x", "a schema is a database"),
            ("sqlite+aiosqlite://", "must be a file"),
        ],
    )
    def test_a_database_that_cannot_be_is_one_line_for_the_server_and_for_each_command(
        self, app: App, url: str, word: str
    ) -> None:
        given = {**app.env, "THREADKEEP_DATABASE_URL": url}
        [line] = said(app, **given)
        told = [line, *(self._refused(app, given, *command) for command in self._commands(url))]
        for each in told:
            assert word in each
            assert "hidden" not in each

    @staticmethod
    def _commands(url: str) -> list[tuple[str, ...]]:
        return [
            ("assistant", "users", "list"),
            ("assistant", "users", "add", "ann", "--password-stdin"),
            ("datalayer", "info", "--database", url),
        ]

    @staticmethod
    def _refused(app: App, env: dict[str, str], name: str, *arguments: str) -> str:
        done = run(module(name), *arguments, cwd=app.folder, env=env, stdin="a-long-password\n")
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        return done.stderr

    @pytest.mark.services
    @pytest.mark.parametrize("kind", ["postgres", "mysql"])
    def test_a_right_that_is_missing_is_named(self, app: App, kind: str) -> None:
        with databases.weak_user(databases.empty_database(kind), "SELECT") as url:
            given = {**app.env, "THREADKEEP_DATABASE_URL": url}
            *_, line = said(app, **given)
            told = [line, self._refused(app, given, "assistant", "users", "add", "ann", "--password-stdin")]
        for each in told:
            assert "a right that this user needs: INSERT in the table" in each

    def test_a_folder_in_the_place_of_the_database_is_said_and_left_as_it_is(self, app: App) -> None:
        folder = app.folder.parent / "shared"
        folder.mkdir()
        folder.chmod(0o755)
        *_, line = said(app, THREADKEEP_DATABASE_URL=f"sqlite+aiosqlite:///{folder}")
        assert "The database is a folder" in line
        assert folder.stat().st_mode & 0o777 == 0o755

    @pytest.mark.parametrize(
        ("env", "word"),
        [
            ({"AWS_ENDPOINT_URL": "127.0.0.1:9000"}, "AWS_ENDPOINT_URL"),
            ({"AWS_ACCESS_KEY_ID": "a-key"}, "Missing SecretAccessKey"),
            ({"AWS_S3_EXPRESS": "perhaps"}, "AWS_"),
            ({"THREADKEEP_FILES": "s3://bucket/a/../files"}, "is empty, . or .."),
        ],
    )
    def test_a_wrong_setting_of_the_files_is_one_line(self, app: App, env: dict[str, str], word: str) -> None:
        [line] = said(app, **{"THREADKEEP_FILES": "s3://bucket/files", **env})
        assert word in line

    @pytest.mark.parametrize("part", ["__init__", "open"])
    def test_whatever_fails_in_making_the_data_layer_no_server_is_promised(self, app: App, part: str) -> None:
        broken = (
            f"from datalayer import store\ndef broken(*_): raise RuntimeError('hidden')\nstore.Store.{part} = broken\n"
        )
        *_, line = lines = said(app, broken + SERVE)
        assert "RuntimeError" in line
        assert [word for word in ("hidden", "Traceback", "available") if word in "".join(lines)] == []

    def test_a_database_that_needs_somebody_to_act_ends_the_start_also_when_it_is_opened(self, app: App) -> None:
        refusing = (
            "from datalayer import store, errors\n"
            "async def refused(*_): raise errors.StoreUnusable('a right is missing')\n"
            "store.Store.open = refused\n"
        )
        *_, line = said(app, refusing + SERVE)
        assert line.endswith("a right is missing")

    def test_a_bucket_or_folder_that_is_not_there_is_said_and_the_app_starts(self, app: App, s3_url: str) -> None:
        aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        (app.folder / "file").touch()
        absent, folder = "s3://no-such-bucket/files", str(app.folder / "file" / "files")
        with started(app, **aws, THREADKEEP_FILES=s3_url) as log:
            pass
        for files, word in ((absent, "does not exist"), (folder, "cannot be written")):
            env = {**app.env, **aws, "THREADKEEP_FILES": files}
            with running_server(app.folder, env, app.port, code=SERVE) as server:
                while f"THREADKEEP_FILES={files}: " not in (log := server.log.read_text()):
                    time.sleep(0.05)
                assert word in log
                assert s3_url not in log


class TestEnvironment:
    def test_nothing_in_it_stops_the_start_and_what_cannot_be_used_is_said_in_a_line(self, app: App) -> None:
        (app.folder / "garbage.pem").write_text("no certificate")
        odd = {
            "SSL_CERT_FILE": "/gone.pem",
            "SSL_CERT_DIR": "/gone",
            "REQUESTS_CA_BUNDLE": "garbage.pem",
            "SSLKEYLOGFILE": "/gone/keys",
            "HTTP_PROXY": "gopher://me:hidden-1@proxy",
            "https_proxy": "http://proxy:hidden-2",
            "ALL_PROXY": "socks5://hidden-3:1080",
            "NO_PROXY": "proxy:hidden-5",
            "DISCORD_BOT_TOKEN": "hidden-4",
        }
        silent = dict.fromkeys(("DEBUG", "CI", "WATCH", "ROOT", "RUN", "FEATURES", "UI", "PROJECT", "CODE"), "garbage")
        silent |= dict.fromkeys(("CHAINLIT_APP_ROOT", "TMPDIR"), "/gone")
        silent |= {"LANG": "xx_YY.garbage", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        silent |= {"UVICORN_WS_PROTOCOL": "garbage", "DATABASE_URL": "garbage", "LITERAL_API_KEY": "a-key"}
        silent |= dict.fromkeys(("GEMINI_API_KEY", "OPENAI_API_KEY"), "a-key")
        silent |= dict.fromkeys(("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"), "a-key")
        code = "import warnings; warnings.simplefilter('error')\n" + SERVE
        with started(app, code, **odd, **silent) as log:
            for name in odd:
                assert sum(line.startswith(f"{name} ") for line in log.splitlines()) == 1, name
            assert "hidden" not in log

    @pytest.mark.parametrize("code", [SERVE, CHAINLIT], ids=["serve", "chainlit run"])
    def test_all_that_is_written_lies_in_the_data_folder_for_its_owner_only(self, app: App, code: str) -> None:
        app.home.mkdir(mode=0o755)
        app.home.chmod(0o755)
        (app.home / "secret").touch(0o644)
        before = {path for path in app.folder.rglob("*")}
        with started(app, code) as log:
            pass
        assert f"{app.home} was open to other users" in log
        of_python = {path for path in app.folder.rglob("*") if "__pycache__" in path.parts}
        new = {path for path in app.folder.rglob("*") if path.suffix != ".log"} - before - of_python
        if code == SERVE:
            assert new == set()
        open_ = [path for path in (app.home, *app.home.rglob("*")) if not path.is_symlink() and is_open(path)]
        assert open_ == []

    def test_a_folder_of_code_that_cannot_be_written(self, app: App) -> None:
        for path in (app.folder, *app.folder.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)
        with started(app, (UNPRIVILEGED if os.geteuid() == 0 else "") + SERVE):
            assert list(app.home.glob("run/*/.files"))

    def test_the_folders_of_dead_processes_are_removed_and_those_of_living_ones_kept(self, app: App) -> None:
        with started(app):
            [first] = app.home.glob("run/*")
            (first / ".files" / "upload").write_text("secret")
            with running_server(app.folder, app.env, free_port(), code=SERVE):
                assert len([*app.home.glob("run/*")]) == 2
            assert (first / ".files" / "upload").read_text() == "secret"
        with started(app):
            assert len([*app.home.glob("run/*")]) == 1
        assert not first.exists()


def is_open(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
