"""How a server is reached: over TLS, with a password that nobody sees, by a bounded number of connections."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url

from datalayer import DataLayer, dialects, opening
from datalayer.dialects import server_schema
from datalayer.errors import InvalidInput, StoreUnavailable, StoreUnusable
from tests.conftest import make_step, new_id, steps_of
from tests.servers import databases, mariadb, postgres
from tests.servers.certificates import certificate
from tests.servers.mariadb import MariaDB
from tests.servers.process import private_folder, user

pytestmark = pytest.mark.services
SECRET = "s3cret-w0rd"


@pytest.fixture
def layer_at(tmp_path: Path) -> Callable[[str], DataLayer]:
    return lambda url: DataLayer(url, files=tmp_path / "files", spool=tmp_path / new_id())


class TestTls:
    async def test_of_postgresql(self, layer_at: Callable[[str], DataLayer], tmp_path: Path) -> None:
        with postgres.running() as server:
            cert, key = certificate(server.folder, server.owner)
            for name, value in (("ssl_cert_file", cert), ("ssl_key_file", key), ("ssl", "on")):
                server.sql(f"ALTER SYSTEM SET {name} = '{value}'", "postgres")
            server.sql("SELECT pg_reload_conf()", "postgres")
            trusted = tmp_path / "root.pem"
            trusted.write_bytes(cert.read_bytes())
            secure = layer_at(f"{server.url}?ssl=verify-full&sslrootcert={trusted}")
            await secure.create_step(make_step("t"))
            assert (await secure.health())["state"] == "ok"
            used = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'chat'"
            assert server.sql(used) == ["t"]
            await secure.close()
            with pytest.raises(StoreUnusable, match=r"certificate .* trusted"):  # nobody vouches for it
                server_schema.check(dialects.parse_url(f"{server.url}?ssl=verify-full"))

    async def test_of_mariadb(self, layer_at: Callable[[str], DataLayer], tmp_path: Path) -> None:
        owner = user("mysql")
        with private_folder(owner) as folder:
            cert, key = certificate(folder, owner)
            options = (f"--ssl-cert={cert}", f"--ssl-key={key}", "--require-secure-transport=ON")
            with mariadb.running(*options) as server:
                await self._reach(server, layer_at, cert)

    async def _reach(self, server: MariaDB, layer_at: Callable[[str], DataLayer], cert: Path) -> None:
        secure = layer_at(f"{server.url}?ssl_ca={cert}")
        await secure.create_step(make_step("t"))
        assert (await secure.health())["state"] == "ok"
        await secure.close()
        with pytest.raises(StoreUnusable, match="without TLS"):
            server_schema.check(dialects.parse_url(server.url))
        with pytest.raises(StoreUnusable, match=r"certificate .* trusted"):
            server_schema.check(dialects.parse_url(f"{server.url}?ssl_ca={ssl.get_default_verify_paths().cafile}"))

    @pytest.mark.parametrize("option", ["sslmode=require", "sslmode=verify-full"])
    def test_that_postgresql_does_not_speak_is_named(self, option: str) -> None:
        with postgres.running() as server, pytest.raises(StoreUnusable, match="speaks no TLS"):
            server_schema.check(dialects.parse_url(f"{server.url}?{option}"))

    def test_that_mariadb_does_not_speak_is_named(self, tmp_path: Path) -> None:
        cert, _ = certificate(tmp_path, None)
        with mariadb.running("--skip-ssl") as server, pytest.raises(StoreUnusable, match="speaks no TLS"):
            server_schema.check(dialects.parse_url(f"{server.url}?ssl_ca={cert}"))

    @pytest.mark.parametrize(
        ("kind", "option"),
        [
            *(("postgres", f"sslmode=require&{name}") for name in ("sslrootcert", "sslcert")),
            *(("mysql", name) for name in ("ssl_ca", "ssl_cert", "ssl_key")),
        ],
    )
    def test_a_file_that_cannot_be_used_is_named(self, kind: str, option: str, tmp_path: Path) -> None:
        url, name = databases.server_url(kind).render_as_string(hide_password=False), option.rpartition("&")[2]
        with pytest.raises(StoreUnusable, match=f"option {name} cannot be read") as raised:
            server_schema.check(dialects.parse_url(f"{url}?{option}={tmp_path}/none"))
        assert isinstance(raised.value.__cause__, FileNotFoundError)
        if name != "ssl_key":  # which is looked at beside its certificate
            (tmp_path / "text").write_text("no certificate")
            with pytest.raises(StoreUnusable, match=f"option {name} holds no certificate"):
                server_schema.check(dialects.parse_url(f"{url}?{option}={tmp_path}/text"))

    async def test_a_file_that_comes_later_is_used_then(
        self, layer_at: Callable[[str], DataLayer], tmp_path: Path
    ) -> None:
        with postgres.running() as server:
            cert, key = certificate(server.folder, server.owner)
            for name, value in (("ssl_cert_file", cert), ("ssl_key_file", key), ("ssl", "on")):
                server.sql(f"ALTER SYSTEM SET {name} = '{value}'", "postgres")
            server.sql("SELECT pg_reload_conf()", "postgres")
            late = tmp_path / "late.pem"
            layer = layer_at(f"{server.url}?sslmode=verify-full&sslrootcert={late}")
            await layer.create_step(make_step("t"))
            assert (await layer.health())["state"] == "degraded"
            late.write_bytes(cert.read_bytes())
            assert await layer.store.catch_up()
            await layer.close()


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
@pytest.mark.parametrize("option", ["hello", "application_name", "options"])
async def test_an_option_that_the_driver_does_not_know_is_named_and_loses_nothing(
    kind: str, option: str, layer_at: Callable[[str], DataLayer]
) -> None:
    url = f"{databases.empty_database(kind)}?{option}=s3cret"
    with pytest.raises(StoreUnusable, match=f"option .*: {option}$"):
        server_schema.check(dialects.parse_url(url))
    layer = layer_at(url)
    await layer.create_step(make_step("t"))
    assert (await layer.health())["state"] == "degraded"
    await layer.close()


@pytest.mark.parametrize(
    ("kind", "option", "error"),
    [
        ("postgres", "sslmode=sometimes", StoreUnusable),
        ("postgres", "port=70000", StoreUnusable),
        ("postgres", "connect_timeout=5", StoreUnusable),
        ("postgres", "prepared_statement_cache_size=few", InvalidInput),
        ("mysql", "connect_timeout=soon", InvalidInput),
        ("mysql", "ssl=true", StoreUnusable),
    ],
)
def test_a_value_that_the_driver_does_not_take_is_told_by_its_name(
    kind: str, option: str, error: type[Exception]
) -> None:
    url = databases.server_url(kind).render_as_string(hide_password=False)
    name = option.partition("=")[0]
    with pytest.raises(error, match=f"option .*: {name}$"):
        server_schema.check(dialects.parse_url(f"{url}?{option}"))


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_the_first_right_that_is_missing_is_named(kind: str) -> None:
    url = databases.empty_database(kind)
    rights = ["SELECT", "INSERT", "UPDATE", "DELETE"]
    for count, missing in enumerate(rights[1:], 1):
        with (
            databases.weak_user(url, *rights[:count]) as weak,
            pytest.raises(StoreUnusable, match=f"right .*: {missing} in"),
        ):
            server_schema.check(dialects.parse_url(weak))
    with databases.weak_user(url, *rights) as weak:
        server_schema.check(dialects.parse_url(weak))


async def test_there_are_no_more_connections_than_the_url_says(layer_at: Callable[[str], DataLayer]) -> None:
    url = databases.bare_database("postgres")
    layer = layer_at(f"{url}?lanes=2&readers=3")
    threads = [new_id() for _ in range(60)]
    await asyncio.gather(*(layer.create_step(make_step(thread)) for thread in threads))
    await asyncio.gather(*(steps_of(layer, thread) for thread in threads))
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert 2 <= databases.rows(url, count)[0][0] <= 2 + 3 + 1
    await layer.close()


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
async def test_a_password_is_in_no_log_and_no_error(
    kind: str, layer_at: Callable[[str], DataLayer], caplog: pytest.LogCaptureFixture
) -> None:
    right = databases.server_url(kind)
    wrong = [
        right.set(username="nobody", password=SECRET),
        right.set(port=1, password=SECRET),
        right.set(database="not_there", password=SECRET),
    ]
    with caplog.at_level("DEBUG"):
        for url in wrong:
            layer = layer_at(url.render_as_string(hide_password=False))
            with pytest.raises(StoreUnavailable) as raised:
                await layer.get_thread("t")
            await layer.create_step(make_step("t"))  # which the spool takes
            assert (await layer.health())["state"] == "degraded"
            assert SECRET not in f"{raised.value} {raised.value.__cause__} {layer.store.place}"
            await layer.close()
    assert SECRET not in caplog.text


async def test_a_password_may_have_any_character(layer_at: Callable[[str], DataLayer]) -> None:
    root, name, password = databases.server_url("mysql"), f"odd_{new_id()[:8]}", "é/@:模 x"
    url = make_url(databases.bare_database("mysql"))
    user = f"{name}@'127.0.0.1'"
    databases.execute(
        root, f"CREATE USER {user} IDENTIFIED BY '{password}'", f"GRANT ALL ON {url.database}.* TO {user}"
    )
    try:
        layer = layer_at(url.set(username=name, password=password).render_as_string(hide_password=False))
        await layer.create_step(make_step("t"))
        assert (await layer.health())["state"] == "ok"
        await layer.close()
    finally:
        databases.execute(root, f"DROP USER {user}")


async def test_a_user_without_the_right_to_make_tables_is_told_so() -> None:
    with postgres.running() as server:
        server.sql("CREATE ROLE weak LOGIN", "postgres")
        url = server.url.replace("chat:s3cret", "weak")
        database = dialects.database(dialects.parse_url(url))
        with pytest.raises(StoreUnusable, match="right"):
            await server_schema.upgrade(database)  # type: ignore[arg-type]
        await database.close()


async def test_a_clock_that_is_ahead_of_the_servers_is_told(
    layer_at: Callable[[str], DataLayer], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = layer_at(databases.empty_database("postgres"))
    ours = opening.now
    monkeypatch.setattr(opening, "now", lambda: ours() + 3_600_000_000)
    await layer.store.open()
    assert "the clock of the database's server is -3600.0 s ahead" in caplog.text
    await layer.close()
