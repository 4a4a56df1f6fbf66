"""Links to conversations: what they show and what they never do, to whom, until when, and who goes on with them."""

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import chainlit as cl
import httpx
import pytest
from chainlit.server import app
from chainlit.user import PersistedUser

from datalayer import DataLayer
from datalayer.passages import CITES
from datalayer.records import now, user_id
from datalayer.shares import ShareOptions
from datalayer.versions import ASIDE
from datalayer.writes import DeleteElement, DeleteThread, RecordUsage, TrashThread, UpdateThread, UpsertElement
from library.sharing import links, options
from tests.conftest import chainlit_session, make_run, make_step, new_id, register, rows
from tests.library.conftest import HTML, Browser, OpenBrowser, _mount, thread

HIDDEN = ("SYSTEM PROMPT", "TOOL OUTPUT", "OTHER VERSION", "/usage", "spent 3 dollars", "META", "an error", "folder-x")


@pytest.fixture
async def shared(mounted: DataLayer, ann: PersistedUser) -> str:
    """A conversation of Ann's with all that no link shows."""
    key = await thread(mounted, ann, "Herons & <reeds>", "Where is the **heron**? <script>alert(1)</script>")
    settings = {"chat_settings": {"system_prompt": "SYSTEM PROMPT", "model": "META"}}
    values: dict[str, Any] = {"metadata": settings, "folder": "folder-x", "tags": ["folder-x"]}
    await mounted.store.submit(UpdateThread(actor="ann", thread_id=key, at=now(), **values))
    for step in (
        make_run(key, type="tool", output="TOOL OUTPUT"),
        make_step(key, type="assistant_message", output="In the reeds", metadata={"kept": "META"}),
        make_step(key, type="user_message", output="/usage", metadata={"command": True}),
        make_step(key, type="assistant_message", output="spent 3 dollars", metadata={"command": True}),
        make_step(key, type="assistant_message", output="an error", isError=True),
        make_step(key, type=ASIDE, output="OTHER VERSION"),
        make_step(key, type="system_message", output="SYSTEM PROMPT"),
    ):
        await mounted.create_step(step)
    used: dict[str, Any] = {"kind": "turn", "model": "META", "provider": "p", "status": "complete", "latency": 1}
    call = RecordUsage(actor="ann", thread_id=key, id=new_id(), started_at=now(), tokens_in=1, cost=3 * 10**9, **used)
    await mounted.store.submit(call)
    return key


async def attach(layer: DataLayer, thread_id: str, name: str, content: bytes, for_id: str, **over: Any) -> str:
    with chainlit_session(PersistedUser(id=user_id("ann"), identifier="ann", createdAt=""), thread_id=thread_id):
        file = cl.File(id=new_id(), name=name, content=content, for_id=for_id, **over)
        await layer.create_element(file)
    return str(file.id)


async def share(author: Browser, thread_id: str, /, **fields: str) -> str:
    """The address of a new link."""
    await author.visit(f"?thread={thread_id}")
    chosen = {"thread": thread_id, "kind": "live", "audience": "public", "ends": "30"} | fields
    answer = await author.do("make", path="/shares", **chosen)
    found = re.search(r'id="share-link"[^>]* value="([^"]+)"', answer.text)
    assert found, author.notice
    return unescape(found[1])


@pytest.fixture
async def reader() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without an account."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://chat", headers=HTML) as made:
        yield made


class TestWhatIsShown:
    async def test_what_was_said_and_nothing_else(
        self, mounted: DataLayer, browser: Browser, reader: httpx.AsyncClient, shared: str
    ) -> None:
        for kind in ("live", "snapshot"):
            answer = await reader.get(await share(browser, shared, kind=kind))
            assert answer.status_code == 200
            assert re.findall(r'<div class="text" dir="auto">(.*?)</div>', answer.text, re.S) == [
                "<p>Where is the <strong>heron</strong>? &lt;script&gt;alert(1)&lt;/script&gt;</p>\n",
                "<p>In the reeds</p>\n",
            ]
            assert "<h1><bdi>Herons &amp; &lt;reeds&gt;</bdi></h1>" in answer.text
            assert '<meta property="og:title" content="Herons &amp; &lt;reeds&gt;">' in answer.text
            assert "<script" not in answer.text
            assert not [word for word in (*HIDDEN, "$", shared) if word in answer.text]
            assert not re.search(r"\bann\b", answer.text)
            assert answer.headers["x-robots-tag"] == "noindex, nofollow"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store"
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src" not in policy
            assert "frame-ancestors 'none'" in policy
        answer = await reader.get(await share(browser, shared, author="yes", cost="yes"))
        assert "Shared by <bdi>ann</bdi>" in answer.text
        assert "Cost: $3.00" in answer.text

    async def test_a_snapshot_stays_and_a_live_one_goes_on(
        self, mounted: DataLayer, browser: Browser, reader: httpx.AsyncClient, shared: str
    ) -> None:
        live, kept = [await share(browser, shared, kind=kind) for kind in ("live", "snapshot")]
        await mounted.create_step(make_step(shared, output="What was said later"))
        await mounted.update_thread(shared, name="Another name")
        for link, later in ((live, True), (kept, False)):
            said = (await reader.get(link)).text
            assert ("What was said later" in said, "Another name" in said, "In the reeds" in said) == (
                later,
                later,
                True,
            )

    async def test_all_of_a_long_one_page_by_page(
        self, mounted: DataLayer, ann: PersistedUser, browser: Browser, reader: httpx.AsyncClient
    ) -> None:
        key = await thread(mounted, ann, "Long", "number 0")
        moment = "2026-01-01T00:00:00Z"
        for n in range(1, 205):
            await mounted.create_step(make_step(key, output=f"number {n}", createdAt=moment))
        for kind in ("live", "snapshot"):
            link, read = await share(browser, key, kind=kind), list[str]()
            following: str | None = link
            while following:
                text = (await reader.get(following)).text
                read += re.findall(r"number \d+", text)
                found = re.search(r'rel="next" href="([^"]+)"', text)
                following = unescape(found[1]) if found else None
            assert sorted(read) == sorted(f"number {n}" for n in range(205)), kind
        for wrong in ("x", "1.", ".", "9" * 30 + ".a", "1." + "a" * 300, "-1.\x00"):
            assert (await reader.get(link, params={"after": wrong})).status_code == 200

    async def test_files_only_where_chosen_and_only_those_that_are_shown(
        self, mounted: DataLayer, ann: PersistedUser, browser: Browser, reader: httpx.AsyncClient, shared: str
    ) -> None:
        steps = rows(mounted, "SELECT id, type FROM steps ORDER BY created_at, seq")
        said = next(key for key, kind in steps if kind != "tool")
        tool = next(key for key, kind in steps if kind == "tool")
        own = await attach(mounted, shared, "page.html", b"0123456789", said, mime="text/html")
        hidden = await attach(mounted, shared, "tool.txt", b"of a tool", tool)
        cited = await attach(mounted, shared, "cited.txt", b"a citation", said)
        values = {"props": {CITES: {"name": "x"}}}
        which: dict[str, Any] = {"actor": "ann", "thread_id": shared, "id": cited, "at": now()}
        await mounted.store.submit(UpsertElement(**which, values=values))
        elsewhere = await thread(mounted, ann, "Other")
        (step,) = rows(mounted, f"SELECT id FROM steps WHERE thread_id = '{elsewhere}'")
        other = await attach(mounted, elsewhere, "other.txt", b"of another", step[0])
        for kind in ("live", "snapshot"):
            without = await share(browser, shared, kind=kind)
            assert "page.html" not in (await reader.get(without)).text
            assert (await reader.get(f"{without}/files/{own}")).status_code == 404
            link = await share(browser, shared, kind=kind, files="yes")
            text = (await reader.get(link)).text
            assert re.findall(r"/files/([^\"?]+)", text) == [own]
            answer = await reader.get(f"{link}/files/{own}", headers={"range": "bytes=2-4"})
            assert (answer.status_code, answer.content) == (206, b"234")
            assert answer.headers["content-disposition"].startswith("attachment")
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert "sandbox" in answer.headers["content-security-policy"]
            for each in (hidden, cited, other, "never", "x" * 300):
                assert (await reader.get(f"{link}/files/{each}")).status_code == 404, each
        await mounted.store.submit(DeleteElement(actor="ann", thread_id=shared, id=own, at=now()))
        assert (await reader.get(f"{link}/files/{own}")).status_code == 404
        assert "page.html" not in (await reader.get(link)).text


class TestWhoSeesIt:
    async def test_what_leads_nowhere_is_all_the_same(
        self, mounted: DataLayer, ann: PersistedUser, browser: Browser, reader: httpx.AsyncClient, shared: str
    ) -> None:
        link = await share(browser, shared)
        wrong = await reader.get(f"/share/{links.new()}")
        assert wrong.status_code == 404
        await browser.visit("/shares")
        ids = re.findall(r'name="share" value="([^"]+)"', browser.text)
        await browser.do("revoke", path="/shares", share=ids[0])
        trashed = await thread(mounted, ann, "In the trash")
        second = await share(browser, trashed, files="yes")
        await mounted.store.submit(TrashThread(actor="ann", thread_id=trashed, at=now()))
        third = await share(browser, shared)
        (expired,) = rows(mounted, f"SELECT id FROM shares WHERE digest = '{links.digest(third[7:])}'")
        await mounted.store.change_share(ann.id, expired[0], ShareOptions(expires_at=now() - 1))
        for path in (link, second, third, "/share/x", f"/share/{'x' * 2000}", f"/share/{shared}", f"{second}/files/x"):
            answer = await reader.get(path)
            assert (answer.status_code, answer.text) == (404, wrong.text), path
            assert dict(answer.headers) == dict(wrong.headers)
        for start in (links.EMBED, links.SHARE):
            for end in ("", "/continue"):
                if (start, end) != (links.EMBED, "/continue"):
                    assert (await reader.get(f"{start}/{links.new()}{end}")).status_code == 404

    async def test_for_people_who_have_signed_in(
        self, browser: Browser, open_browser: OpenBrowser, reader: httpx.AsyncClient, shared: str
    ) -> None:
        link = await share(browser, shared, audience="signed_in")
        answer = await reader.get(link)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={link}")
        answer = await open_browser("bob").get(link)
        assert (answer.status_code, "In the reeds" in answer.text) == (200, True)

    async def test_with_a_password(
        self, mounted: DataLayer, browser: Browser, reader: httpx.AsyncClient, shared: str
    ) -> None:
        link = await share(browser, shared, password="a good one")
        (kept,) = rows(mounted, "SELECT password FROM shares")
        assert kept[0].startswith("scrypt$")
        locked = await reader.get(link)
        assert (locked.status_code, "reeds" in locked.text.lower(), "og:title" in locked.text) == (200, False, False)
        wrong = await reader.post(link, data={"password": "another one"})
        assert (wrong.status_code, "Wrong password." in wrong.text) == (403, True)
        opened = await reader.post(link, data={"password": "a good one"})
        assert (opened.status_code, opened.headers["location"]) == (303, link)
        cookie = opened.headers["set-cookie"]
        assert f"Path={link}" in cookie
        assert "HttpOnly" in cookie
        assert "In the reeds" in (await reader.get(link)).text
        await browser.visit("/shares")
        await browser.do("change", path="/shares", share=browser.hidden("share"), audience="public", ends="never",
                         password="a better one")  # fmt: skip
        assert browser.notice == "The link has been changed."
        assert "In the reeds" not in (await reader.get(link)).text
        tries = [(await reader.post(link, data={"password": f"guess {n}"})).status_code for n in range(12)]
        assert tries[0] == 403
        assert tries[-1] == 429

    async def test_no_log_has_the_secret(
        self, browser: Browser, reader: httpx.AsyncClient, shared: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        link = await share(browser, shared)
        assert (await reader.get(link, params={"after": "x" * 20_000})).status_code == 414
        assert "refused: GET /share/…: 414" in caplog.text
        assert link not in caplog.text

    async def test_who_guesses_addresses_must_wait(
        self, browser: Browser, reader: httpx.AsyncClient, shared: str
    ) -> None:
        link = await share(browser, shared)
        tries = [(await reader.get(f"/share/{links.new()}")).status_code for _ in range(150)]
        assert (tries[0], tries[-1]) == (404, 429)
        assert (await reader.get(link)).status_code == 429

    async def test_in_frames_of_the_sites_that_are_named(
        self, browser: Browser, reader: httpx.AsyncClient, shared: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CHAINLIT_URL", "https://chat.example.org/")
        plain = (await share(browser, shared)).removeprefix("https://chat.example.org")
        assert (await reader.get(plain.replace("/share/", "/embed/"))).status_code == 404
        link = await share(browser, shared, sites="https://Blog.example.com/ http://localhost:8080")
        assert link.startswith("https://chat.example.org/share/")
        embed = link.replace("/share/", "/embed/")
        snippet = unescape(re.search(r'<textarea id="share-snippet"[^>]*>(.*?)</textarea>', browser.text, re.S)[1])  # type: ignore[index]
        assert f'<iframe src="{embed}"' in snippet
        assert snippet.count("\n") == 1
        answer = await reader.get(embed)
        assert (
            "frame-ancestors https://blog.example.com http://localhost:8080"
            in answer.headers["content-security-policy"]
        )
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert '<meta property="og:url" content="https://chat.example.org/share/' in answer.text
        for fields in ({"audience": "signed_in"}, {"password": "a good one"}):
            await browser.visit(f"?thread={shared}")
            known = {"thread": shared, "audience": "public", "ends": "1", "sites": "https://a"}
            answer = await browser.do("make", path="/shares", **known | fields)
            assert (answer.status_code, "Only what everybody may see" in browser.notice) == (422, True)

    async def test_no_host_that_a_request_names_is_in_a_link(
        self, browser: Browser, shared: str, reader: httpx.AsyncClient
    ) -> None:
        browser.headers["x-forwarded-host"] = "evil.example"
        link = await share(browser, shared)
        assert link.startswith("/share/")
        assert "evil" not in browser.text
        answer = await reader.get(link, headers={"host": "evil.example"})
        assert "evil" not in answer.text + str(answer.headers)


class TestItsAuthor:
    async def test_the_list_tells_of_each_and_revokes_it(
        self, browser: Browser, reader: httpx.AsyncClient, shared: str
    ) -> None:
        link = await share(browser, shared, files="yes", ends="never")
        token = link.removeprefix("/share/")
        for _ in range(2):
            await reader.get(link)
        await reader.head(link)
        await browser.visit("/shares")
        assert token not in browser.text
        for told in ("Live", "With files", "Opened 2 times"):
            assert told in browser.text
        await browser.visit(f"/shares?share={browser.hidden('share')}")
        assert 'value="change"' in browser.text
        answer = await browser.do("revoke", path="/shares", share=browser.hidden("share"))
        assert browser.notice == "The link leads nowhere now."
        assert "You have shared nothing" in answer.text
        assert (await reader.get(link)).status_code == 404

    async def test_nobody_else_makes_lists_changes_or_revokes(
        self, mounted: DataLayer, browser: Browser, open_browser: OpenBrowser, reader: httpx.AsyncClient, shared: str
    ) -> None:
        link = await share(browser, shared)
        await browser.visit("/shares")
        key = browser.hidden("share")
        await register(mounted, "bob")
        bob = open_browser("bob")
        own = await thread(mounted, await register(mounted, "bob"), "Bob's")
        await bob.visit(f"?thread={own}")
        known = {"audience": "public", "ends": "1", "kind": "live"}
        for what, fields in (
            ("make", {"thread": shared}),
            ("change", {"share": key}),
            ("revoke", {"share": key}),
            ("make", {"thread": ""}),
            ("change", {"share": "x" * 300}),
        ):
            answer = await bob.do(what, path="/shares", **known | fields)
            assert answer.status_code == 422, what
            assert "Herons" not in answer.text
            await bob.visit(f"?thread={own}")
        assert "Herons" not in (await bob.visit(f"/shares?share={key}")).text
        assert (await bob.post("/library/shares", data={"do": "revoke", "share": key})).status_code == 403
        assert (await reader.get(link)).status_code == 200
        assert (await reader.post("/library/shares", data={"do": "revoke", "share": key})).status_code == 303

    @pytest.mark.parametrize(
        "wrong",
        ["https://*.a.com", "https://a/b", "a.com", "javascript:x", "https://a;script-src *", "https://u@a", "'self'",
         "https://a:99999", "http://" + "a" * 300, "https://a?b", "data://x", "https://" + "é" * 80],
    )  # fmt: skip
    def test_a_site_is_an_origin(self, wrong: str) -> None:
        with pytest.raises(options.Refused):
            options.origins([wrong])
        assert options.origins(["https://Münster.de:8443/", "http://[::1]"]) == (
            "https://xn--mnster-3ya.de:8443",
            "http://[::1]",
        )


class TestGoingOn:
    async def test_a_reader_goes_on_in_a_conversation_that_holds_what_is_shown(
        self, mounted: DataLayer, browser: Browser, open_browser: OpenBrowser, reader: httpx.AsyncClient, shared: str
    ) -> None:
        said = rows(mounted, f"SELECT id FROM steps WHERE thread_id = '{shared}' AND output LIKE 'Where%'")[0][0]
        await attach(mounted, shared, "heron.txt", b"a heron", said)
        await register(mounted, "bob")
        for chosen, kind in (("", "live"), ("yes", "live"), ("yes", "snapshot")):
            link = await share(browser, shared, kind=kind, files=chosen)
            bob = open_browser("bob")
            assert f'href="{link}/continue"' in (await bob.get(link)).text
            bob.text = (await bob.get(f"{link}/continue")).text
            data = {"guard": bob.guard, "once": bob.hidden("once")}
            assert (await bob.post(f"{link}/continue", data=data | {"guard": "forged"})).status_code == 403
            made = {(await bob.post(f"{link}/continue", data=data)).headers["location"] for _ in range(2)}
            assert len(made) == 1
            key = made.pop().removeprefix("/thread/")
            found = await mounted.get_thread(key)
            assert found is not None
            assert (found["userIdentifier"], found["name"], found["metadata"]) == ("bob", "Herons & <reeds>", {})
            assert [step["output"] for step in found["steps"]] == [
                "Where is the **heron**? <script>alert(1)</script>",
                "In the reeds",
            ]
            assert [each["name"] for each in found["elements"] or []] == (["heron.txt"] if chosen else [])
            assert not any(word in str(found) for word in (*HIDDEN, shared, "ann'"))
        await mounted.store.submit(DeleteThread(actor="ann", thread_id=shared, at=now()))
        await mounted.drain()
        (element,) = (await mounted.get_thread(key) or {})["elements"] or []
        assert (await mounted.store.file(str(element["id"]))) is not None

    async def test_a_stranger_signs_in_first(self, browser: Browser, reader: httpx.AsyncClient, shared: str) -> None:
        link = await share(browser, shared)
        assert "/continue" not in (await reader.get(link)).text
        answer = await reader.get(f"{link}/continue")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={link}/continue")
        assert (await reader.post(f"{link}/continue", data={"once": "a"})).status_code == 404


async def test_nobody_follows_a_link_of_somebody_who_may_no_longer_come_in(
    mounted: DataLayer, browser: Browser, reader: httpx.AsyncClient, shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: set[str] = set()

    async def knows(identifier: str) -> bool:
        return identifier not in left

    link = await share(browser, shared)
    _mount(mounted, monkeypatch, knows=knows)
    assert (await reader.get(link)).status_code == 200
    left.add("ann")
    assert (await reader.get(link)).status_code == 404
