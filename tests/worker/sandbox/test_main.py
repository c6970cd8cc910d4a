"""The sandbox as a process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tomllib

import httpx
import pytest

from worker.sandbox.__main__ import main, parser, settings_of
from worker.sandbox.shown import settings_text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_starts_and_stops(number: signal.Signals) -> None:
    """It announces its port, answers, and ends with 0 on either signal, silently."""
    words = ["--port", "0", "--announce", "--documents", "3", "--company", "acme", "--fault", "lost"]
    with subprocess.Popen([sys.executable, "-m", "worker.sandbox", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        port = json.loads(process.stdout.readline())["port"]
        counts = httpx.get(f"http://127.0.0.1:{port}/_sandbox/counts").json()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr.read() == b""
    assert counts["visma"]["companies"]["acme"]["documents_now"]["B"] == 3


def test_settings_are_shown() -> None:
    """The settings with which it is called are printed once it answers, with the port that it has; they are TOML, and stand alone."""
    command = [sys.executable, "-m", "worker.sandbox", "--port", "0", "--documents", "0", "--webhook-key", "k", "--show-settings"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "targets" not in lines[-1]:
            lines.append(process.stdout.readline().decode())
        visma = tomllib.loads("".join(lines))["tenants"]["sandbox"]["visma"]
        assert httpx.get(f"{visma['base_url']}/_sandbox/counts").status_code == 200
        process.terminate()
    assert visma["webhook_keys"] == ["k"]


def test_taken_port_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A port that another program has ends it with 1 and a line for a person, before it says that it answers."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["--port", str(port), "--documents", "0", "--show-settings"]) == 1
    told = capsys.readouterr()
    assert (told.out, f"can't listen on 127.0.0.1:{port}" in told.err, "Traceback" in told.err) == ("", True, False)


@pytest.mark.parametrize(("host", "called"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")])  # noqa: S104 - an example
def test_address_can_be_called(host: str, called: str) -> None:
    """Who listens everywhere is called on loopback; an IPv6 address stands in brackets."""
    assert tomllib.loads(settings_text(host, 9100, "k"))["tenants"]["sandbox"]["intacct"]["base_url"] == f"http://{called}:9100/ia/api/v1"


def test_options_become_settings() -> None:
    """Each option reaches its setting; the companies share webhook and limits."""
    words = ["--company=a", "--company=b", "--fault=all", "--fault=lost=1", "--accept-ms=50", "--webhook-url=http://x/y", "--webhook-key=k"]
    settings = settings_of(
        parser().parse_args([*words, "--seed=9", "--slots=4", "--calls-per-hour=7", "--import-ms=9", "--intacct-slots=3"])
    )
    assert [company.name for company in settings.companies] == ["a", "b"]
    assert {(company.webhook_url, company.webhook_key, company.slots, company.calls_per_hour) for company in settings.companies} == {
        ("http://x/y", "k", 4, 7)
    }
    assert (settings.import_ms, {company.intacct_slots for company in settings.companies}) == (9.0, {3})
    assert (settings.seed, settings.accept_ms, settings.faults["lost"], "down" in settings.faults) == (9, 50.0, 1.0, False)


def test_wrong_fault_named(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown fault ends with 2 and the list of names."""
    assert main(["--fault", "gone"]) == 2
    assert "late-release" in capsys.readouterr().err


def test_secrets_hidden() -> None:
    """Client secret and webhook key do not show."""
    settings = settings_of(parser().parse_args(["--webhook-key=very-private"]))
    assert "very-private" not in repr(settings)
    assert "demo-secret" not in repr(settings)
