"""Calls as commands for a POSIX shell."""

from __future__ import annotations

import shlex
import subprocess
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from webhooks.dashboard.job.curl import BEARER, Secret, as_curl, harmless

WRITTEN = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"), include_characters="\n\t"), max_size=60)
ANYTHING = st.text(max_size=60)
HOSTILE = """{"note": "$(touch /tmp/x) `id` 'a' \\"b\\" \\\\ ; & | > !! ${HOME} @file"}"""


def words_of(command: str) -> list[str]:
    """The words as Python's shell rules see them: a line that goes on is no word."""
    return shlex.split(command.replace(" \\\n  --", " --"))


@given(WRITTEN, WRITTEN, st.none() | WRITTEN, st.lists(WRITTEN, max_size=3))
def test_words_come_back(method: str, url: str, body: str | None, headers: list[str]) -> None:
    """What went in comes out of the shell's reading, word by word."""
    if any(" \\\n  --" in text for text in (method, url, body or "", *headers)):
        return
    expected = ["curl", "--globoff", "--request", method, "--url", url]
    expected += [word for header in headers for word in ("--header", header)]
    expected += ["--header", "Authorization: Bearer $TOKEN"]
    expected += [] if body is None else ["--data-raw", body]
    assert words_of(as_curl(method, url, body, [*headers, BEARER])) == expected


@settings(max_examples=25, deadline=None)
@given(WRITTEN, WRITTEN)
def test_shell_agrees(url: str, body: str) -> None:
    """A real shell reads the same words, and puts in only the variables that are ours."""
    command = as_curl("POST", url, body, [BEARER], Secret("", "BASE_URL")).removeprefix("curl ")
    script = f"printf '%s\\0' {command}"
    told = subprocess.run(["/bin/sh", "-c", script], env={"TOKEN": "t k", "BASE_URL": "http://b"}, capture_output=True, check=True)
    read = told.stdout.decode().split("\0")[:-1]
    assert read == [
        "--globoff",
        "--request",
        "POST",
        "--url",
        f"http://b{url}",
        "--header",
        "Authorization: Bearer t k",
        "--data-raw",
        body,
    ]


@given(ANYTHING)
def test_controls_are_marked(text: str) -> None:
    """No character is left that a terminal would obey; everything else is."""
    shown = harmless(text)
    assert len(shown) == len(text)
    assert all(was == now or not was.isprintable() for was, now in zip(text, shown, strict=True))
    assert all(each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cf", "Cs") for each in shown)


def test_hostile_body_is_one_word() -> None:
    """A body full of the shell's own signs is one word; one that would end its own pasting can't."""
    assert words_of(as_curl("POST", "https://erp.test/v1", HOSTILE))[-1] == HOSTILE
    assert "\x1b" not in as_curl("POST", "https://erp.test/v1", "\x1b[201~\nrm -rf ~")
    assert words_of(as_curl("POST", "-o/etc/passwd", "@/etc/passwd"))[-3:] == ["-o/etc/passwd", "--data-raw", "@/etc/passwd"]
