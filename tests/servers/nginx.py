"""Debian's nginx before two instances, with the configuration of deploy/, on ports and in a folder of its own."""

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.conftest import missing
from tests.processes import ROOT, free_port

DEPLOY = ROOT / "deploy" / "nginx"
_MAIN = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 500; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  include {folder}/upstreams.conf;
  {servers}
}}
"""


def program() -> str:
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if found is None:
        missing("There is no nginx", "REQUIRE_SERVICES")
    return str(found)


def filled_in(ports: tuple[int, int]) -> str:
    """The template, as the image of nginx fills it in: names that are no variables of the environment stay."""
    given = {"HOST_1": "127.0.0.1", "PORT_1": ports[0], "HOST_2": "127.0.0.1", "PORT_2": ports[1]}
    template = (DEPLOY / "upstreams.conf.template").read_text()
    return re.sub(r"\$\{(\w+)\}", lambda name: str(given[name[1]]), template)


def configure(folder: Path, ports: tuple[int, int], servers: str) -> Path:
    (folder / "upstreams.conf").write_text(filled_in(ports))
    main = folder / "nginx.conf"
    main.write_text(_MAIN.format(folder=folder, servers=servers))
    return main


def site(folder: Path, port: int | None = None) -> str:
    """The site with a certificate of its own. ``port``: in place of those that only root may have."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run([*command, *files], check=True, capture_output=True)
    text = (DEPLOY / "site.conf").read_text()
    text = text.replace("/etc/nginx/tls", str(folder)).replace("/etc/nginx/threadkeep", str(DEPLOY))
    if port is None:
        return text
    text = text[text.index("server {", text.index("acme-challenge")) :]  # without the one that leads to TLS
    return re.sub(r"listen 443 ", f"listen 127.0.0.1:{port} ", re.sub(r"\n *listen \[.*", "", text))


class Nginx:
    """``url``: without TLS, as clients of tests speak it. ``tls_url``: as deploy/nginx/site.conf is for people."""

    def __init__(self, folder: Path, ports: tuple[int, int]) -> None:
        """``ports``: of the instances."""
        self.port, tls_port = free_port(), free_port()
        self.url, self.tls_url = f"http://127.0.0.1:{self.port}", f"https://127.0.0.1:{tls_port}"
        servers = f"server {{ listen 127.0.0.1:{self.port}; include {DEPLOY}/proxy.conf; }}"
        self._main = configure(folder, ports, f"{servers}\n{site(folder, tls_port)}")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [program(), "-c", str(self._main), "-p", str(self._main.parent)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self._process.poll() is None, (self._main.parent / "error.log").read_text()
                time.sleep(0.02)

    def close(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None
