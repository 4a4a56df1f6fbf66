"""The memory in Redis when Redis is not as it should be: gone, mute, full, foreign, holding something else."""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from assistant.memory import HotLimits, Memory, link, open_memory
from assistant.memory import redis as memory_redis
from assistant.memory.scripts import FORMAT
from tests.assistant.memory.memories import Redis, keep, listed, look, session
from tests.processes import free_port
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.services


@pytest.fixture
async def place() -> AsyncIterator[Redis]:
    place = Redis()
    yield place
    await place.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(memory_redis, "PAUSE", 0.02)
    caplog.set_level(logging.INFO, "assistant")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.kill()


@asynccontextmanager
async def opened(url: str, **limits: Any) -> AsyncIterator[Memory]:
    memory = open_memory(url, HotLimits(**limits))
    yield memory
    await memory.close()


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what it waits for is in Redis or in the log
            await asyncio.sleep(0.005)


def back(caplog: pytest.LogCaptureFixture) -> Callable[[], bool]:
    return lambda: caplog.messages[-1:] == ["the memory is back"]


class TestGoneAndBack:
    async def test_turns_go_on_with_one_warning_and_all_is_well_when_it_is_back(
        self, server: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.start()
        async with opened(server.url) as memory:
            await keep(memory, "anna", "t")
            server.kill()
            for _ in range(5):
                assert await look(memory, "anna", "t") is None
                assert await keep(memory, "anna", "t") == []
                await memory.drop("anna", "t")
                assert await memory.sessions("anna") == []
            assert caplog.messages == ["the memory is away: no connection (ConnectionError)"]
            server.start()
            await wait_for(back(caplog))
            await keep(memory, "anna", "t")
            assert await look(memory, "anna", "t") == session()
        assert len(caplog.messages) == 2

    async def test_a_restart_between_two_turns_is_not_noticed(
        self, server: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.start()
        async with opened(server.url) as memory:
            await keep(memory, "anna", "t")
            server.kill()
            server.start()
            assert await look(memory, "anna", "t") is None
            await keep(memory, "anna", "t")
            assert await look(memory, "anna", "t") == session()
        assert caplog.messages == []

    async def test_what_it_had_saved_before_the_last_turn_is_not_given_to_anyone(self, server: RedisServer) -> None:
        server.start()
        async with opened(server.url) as memory:
            await keep(memory, "anna", "t", session("old"))
            await keep(memory, "anna", "other", session("other"))
            server.raw.save()
            await keep(memory, "anna", "t", session("old", "new"))
            server.kill()
            server.start()
            assert server.raw.dbsize() > 1
            assert await memory.sessions("anna") == []
            assert await look(memory, "anna", "t") is None
            await keep(memory, "anna", "t")
            assert await look(memory, "anna", "t") == session()

    async def test_it_may_be_gone_from_the_start(self, server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
        async with opened(server.url) as memory:
            assert await look(memory, "anna", "t") is None
            server.start()
            await wait_for(back(caplog))
            await keep(memory, "anna", "t")
            assert await look(memory, "anna", "t") == session()

    async def test_while_it_is_away_nobody_waits_for_it(
        self, server: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(link, "WAIT", 0.05)
        monkeypatch.setattr(memory_redis, "PAUSE", 1000)
        server.start()
        async with opened(server.url) as memory:
            await keep(memory, "anna", "t")
            server.send(signal.SIGSTOP)  # it accepts, and never answers
            assert await look(memory, "anna", "t") is None
            assert caplog.messages == ["the memory is away: no answer (TimeoutError)"]
            spoken: list[Any] = []
            monkeypatch.setattr(memory, "_run", lambda *call: spoken.append(call))
            assert await look(memory, "anna", "t") is None
            assert spoken == []
            server.send(signal.SIGCONT)

    async def test_what_changed_while_it_could_not_be_reached_is_not_given_to_anyone(
        self, server: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(link, "WAIT", 0.05)
        server.start()
        async with opened(server.url) as memory, opened(server.url) as other:
            for thread in ("turn", "edit"):
                await keep(memory, "anna", thread, session("old"))
            server.send(signal.SIGSTOP)
            ticket, _ = await memory.take("anna", "turn")
            await memory.put(ticket, session("old", "new"))
            await memory.drop("anna", "edit")
            server.send(signal.SIGCONT)
            await wait_for(back(caplog))
            for thread in ("turn", "edit"):
                assert await look(other, "anna", thread) is None
                await keep(other, "anna", thread, session("rebuilt"))
                assert await look(memory, "anna", thread) == session("rebuilt")

    async def test_a_turn_that_it_did_not_see_begin_spoils_those_beside_it(
        self, server: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with opened(server.url) as memory, opened(server.url) as other:
            ticket, _ = await memory.take("anna", "t")
            server.start()
            await wait_for(back(caplog))
            await keep(other, "anna", "t", session("without the answer of the first"))
            assert await look(other, "anna", "t") is None
            await memory.put(ticket, session("without the answer of the other"))
            assert await look(other, "anna", "t") is None
            await keep(other, "anna", "t")
            assert await look(other, "anna", "t") == session()

    async def test_what_a_cancelled_caller_had_to_say_arrives(self, place: Redis) -> None:
        memory, anna, thread = place.open(), place.name("anna"), place.name("t")
        await keep(memory, anna, thread)
        call = asyncio.create_task(memory.drop(anna, thread))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await memory.close()
        assert await look(place.open(), anna, thread) is None


class TestAnotherServer:
    async def test_a_wrong_password_is_said_and_not_repeated(
        self, server: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.start("--requirepass", "right")
        async with opened(f"redis://anna:s3cret@127.0.0.1:{server.port}/0") as memory:
            assert await look(memory, "anna", "t") is None
        assert caplog.messages == ["the memory is away: it refuses the user or the password (WRONGPASS)"]
        assert "s3cret" not in caplog.text

    @pytest.mark.parametrize("command", ["AUTH", "EVALSHA"])
    async def test_one_that_lacks_a_command_is_away_and_the_password_is_not_repeated(
        self, server: RedisServer, command: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.start("--rename-command", command, "")
        async with opened(f"redis://:s3cret@127.0.0.1:{server.port}/0") as memory:
            with redis.Redis(port=server.port) as raw:
                raw.config_set("requirepass", "") if command == "AUTH" else raw.config_set("requirepass", "s3cret")
            await keep(memory, "anna", "t")
        assert caplog.messages == [
            "the memory is away: it refuses a command; Redis 6.2 or newer is needed (ResponseError)"
        ]
        assert "s3cret" not in caplog.text

    async def test_one_that_is_full_is_away_until_it_is_not(
        self, server: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.start()
        async with opened(server.url) as memory:
            await keep(memory, "anna", "t")
            with redis.Redis(port=server.port) as raw:
                raw.config_set("maxmemory", "1")
                await memory.sessions("anna")
                await wait_for(lambda: sum(error["count"] for error in raw.info("errorstats").values()) > 3)
                assert caplog.messages == ["the memory is away: it is full (OOM)"]
                await keep(memory, "anna", "t", session("new"))
                raw.config_set("maxmemory", "0")
            await wait_for(back(caplog))
            assert await look(memory, "anna", "t") is None

    async def test_a_replica_is_away(self, server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
        server.start("--replicaof", "127.0.0.1", str(free_port()))
        async with opened(server.url) as memory:
            await keep(memory, "anna", "t")
        assert caplog.messages == ["the memory is away: it is a replica and takes no writes (READONLY)"]

    async def test_a_password_that_is_missing_is_said(
        self, server: RedisServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.start("--requirepass", "right")
        async with opened(server.url.replace("/3", "/0")) as memory:
            await look(memory, "anna", "t")
        assert caplog.messages == [
            "the memory is away: it asks for a password, and THREADKEEP_MEMORY_URL has none (ResponseError)"
        ]

    async def test_one_that_cannot_save_is_away_until_it_can(
        self, server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        server.start("--save", "3600 1")
        in_its_way = tmp_path / "dump.rdb"
        in_its_way.mkdir()
        async with opened(server.url) as memory:
            with redis.Redis(port=server.port) as raw:
                raw.set("changed", 1)
                raw.bgsave()
                await wait_for(lambda: raw.info("persistence")["rdb_last_bgsave_status"] == "err")
            await keep(memory, "anna", "t")
            assert caplog.messages == [
                "the memory is away: it cannot save to its disk, and takes no writes until it can (MISCONF)"
            ]
            in_its_way.rmdir()
            with redis.Redis(port=server.port) as raw:
                raw.bgsave()
            await wait_for(back(caplog))

    @pytest.mark.parametrize(
        ("said", "reason"),
        [
            ("LOADING Redis is loading the dataset in memory", "loading its data (LOADING)"),
            ("BUSY Redis is busy running a script.", "another program's script (BUSY)"),
            ("NOREPLICAS Not enough good replicas to write.", "too few replicas"),
            ("MASTERDOWN Link with MASTER is down", "lost its master"),
            ("MOVED 3999 127.0.0.1:6381", "a cluster"),
            ("CROSSSLOT Keys in request don't hash to the same slot", "a cluster"),
            ("DENIED Redis is running in protected mode", "protected mode"),
            ("NOPERM this user has no permissions to run the 'evalsha' command", "may not run a command"),
            ("ERR max number of clients reached", "as many clients as it takes"),
            ("ERR DB index is out of range", "no database of that number"),
            ("ERR Error running script: @user_script:1: -MISCONF Redis is configured to save", "cannot save"),
            ("ERR Error running script: @user_script:1: -OOM command not allowed", "it is full (OOM)"),
        ],
    )
    async def test_what_it_says_is_told_in_words_of_ours(
        self, said: str, reason: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                while await reader.read(4096):
                    writer.write(f"-{said}\r\n".encode())
            writer.close()

        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            async with opened(f"redis://127.0.0.1:{port}/0") as memory:
                assert await look(memory, "anna", "t") is None
        assert reason in caplog.messages[0]
        assert "user_script" not in caplog.text

    async def test_one_that_is_no_redis_is_away(self, caplog: pytest.LogCaptureFixture) -> None:
        async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(web, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            async with opened(f"redis://127.0.0.1:{port}/0") as memory:
                assert await look(memory, "anna", "t") is None
        [line] = caplog.messages
        assert line.startswith("the memory is away: ")

    @pytest.mark.parametrize(
        "url",
        [
            *("http://:s3cret@host", "redis://:s3cret@host:port", "redis://:s3cret@host/?no_such_option=1"),
            *("redis+sentinel://:s3cret@host", "redis+sentinel://:s3cret@host:port/service"),
            *("redis+sentinel://:s3cret@host,/service/0", "redis+sentinel://:s3cret@host/service/name"),
            "redis+sentinel://:s3cret@host/service?no_such_option=1",
        ],
    )
    def test_a_url_that_cannot_be_one_stops_the_start_and_is_not_repeated(self, url: str) -> None:
        with pytest.raises(SystemExit) as stop:
            open_memory(url, HotLimits())
        assert str(stop.value) == "THREADKEEP_MEMORY_URL: expected an address such as redis://host:6379/0."

    def test_without_the_package_the_start_says_how_to_get_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("link", "redis"):
            monkeypatch.delitem(sys.modules, f"assistant.memory.{name}")
        for name in [name for name in sys.modules if name.split(".")[0] == "redis"]:
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(SystemExit) as stop:
            open_memory("redis://127.0.0.1:6379/9", HotLimits())
        assert str(stop.value) == (
            "THREADKEEP_MEMORY_URL needs the package redis: pip install -r requirements-servers.txt"
        )


GARBAGE: dict[str, Callable[[Any, str], Any]] = {
    "a string": lambda raw, key: raw.set(key, "garbage"),
    "a list": lambda raw, key: raw.rpush(key, "garbage"),
    "a foreign hash": lambda raw, key: raw.hset(key, "name", "value"),
    "no JSON": lambda raw, key: raw.hset(key, "body", b"\xff\x00{"),
    "JSON of another shape": lambda raw, key: raw.hset(key, "body", '{"session": [1, 2]}'),
    "another version's": lambda raw, key: raw.hset(key, "format", str(FORMAT + 1)),
    "another user's": lambda raw, key: raw.hset(key, "user", "bruno"),
    "no number": lambda raw, key: raw.hset(key, "messages", "many"),
    "another thread's": lambda raw, key: raw.hset(key, "body", other_body(raw, key)),
}


def other_body(raw: Any, key: str) -> str:
    return str(raw.hget(key, "body")).replace('"thread_id":"t-', '"thread_id":"u-')


class TestGarbage:
    @pytest.mark.parametrize("kind", GARBAGE)
    async def test_under_the_key_of_a_session_it_is_absent_then_replaced_with_one_warning(
        self, place: Redis, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        memory, anna, thread = place.open(), place.name("anna"), place.name("t")
        await keep(memory, anna, thread)
        key = f"chat_history:{thread}"
        if kind in ("a string", "a list", "a foreign hash"):
            place.raw.delete(key)
        GARBAGE[kind](place.raw, key)
        assert await look(memory, anna, thread) is None
        await memory.sessions(anna)
        await keep(memory, anna, thread)
        assert await look(memory, anna, thread) == session()
        assert caplog.messages == ["the memory held something else under a key of ours; it is replaced"]

    @pytest.mark.parametrize("key", ["chat_sessions:{anna}", "chat_turns:{t}:{anna}"])
    async def test_under_the_other_keys(self, place: Redis, key: str, caplog: pytest.LogCaptureFixture) -> None:
        memory, anna, thread = place.open(), place.name("anna"), place.name("t")
        place.raw.set(key.format(anna=anna, t=thread), "garbage")
        await keep(memory, anna, thread)
        assert await look(memory, anna, thread) == session()
        assert await listed(memory, anna) == [thread]
        assert caplog.messages == ["the memory held something else under a key of ours; it is replaced"]

    async def test_in_the_list_of_a_user_it_counts_for_nothing(self, place: Redis) -> None:
        memory, anna = place.open(), place.name("anna")
        place.raw.zadd(f"chat_sessions:{anna}", {f"junk{n}-{place.tag}": n for n in range(9)})
        assert await keep(memory, anna, place.name("t")) == []
        assert await listed(memory, anna) == [place.name("t")]


class TestTime:
    async def test_the_one_used_last_is_the_last_also_when_the_clock_of_redis_was_set_back(self, place: Redis) -> None:
        memory, anna = place.open(), place.name("anna")
        await keep(memory, anna, place.name("t"))
        place.raw.zincrby(f"chat_sessions:{anna}", 1e12, place.name("t"))
        await keep(memory, anna, place.name("u"))
        assert await listed(memory, anna) == [place.name("u"), place.name("t")]

    async def test_redis_itself_ends_a_session(self, place: Redis) -> None:
        memory, anna, thread = place.open(), place.name("anna"), place.name("t")
        await keep(memory, anna, thread)
        place.raw.pexpire(f"chat_history:{thread}", 1)
        await wait_for(lambda: not place.raw.exists(f"chat_history:{thread}"))
        assert await listed(memory, anna) == []
        assert await look(memory, anna, thread) is None

    async def test_every_key_has_its_end(self, place: Redis) -> None:
        memory, anna = place.open(ttl=0.5), place.name("anna")
        await keep(memory, anna, place.name("t"))
        await memory.take(anna, place.name("u"))
        assert {key.split(":")[0]: place.raw.pttl(key) > 0 for key in place.stored()} == {
            "chat_history": True,
            "chat_sessions": True,
            "chat_turns": True,
        }
        await wait_for(lambda: {key.split(":")[0] for key in place.stored()} == {"chat_turns"})
