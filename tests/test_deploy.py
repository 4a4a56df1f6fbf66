"""What deploy/ holds fits the app: names of settings, paths, ports, the configuration of nginx as nginx reads it."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant.config import Config, _names
from tests.processes import ROOT, module, run
from tests.servers import nginx

DEPLOY = ROOT / "deploy"
SETTINGS = {name for field in Config.model_fields.values() for name in _names(field.validation_alias)}
# What others read: the S3 client, uvicorn.
OTHERS = {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "FORWARDED_ALLOW_IPS"}
EXAMPLE = (DEPLOY / "threadkeep.env.example").read_text()


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def given(compose: Any, service: str) -> dict[str, Any]:
    return dict(compose["services"][service]["environment"])


def test_every_setting_is_one() -> None:
    assert set(re.findall(r"^#?([A-Z0-9_]+)=", EXAMPLE, re.MULTILINE)) - SETTINGS - OTHERS == set()


def test_the_example_is_accepted_once_it_is_filled_in(tmp_path: Path) -> None:
    lines = re.findall(r"^([A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE)
    env = {name: value.replace("CHANGE-ME", "x" * 40) for name, value in lines}
    code = "from assistant.config import load; print(load().database)"
    done = run(code, cwd=tmp_path, env={**env, "THREADKEEP_HOME": str(tmp_path / "home")})
    assert (done.returncode, done.stdout) == (0, "postgresql+asyncpg://…@127.0.0.1:5432/threadkeep\n"), done.stderr


def test_no_secret_is_in_the_repository(compose: Any) -> None:
    secrets = re.findall(r"^\w*(?:SECRET|KEY|PASSWORD|TOKEN)\w*=(.*)$", EXAMPLE, re.MULTILINE)
    assert set(secrets) <= {"CHANGE-ME", ""}
    for service in compose["services"].values():
        for name, value in (service.get("environment") or {}).items():
            if re.search("SECRET|KEY|PASSWORD|AUTH|URL$", name) and "s3:9000" not in str(value):
                assert "${" in value, name


def test_compose_starts_two_instances_that_differ_in_port_and_folder_alone(compose: Any) -> None:
    one, two = given(compose, "one"), given(compose, "two")
    assert set(one) - SETTINGS - OTHERS == set()
    assert {name for name in one if one[name] != two[name]} == {"CHAINLIT_PORT"}
    for service in ("one", "two"):
        found = compose["services"][service]
        assert found["read_only"] is True
        assert found["cap_drop"] == ["ALL"]
        assert "user" not in found  # the image's own, which has no rights
    proxy = given(compose, "proxy")
    assert (proxy["PORT_1"], proxy["PORT_2"]) == (one["CHAINLIT_PORT"], two["CHAINLIT_PORT"])
    assert {proxy["HOST_1"], proxy["HOST_2"]} == {"one", "two"}
    [network] = compose["networks"]["inside"]["ipam"]["config"]
    assert network["subnet"] == one["FORWARDED_ALLOW_IPS"]


def test_what_compose_and_the_image_name_is_there(compose: Any) -> None:
    for volume in compose["services"]["proxy"]["volumes"]:
        source = volume.split(":")[0]
        assert source == "./tls" or (DEPLOY / source).is_file()
    recipe = (DEPLOY / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.*)$", recipe, re.MULTILINE):
        for source in line.split()[:-1]:
            assert list(ROOT.glob(source)), source
    names = re.findall(r"([A-Z]+_[A-Z_]+)=", recipe)
    assert {name for name in names if name.startswith(("THREADKEEP_", "CHAINLIT_"))} <= SETTINGS


def test_the_image_takes_along_what_the_app_reads() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) ", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    kept = {name for line in copied for name in line.split()}
    assert {"app.py", "chainlit*.md", ".chainlit", "public", "datalayer", "exchange", "library", "assistant"} <= kept
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{name}" for name in kept} <= {line.rstrip("/") for line in ignored}


def test_the_image_runs_without_rights_and_asks_whether_it_lives() -> None:
    recipe = (DEPLOY / "Dockerfile").read_text()
    last = recipe.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    check = re.search(r'^    CMD \["python", "-c", "(.*)"\]$', last, re.MULTILINE)
    assert check
    compile(check[1], "check", "exec")
    assert "/health/live" in check[1]


def test_nginx_takes_the_site(tmp_path: Path) -> None:
    """With a certificate of its own, and without the ports that only root may have."""
    main = nginx.configure(tmp_path, (8001, 8002), nginx.site(tmp_path))
    done = subprocess.run([nginx.program(), "-t", "-c", str(main), "-p", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_a_site_that_would_take_what_is_ours_is_no_silence(tmp_path: Path) -> None:
    """Debian's, which is the default of port 80 until somebody removes it."""
    others = "server { listen 80 default_server; server_name _; }"
    main = nginx.configure(tmp_path, (8001, 8002), others + nginx.site(tmp_path))
    done = subprocess.run([nginx.program(), "-t", "-c", str(main), "-p", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "a duplicate default server for 0.0.0.0:80" in done.stderr


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "REDIS_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"])
@pytest.mark.parametrize("odd", ["a/b", "a@b", "a?b", "a#b", "a%41", "a:b", "a b", "é", "a\nb", "a$b", "'", "\\"])
def test_compose_refuses_a_password_that_would_mean_something_in_an_address(compose: Any, name: str, odd: str) -> None:
    service = compose["services"]["passwords"]
    shell, option, script = service["entrypoint"]
    right = dict.fromkeys(service["environment"], "Aa0.9_z~-")

    def checked(given: dict[str, str]) -> subprocess.CompletedProcess[str]:
        command = [shell, option, script.replace("$$", "$")]  # as compose hands it on
        return subprocess.run(command, env={"PATH": os.environ["PATH"], **given}, capture_output=True, text=True)

    assert checked(right).returncode == 0
    refused = checked(right | {name: odd})
    assert (refused.returncode, refused.stderr.count("\n"), refused.stderr.startswith(f"{name}: ")) == (1, 1, True)
    assert odd not in refused.stderr.removeprefix(f"{name}: only letters without accents, digits and")
    for instance in ("one", "two"):
        assert compose["services"][instance]["depends_on"]["passwords"] == {
            "condition": "service_completed_successfully"
        }


def test_every_password_of_compose_is_looked_at(compose: Any) -> None:
    named = set(re.findall(r"\$\{(\w+):\?\}", (DEPLOY / "compose.yaml").read_text()))
    assert set(compose["services"]["passwords"]["environment"]) == named
    script = compose["services"]["passwords"]["entrypoint"][2]
    assert set(re.findall(r"[A-Z0-9]+_[A-Z_]+", script)) == named


def test_the_unit_starts_what_is_there() -> None:
    unit = (DEPLOY / "systemd" / "threadkeep@.service").read_text()
    assert "ExecStart=/opt/threadkeep/.venv/bin/python -m assistant serve\n" in unit
    assert re.search(r"^User=threadkeep$", unit, re.MULTILINE)
    assert run(module("assistant"), "serve", "--help", cwd=ROOT).returncode == 0
