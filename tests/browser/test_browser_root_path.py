"""Below a path of a reverse proxy everything is as at "/": addresses, reload, files, pictures, signing in and out."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.accounts import AccountsOf
from tests.browser.chat import App, Chat, png
from tests.conftest import missing
from tests.processes import free_port

pytestmark = pytest.mark.browser

CONFIG = """
daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
events {{ worker_connections 200; }}
http {{
  access_log off; client_max_body_size 30m;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  server {{
    listen 127.0.0.1:{port};
    location /chat {{
      proxy_pass {target};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }}
  }}
}}
"""


@pytest.fixture(scope="module")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Its ``url`` is nginx's; the path is given with each address."""
    if not (nginx := shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")):
        missing("There is no nginx", "REQUIRE_SERVICES")
    folder = tmp_path_factory.mktemp("nginx")
    app = App(folder / "app", THREADKEEP_AUTH="accounts", CHAINLIT_ROOT_PATH="/chat")
    app.home.mkdir(mode=0o700)
    AccountsOf(app.home).add("camille", "correct horse")
    port = free_port()
    (folder / "nginx.conf").write_text(CONFIG.format(port=port, target=app.url))
    proxy = subprocess.Popen([str(nginx), "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    try:
        app.start()
        app.url = f"http://127.0.0.1:{port}"
        yield app
    finally:
        proxy.terminate()
        proxy.wait(10)
        app.close()


def test_a_conversation_below_a_path(app: App, profile: Callable[..., BrowserContext]) -> None:
    context = profile()
    chat = Chat(context.new_page(), app)
    lost: list[str] = []
    chat.page.on("response", lambda answer: lost.append(answer.url) if answer.status in (404, 500, 502) else None)
    chat.page.goto(app.url + "/chat")
    chat.page.wait_for_url(app.url + "/chat/login")
    picture = chat.page.locator("img[src='public/login.svg']")
    expect(picture).to_be_visible()
    assert picture.evaluate("img => img.naturalWidth") > 0
    chat.page.locator("#email").fill("camille")
    chat.page.locator("#password").fill("correct horse")
    chat.page.get_by_role("button").last.click()
    chat.ready()
    answer = chat.send("Below a path", ("dot.png", "image/png", png(7, 5)))
    thread = chat.thread_id()
    assert chat.page.url == f"{app.url}/chat/thread/{thread}"
    chat.reload()
    expect(chat.questions.first).to_contain_text("Below a path")
    assert chat.answer_text() == answer
    assert chat.picture_width() == 7
    deep = Chat(context.new_page(), app)
    deep.open(f"/chat/thread/{thread}")
    expect(deep.questions.first).to_contain_text("Below a path")
    deep.new()
    expect(deep.page).to_have_url(re.compile(re.escape(app.url) + "/chat/?$"))
    deep.send("A second one")
    assert deep.page.url == f"{app.url}/chat/thread/{deep.thread_id()}"
    assert lost == []
    deep.page.locator("#user-nav-button").click()
    deep.page.get_by_role("menuitem").last.click()
    expect(deep.page).to_have_url(app.url + "/chat/login")
