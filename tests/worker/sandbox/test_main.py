"""The sandbox as a process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import httpx
import pytest

from worker.sandbox.__main__ import main, parser, settings_of


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
