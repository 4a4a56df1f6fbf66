"""HTML as Markdown that means the same."""

import pytest
from markdown_it import MarkdownIt

from exchange.origins.gemini.markup import markdown


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ("<p>a</p><p>b <b>bold</b> and <i> slanted </i>!</p>", "a\n\nb **bold** and *slanted* !"),
        ("a<br>b", "a  \nb"),
        ("<h2>Title <b>x</b></h2>text", "## Title **x**\n\ntext"),
        ("<p>x</p><ul><li>a</li><li><p>b</p><ul><li>c</li></ul></li></ul><p>y</p>", "x\n\n- a\n- b\n  - c\n\ny"),
        ("<ol><li>a<pre><code class='language-py'>x = 1\n\ny</code></pre></li><li>b</li></ol>",
         "1. a\n\n   ```py\n   x = 1\n\n   y\n   ```\n2. b"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<p><a href='https://x.org/a (b)'>link</a> <a href='javascript:x'>no</a></p>",
         "[link](https://x.org/a%20%28b%29) no"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td></td><td>1|<br>2</td></tr></table>",
         "| a | b |\n| --- | --- |\n|  | 1\\| 2 |"),
        ("<p>2 * 3 * 4, a_b _c_ &lt;b&gt; &amp;lt; [x]</p>", "2 \\* 3 \\* 4, a_b \\_c\\_ \\<b> \\&lt; \\[x\\]"),
        ("<p># no title</p><p>- no list</p><p>1. no number</p>", "\\# no title\n\n\\- no list\n\n1\\. no number"),
        ("<code>a`b</code> <code> </code>", "``a`b``"),
        ("<pre>```\nx</pre>", "````\n```\nx\n````"),
        ("<script>x</script><style>y</style>ok<img src='https://x/y.png' alt='bird'>", "ok[bird](https://x/y.png)"),
        ("<b>open <ul><li>a", "**open**\n\n- a"),
        ("</ul></li></b>fine", "fine"),
        ("<hr>a<hr>", "---\n\na\n\n---"),
        ("", ""),
    ],
)  # fmt: skip
def test_it_is_written_as_people_write_it(html: str, wanted: str) -> None:
    assert markdown(html) == (wanted, True)


@pytest.mark.parametrize(
    "text", ["# a", "1. a", "- a", "> a", "a*b*c", "a_b_c _d_", "`x`", "[a](b)", "<b>x</b>", "&lt;", "~~a~~", "\\*"]
)
def test_what_was_text_is_read_as_text(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = MarkdownIt().render(markdown(f"<p>{escaped}</p>")[0])
    assert shown == f"<p>{escaped}</p>\n"
