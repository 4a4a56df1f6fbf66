"""A real S3 server of the tests' own (moto's), which checks signatures and rights. It keeps everything in memory."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import URLError

import boto3

from tests.conftest import missing
from tests.processes import free_port

_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class S3Server:
    """``key``: of a user who may do everything, once it has started."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = ("", "")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "S3Server":
        program = Path(sys.executable).with_name("moto_server")
        if not program.exists() and not shutil.which("moto_server"):
            missing("there is no moto_server", "REQUIRE_SERVICES")
        command = [str(program), "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not self._answers():
            assert self._process.poll() is None
            time.sleep(0.05)
        self.key = self.new_key(_ALL)
        self._post("/moto-api/reset-auth", b"0")  # from now on nothing is let through unsigned
        return self

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.url + "/moto-api/", timeout=5).close()
        except (URLError, OSError):
            return False
        return True

    def _post(self, path: str, body: bytes) -> None:
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "text/plain"})
        urllib.request.urlopen(request, timeout=20).close()

    def client(self, service: str = "s3") -> Any:
        """Amazon's own client, which is not the one that is tested."""
        key, secret = self.key if self.key[0] else ("any", "any")
        made = {"aws_access_key_id": key, "aws_secret_access_key": secret, "region_name": "us-east-1"}
        return boto3.session.Session().client(service, endpoint_url=self.url, **made)

    def new_key(self, *statements: dict[str, Any]) -> tuple[str, str]:
        """The key of a new user with these rights, and its secret."""
        iam, name = self.client("iam"), os.urandom(4).hex()
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    def new_bucket(self) -> str:
        name = f"files-{os.urandom(6).hex()}"
        self.client().create_bucket(Bucket=name)
        return name

    def environment(self, key: tuple[str, str] | None = None) -> dict[str, str]:
        given, secret = key or self.key
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": given,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
        }

    def send(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(10)
            self._process = None
