"""What the page makes of what was written: formulas, prices, colons, and text from right to left."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.chat import App
from tests.browser.conftest import OpenTab
from tests.servers.gemini import GeminiServer, finish, text

pytestmark = pytest.mark.browser

# What is written, and what is shown; a formula is shown here as its TeX between ⟦ and ⟧, twice when it stands alone.
SHOWN = {
    r"Energy is $E = mc^2$.": "Energy is ⟦E = mc^2⟧.",
    r"A thin space $a\,b$ and \(\alpha_1\) stay.": r"A thin space ⟦a\,b⟧ and ⟦\alpha_1⟧ stay.",
    r"The $n$th of $|x|$, $K^-$ and $f^*$, $5$ and $x=1$.": "The ⟦n⟧th of ⟦|x|⟧, ⟦K^-⟧ and ⟦f^*⟧, ⟦5⟧ and ⟦x=1⟧.",
    r"Shown $$\frac{1}{2}$$ apart, \[x^2\] too.": r"Shown ⟦⟦\frac{1}{2}⟧⟧ apart, ⟦⟦x^2⟧⟧ too.",
    r"$$E=mc^2$$": "⟦⟦E=mc^2⟧⟧",
    "$$\na\n- b\n$$": "⟦⟦a\n- b⟧⟧",
    "\\[\na = 1 \\\\\n= b\n\\]": "⟦⟦a = 1 \\\\\n= b⟧⟧",
    "Between $5 and $6, from $5k to 10k$.": "Between $5 and $6, from $5k to 10k$.",
    "Entre 5$ et 6$, 5 $ et 6 $, US$0.10 et 7\u202f$.": "Entre 5$ et 6$, 5 $ et 6 $, US$0.10 et 7\u202f$.",
    "It costs $5 (or 6$), $5/month,$60/year.": "It costs $5 (or 6$), $5/month,$60/year.",
    "In $HOME:$PATH, `$x$` and \\$x\\$ stay.": "In $HOME:$PATH, $x$ and $x$ stay.",
    r"Said \[sic\] in \[1\] and open \$3 $x": "Said [sic] in [1] and open $3 $x",
    "Water is H~2~O, ~single~, ~~struck~~.": "Water is H~2~O, ~single~, struck.",
    "At 12:30, key:value, C:Users, Note:important, a::b.": "At 12:30, key:value, C:Users, Note:important, a::b.",
    ":::note\nkept\n:::": ":::note\nkept\n:::",
    "::leaf[label]{a=b} :text[x]{y} :smile:": "::leaf[label]{a=b} :text[x]{y} :smile:",
    "`12:30 $5 ~x~`": "12:30 $5 ~x~",
    "See ![a map](http://127.0.0.1:9/map.png).": "See a map.",
}
WRITTEN = "\n\n".join(SHOWN)
BLOCKS = """all => all.map(block => {
    const copy = document.createElement('div');
    copy.append(block.cloneNode(true));
    for (const formula of copy.querySelectorAll(".katex-display, .katex")) {
        if (!copy.contains(formula)) continue;
        const tex = `⟦${formula.querySelector("annotation").textContent}⟧`;
        formula.replaceWith(formula.matches(".katex-display") ? `⟦${tex}⟧` : tex);
    }
    return copy.textContent.trim();
})"""


@pytest.fixture(scope="module")
def app(browser: Browser, gemini: GeminiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("markdown"), GEMINI_API_KEY="test-key", GEMINI_BASE_URL=gemini.url)
    try:
        app.start()
        yield app
    finally:
        app.close()


def blocks(message: Locator) -> list[str]:
    found: list[str] = message.locator(".message-content .prose > *").evaluate_all(BLOCKS)
    return found


def test_everything_is_shown_as_it_was_meant(tab: OpenTab, gemini: GeminiServer) -> None:
    chat = tab(permissions=["clipboard-read", "clipboard-write"])
    asked: list[str] = []
    chat.page.on("request", lambda request: asked.append(request.url))
    gemini.script(*(text(piece) for piece in re.findall(r"(?s).{1,40}", WRITTEN)), finish())
    gemini.script(text("Signs"), finish())
    chat.send(WRITTEN)
    for message in (chat.questions.first, chat.answers.first):
        expect(message.locator(".katex").first).to_be_visible()
        assert dict(zip(SHOWN, blocks(message), strict=True)) == SHOWN
        expect(message.locator(".katex-error")).to_have_count(0)
        expect(message.locator("del")).to_have_text(["struck"])
    assert any(url.endswith("/public/vendor/katex/katex.min.css") for url in asked)
    chat.page.evaluate("document.fonts.ready")
    assert chat.page.evaluate("document.fonts.check('16px KaTeX_Main')")
    shown = chat.answers.first.locator(".katex-mathml").first
    assert shown.evaluate("e => getComputedStyle(e).position") == "absolute"  # the stylesheet hides it

    chat.answers.first.locator("button:has(.lucide-copy)").last.click()
    chat.page.wait_for_function("async () => (await navigator.clipboard.readText()) !== ''")
    assert chat.page.evaluate("navigator.clipboard.readText()") == WRITTEN
    chat.reload()
    for message in (chat.questions.first, chat.answers.first):
        assert dict(zip(SHOWN, blocks(message), strict=True)) == SHOWN
    told = gemini.requests[0].body["contents"][-1]["parts"][0]["text"]
    assert told == WRITTEN


RTL = "مرحبا، كيف **حالك**؟ العدد 42.\n\n- أولاً\n- ثانيًا\n\n```python\nprint('x')\n```\n\nAnd English again."


def test_each_block_is_read_in_its_own_direction(tab: OpenTab, gemini: GeminiServer) -> None:
    chat = tab()
    gemini.script(text(RTL), finish())
    gemini.script(text("تحية"), finish())
    chat.type("שלום")
    direction = "e => getComputedStyle(e).direction"
    assert chat.input.evaluate(direction) == "rtl"
    chat.submit()
    chat.answer(0)
    assert chat.questions.first.locator("[role=article]").evaluate(direction) == "rtl"
    answer = chat.answers.first.locator(".prose")
    assert [answer.locator("> *").nth(n).evaluate(direction) for n in (0, 1, 3)] == ["rtl", "rtl", "ltr"]
    assert answer.locator("pre code").evaluate(direction) == "ltr"
    expect(chat.entry("تحية")).to_be_visible()
    assert chat.entry("تحية").locator(".truncate").evaluate(direction) == "rtl"
    chat.type("plain")
    assert chat.input.evaluate(direction) == "ltr"


def test_the_script_that_reads_is_the_one_that_is_served(app: App, tab: OpenTab) -> None:
    script = tab().page.locator('script[src*="/assets/index-"]').get_attribute("src") or ""
    url = app.url + script
    packed = httpx.get(url)
    assert (packed.status_code, packed.headers["content-encoding"]) == (200, "gzip")
    assert packed.text.count("markdownReaders") == 1
    assert httpx.get(url, headers={"accept-encoding": "identity"}).text == packed.text
    again = httpx.get(url, headers={"if-none-match": packed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert httpx.head(url).headers["content-type"].startswith("text/javascript")
