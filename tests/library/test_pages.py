"""What the library shows, to whom, and what it says to what no page of it asks for."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from chainlit.config import config
from chainlit.server import app
from chainlit.user import PersistedUser

import library
from datalayer import DataLayer
from datalayer.records import month_of, now
from datalayer.writes import RecordUsage, TrashThread, UpdateThread, UpsertFeedback
from library import theme
from tests.conftest import make_step, new_id, register
from tests.library.conftest import HTML, Browser, OpenBrowser, links, thread


async def organise(layer: DataLayer, thread_id: str, **values: Any) -> None:
    await layer.store.submit(UpdateThread(actor="ann", thread_id=thread_id, at=now(), stored_only=True, **values))


class TestWho:
    async def test_a_stranger_is_led_over_the_sign_in_page(self, open_browser: OpenBrowser) -> None:
        answer = await open_browser(None).get("/library?q=a&show=done")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/library%3Fq%3Da%26show%3Ddone")

    async def test_what_is_no_page_is_refused_to_a_stranger(self, open_browser: OpenBrowser) -> None:
        stranger = open_browser(None)
        for path in ("", "/usage"):
            assert (await stranger.get(f"/library{path}", headers={"accept": "*/*"})).status_code == 401
        answer = await stranger.get(
            "/library", headers={"hx-request": "true", "hx-current-url": "http://chat/library?q=a"}
        )
        assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login?next=/library%3Fq%3Da")

    async def test_where_nobody_signs_in_there_is_nothing_of_anybodys(self, mounted: DataLayer) -> None:
        await thread(mounted, await register(mounted, "ann"), "Ann's own")
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://chat") as client:
            for answer in (await client.get("/library", headers=HTML), await client.post("/library/threads")):
                assert (answer.status_code, "Ann&#39;s" in answer.text) == (200, False)
                assert "Nobody signs in" in answer.text

    async def test_nobody_sees_another_users(
        self, mounted: DataLayer, ann: PersistedUser, open_browser: OpenBrowser
    ) -> None:
        own = await thread(mounted, ann, "Ann's secret", "a word as secret")
        await organise(mounted, own, folder="Hidden", tags=["private"])
        bob = open_browser("bob")
        for path in ("", "?q=secret", "?in=Hidden", "?tag=private", f"?thread={own}", "?show=archived", "/usage"):
            answer = await bob.visit(path)
            assert answer.status_code == (404 if "thread=" in path else 200)
            assert not re.search("Ann&#39;s secret|as secret", answer.text)
        await bob.visit()
        assert "Hidden" not in bob.text
        assert "private" not in bob.text


class TestList:
    async def test_pages_of_fifty_with_each_conversation_once(
        self, mounted: DataLayer, ann: Any, browser: Browser
    ) -> None:
        made = [await thread(mounted, ann, f"Number {n}") for n in range(51)]
        assert len(made) == 51
        await browser.visit()
        first = browser.names
        (following,) = [link for link in links(browser.text) if "after=" in link]
        await browser.visit(following.removeprefix("/library"))
        assert sorted(first + browser.names) == sorted(f"Number {n}" for n in range(51))
        assert len(first) == 50

    async def test_places_with_how_many_there_are(self, mounted: DataLayer, ann: Any, browser: Browser) -> None:
        one, two, three = [await thread(mounted, ann, name) for name in ("one", "two", "three")]
        four = await thread(mounted, ann, "four")
        await mounted.store.submit(TrashThread(actor="ann", thread_id=four, at=now()))
        await organise(mounted, one, folder="Work/Client A", tags=["urgent"], pinned=True)
        await organise(mounted, two, folder="Work", tags=["urgent", "later"], status="done")
        await organise(mounted, three, archived=True)
        await browser.visit()
        told = re.findall(r'<bdi>([^<]*)</bdi><span class="count">(\d+)</span>', browser.text)
        states = [("All", "2"), ("Pinned", "1"), ("Open", "1"), ("Done", "1"), ("Archived", "1")]
        assert told[:6] == [*states, ("Trash", "1")]
        assert told[6:] == [("Work", "2"), ("Client A", "1"), ("urgent", "2"), ("later", "1")]
        for path, names in {
            "?in=Work": ["one", "two"],
            "?in=Work/Client+A": ["one"],
            "?tag=urgent": ["one", "two"],
            "?tag=later&in=Work": ["two"],
            "?show=pinned": ["one"],
            "?show=done": ["two"],
            "?show=open": ["one"],
            "?show=archived": ["three"],
            "?in=": [],
            "?show=trash": ["four"],
            "?show=archived&in=Work": [],
        }.items():
            assert (await browser.visit(path)).status_code == 200
            assert browser.names == names, path

    async def test_a_count_is_that_of_the_list_it_leads_to(
        self, mounted: DataLayer, ann: Any, browser: Browser
    ) -> None:
        for n in range(6):
            one = await thread(mounted, ann, f"Number {n}")
            settings = {"chat_settings": {"model": ("gpt", "gemini")[n % 2]}}
            where = {"folder": "A/B" if n % 3 else "", "tags": ["x"] if n < 4 else ["y"], "archived": n == 5}
            await organise(mounted, one, metadata=settings, pinned=n < 2, **where)
        for path in ("", "?in=A", "?tag=x", "?in=A&tag=x", "?show=pinned", "?show=archived", "?show=archived&tag=y"):
            await browser.visit(path)
            counted = re.findall(
                r'<a href="([^"]*)"(?! aria-current="true")[^>]*>(?:\s*<svg.*?</svg>\s*)?<bdi>[^<]*</bdi>'
                r'<span class="count">(\d+)</span>',
                browser.text,
            )
            assert len(counted) >= 4, path
            for link, count in counted:
                await browser.visit(unescape(link).removeprefix("/library"))
                assert len(browser.names) == int(count), (path, link)

    async def test_of_thousands_of_folders_and_tags_some(self, mounted: DataLayer, ann: Any, browser: Browser) -> None:
        for n in range(3):
            one = await thread(mounted, ann, f"Number {n}")
            await organise(mounted, one, tags=[f"tag {n} {m}" for m in range(100)], folder="F")
        await browser.visit()
        assert len(re.findall(r"<bdi>tag \d \d+</bdi><span", browser.text)) == 200
        assert "100 more folders and tags are not shown" in browser.text
        assert (await browser.visit("?tag=tag+2+99")).status_code == 200
        assert browser.names == ["Number 2"]

    async def test_models_months_kinds_files_and_votes(self, mounted: DataLayer, ann: Any, browser: Browser) -> None:
        old, new, _ = [await thread(mounted, ann, name) for name in ("old", "new", "other")]
        for each, model in ((old, "gpt"), (new, "<b>gemini")):
            await organise(mounted, each, metadata={"chat_settings": {"model": model}})
        await organise(mounted, new, kind="imported")
        message = make_step(new)
        await mounted.create_step(message)
        vote = UpsertFeedback(actor="ann", thread_id=new, id=new_id(), step_id=message["id"], value=1, at=now())
        await mounted.store.submit(vote)
        await browser.visit()
        for said in ("&lt;b&gt;gemini", "gpt", "Imported", "Voted for"):
            assert f"<bdi>{said}</bdi>" in browser.text
        for path, names in {
            "?model=gpt": ["old"],
            "?model=<b>gemini&kind=imported": ["new"],
            "?model=gpt&kind=imported": [],
            "?with=for": ["new"],
            "?with=against": [],
            "?with=file": [],
            "?with=nonsense&kind=imported": ["new"],
            f"?month={month_of(now())}": ["new", "other", "old"],
            "?month=2001-01": [],
        }.items():
            assert (await browser.visit(path)).status_code == 200
            assert browser.names == names, path
        await browser.visit("?model=gpt&with=for&in=")
        removed = re.findall(r'class="chip" href="([^"]*)" aria-label="Remove the filter “([^”]*)”', browser.text)
        assert [(unescape(link), name) for link, name in removed] == [
            ("/library?model=gpt&with=for", "No folder"),
            ("/library?in=&with=for", "gpt"),
            ("/library?in=&model=gpt", "Voted for"),
        ]

    async def test_a_title_does_nothing(self, mounted: DataLayer, ann: Any, browser: Browser) -> None:
        evil = '"><script>alert(1)</script>'
        await organise(mounted, await thread(mounted, ann, evil, evil), folder=evil.replace("/", "|"), tags=[evil])
        for path in ("", "?q=alert", f"?tag={evil}"):
            await browser.visit(path)
            assert "<script>" not in browser.text
            assert "&lt;script&gt;" in browser.text

    async def test_whoever_asks_whether_the_list_has_changed(
        self, mounted: DataLayer, ann: Any, browser: Browser
    ) -> None:
        await thread(mounted, ann, "the first")
        await browser.visit()
        (live,) = map(unescape, re.findall(r'hx-get="([^"]*known=[^"]*)"', browser.text))
        assert (await browser.visit(live.removeprefix("/library"))).status_code == 204
        await thread(mounted, ann, "a new one")
        assert (await browser.visit(live.removeprefix("/library"))).status_code == 200
        assert browser.names == ["a new one", "the first"]

    async def test_a_page_loads_nothing_but_files_of_its_own(self, browser: Browser) -> None:
        answer = await browser.visit()
        assert "script-src 'self'; style-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=|https?://", browser.text)
        files = re.findall(r'(?:src|href)="(/library/static/[^"]*)"', browser.text)
        assert len(files) == 4
        for file in files:
            loaded = await browser.get(file)
            assert loaded.status_code == 200
            assert "immutable" in loaded.headers["cache-control"]

    @pytest.mark.parametrize("name", ["missing.js", "..%2fpages.py", "vendor/htmx.LICENSE", "vendor"])
    async def test_no_other_file_is_served(self, browser: Browser, name: str) -> None:
        assert (await browser.get(f"/library/static/{name}")).status_code == 404

    async def test_in_french(self, mounted: DataLayer, ann: Any, open_browser: OpenBrowser) -> None:
        one = await thread(mounted, ann, "Un")
        french = open_browser("ann", **{"accept-language": "fr-CA,fr;q=0.9,en;q=0.8"})
        await french.visit()
        assert '<html lang="fr">' in french.text
        await french.do("archive", one)
        assert french.notice == "1 conversation est archivée."


class TestTheme:
    async def test_the_colours_are_those_of_the_app(
        self, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(theme, "public_dir", str(tmp_path))
        colours = {"--primary": "340 92% 52%", "--card": "red; } * { color: red", "--border": "0 0% 90%"}
        for variables, said in (
            ({"light": colours, "dark": colours | {"--primary": "0 0% 100%", "--border": 7}}, True),
            ({"light": colours}, False),
            ([], False),
            (None, False),
        ):
            (tmp_path / "theme.json").write_text(json.dumps({"variables": variables}))
            answer = await browser.get("/library/theme.css")
            assert answer.headers["content-type"].startswith("text/css")
            line = ":root {\n  --primary: light-dark(hsl(340 92% 52%), hsl(0 0% 100%));\n}\n"
            assert answer.text == (line if said else "")
        (tmp_path / "theme.json").unlink()
        assert (await browser.get("/library/theme.css")).text == ""


class TestSearch:
    async def test_what_was_said_with_the_match_marked_leads_to_the_message(
        self, mounted: DataLayer, ann: Any, browser: Browser
    ) -> None:
        one = await thread(mounted, ann, "Travels")
        message = make_step(one, output="We take the **night train** to Paris")
        await mounted.create_step(message)
        await browser.visit("?q=train")
        assert browser.names == ["Travels"]
        assert "We take the night <mark>train</mark> to Paris" in browser.text
        assert f"/thread/{one}?step={message['id']}" in links(browser.text)

    async def test_what_is_left_out_of_a_question_is_told(self, mounted: DataLayer, ann: Any, browser: Browser) -> None:
        await thread(mounted, ann, "Travels", "a train")
        await browser.visit("?q=train+before:soon")
        assert browser.names == ["Travels"]
        assert "“before:soon” was left out" in browser.text
        await browser.visit("?q=trian")
        assert browser.names == ["Travels"]
        assert "Nothing was found for “trian”" in browser.text
        await browser.visit("?q=nothinglikeit")
        assert "Nothing was found." in browser.text


class TestReading:
    async def test_the_last_messages_and_those_before_by_a_link(
        self, mounted: DataLayer, ann: Any, browser: Browser
    ) -> None:
        one = await thread(mounted, ann, "Long", "message 0")
        for n in range(1, 230):
            kind = "user_message" if n % 2 == 0 else "assistant_message"
            await mounted.create_step(make_step(one, type=kind, output=f"message {n}"))
        seen: list[int] = []
        path: str | None = f"?thread={one}"
        while path:
            assert (await browser.visit(path)).status_code == 200
            some = [int(n) for n in re.findall(r"<p>message (\d+)</p>", browser.text)]
            assert len(some) <= 130
            seen = some + seen
            path = next((link.removeprefix("/library") for link in links(browser.text) if "before=" in link), None)
        assert seen == list(range(230))

    async def test_what_was_said_does_nothing(self, mounted: DataLayer, ann: Any, browser: Browser) -> None:
        said = "# Big\n<script>alert(1)</script>\n![p](https://evil.example/p.png) [x](javascript:alert(1)) **bold**"
        one = await thread(mounted, ann, "Evil", said)
        await browser.visit(f"?thread={one}")
        article = browser.text[browser.text.index("<article") :]
        assert "<strong>bold</strong>" in article
        assert not re.search(r"<script|<img|<h1|href=.javascript", article)

    async def test_a_flood_is_cut(self, mounted: DataLayer, ann: Any, browser: Browser) -> None:
        one = await thread(mounted, ann, "Flood", "*a_ [" * 100_000)
        for _ in range(15):
            await mounted.create_step(make_step(one, output="b" * 30_000))
        answer = await browser.visit(f"?thread={one}")
        assert answer.status_code == 200
        assert len(answer.text) < 500_000
        assert 'class="plain"' in answer.text

    async def test_what_repeats_the_name_is_not_shown_below_it(
        self, mounted: DataLayer, ann: Any, browser: Browser
    ) -> None:
        await organise(mounted, await thread(mounted, ann, "Walnut bread"), folder="Kitchen", tags=["dough"])
        await browser.visit("?q=walnut")
        assert (browser.names, 'class="said"' in browser.text) == (["Walnut bread"], False)
        await browser.visit("?q=dough")
        assert re.findall(r'class="said" dir="auto">(.*?)</span>', browser.text) == ["Kitchen <mark>dough</mark>"]


class TestUsage:
    async def test_totals_of_ones_own_calls(self, mounted: DataLayer, ann: Any, open_browser: OpenBrowser) -> None:
        for actor, tokens in (("ann", 1234), ("bob", 777)):
            user = await register(mounted, actor)
            one = await thread(mounted, user, "Paid")
            known = {"kind": "turn", "model": "<b>gpt", "provider": "p", "status": "complete", "latency": 1}
            call: Any = known | {"started_at": now(), "tokens_in": tokens, "tokens_out": 5, "cost": 2_500_000_000}
            await mounted.store.submit(RecordUsage(actor=actor, thread_id=one, id=new_id(), at=now(), **call))
        browser = open_browser()
        assert (await browser.visit("/usage")).status_code == 200
        assert browser.text.count("&lt;b&gt;gpt") == 3
        assert ("1,234" in browser.text, "$2.50" in browser.text, "777" in browser.text) == (True, True, False)


class TestBadAddresses:
    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("?after=nonsense", 404),
            ("?after=p1.%00", 200),
            ("?after=99999999999999999999.x", 404),
            ("?q=a&after=nonsense", 404),
            ("?in=../..", 404),
            ("?in=" + "a" * 5_000, 404),
            ("?month=2026-13", 404),
            ("?month=2026-11", 200),
            ("?model=%00&kind=" + "k" * 5_000, 200),
            ("?in=%00", 200),
            ("?in=a%2F%2Fb%2F", 200),
            ("?in=رحلة", 200),
            ("?tag=" + "x" * 5_000, 200),
            ("?show=everything", 200),
            ("?thread=nobodys", 404),
            ("?thread=%00", 200),
            ("?thread=" + "x" * 5_000, 404),
            ("?q=" + "(" * 5_000, 200),
            ("?q=%FF%FE", 200),
            ("?known=x", 200),
        ],
    )
    async def test_each_has_a_page(
        self, mounted: DataLayer, ann: Any, browser: Browser, path: str, status: int
    ) -> None:
        await thread(mounted, ann, "Still here")
        answer = await browser.visit(path)
        assert answer.status_code == status
        assert 'id="library"' in answer.text
        assert bool(browser.notice) == (status != 200)

    @pytest.mark.parametrize("before", ["x", "1", "1.2.3", "9" * 19 + ".1", "-1.1", "1.-1", "%00"])
    async def test_a_point_of_a_conversation(self, mounted: DataLayer, ann: Any, browser: Browser, before: str) -> None:
        one = await thread(mounted, ann, "Here")
        assert (await browser.visit(f"?thread={one}&before={before}")).status_code == 200


async def test_below_a_path(login: None, chainlit_layer: DataLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is that of the routes as they are mounted."""
    from chainlit.auth import create_jwt
    from chainlit.user import User

    monkeypatch.setattr(app.router, "routes", list(app.router.routes))
    monkeypatch.setattr(config.ui, "header_links", None)
    monkeypatch.setattr(config.run, "root_path", "/chat")
    library.mount(chainlit_layer)
    ann = await register(chainlit_layer, "ann")
    one = await thread(chainlit_layer, ann, "Below", "a train")
    assert config.ui.header_links is not None
    assert [link.url for link in config.ui.header_links] == ["/chat/library"]
    cookies = {"access_token": create_jwt(User(identifier="ann"))}
    transport = httpx.ASGITransport(app=app)
    async with Browser(transport=transport, base_url="http://chat", cookies=cookies, headers=HTML) as browser:
        browser.root = "/chat"
        for path in ("", "?q=train", f"?thread={one}", "/usage"):
            assert (await browser.visit(path)).status_code == 200
            inner = [link for link in links(browser.text) if link.startswith("/")]
            assert inner
            assert all(link.startswith("/chat/") for link in inner)
        await browser.visit()
        await browser.do("archive", one)
        assert browser.names == []
        await browser.undo()
        assert browser.names == ["Below"]
        wanted = {"thread": one, "audience": "public", "ends": "1", "password": "a good one"}
        shared = (await browser.do("make", path="/shares", **wanted)).text
        (link,) = {each for each in links(shared) if "/share/" in each}
        assert link.startswith("/chat/share/")
        answer = await browser.post(link, data={"password": "a good one"})
        assert (answer.headers["location"], f"Path={link};" in answer.headers["set-cookie"]) == (link, True)
        browser.text = (await browser.get(link)).text
        assert "a train" in browser.text
        assert all(each.startswith("/chat/") for each in links(browser.text) if each.startswith("/"))


async def test_a_slash_at_the_end_and_what_asks_for_the_head_alone(browser: Browser, open_browser: OpenBrowser) -> None:
    answer = await browser.visit("/?q=a")
    assert (answer.status_code, answer.headers["location"]) == (303, "/library?q=a")
    for who, status in ((browser, 200), (open_browser(None), 303)):
        answer = await who.head("/library?q=a", headers=HTML)
        assert answer.status_code == status
    assert answer.headers["location"] == "/login?next=/library%3Fq%3Da"


async def test_mounted_again_it_is_there_once(mounted: DataLayer) -> None:
    before = len(app.router.routes)
    library.mount(mounted)
    assert len(app.router.routes) == before
    assert config.ui.header_links is not None
    assert len(config.ui.header_links) == 1
