r"""A call to an ERP as a command that a person can run: quoted for a POSIX shell, with shell variables where a secret belongs. Pure.

>>> print(as_curl("GET", "https://erp.test/v1/kitassembly", None, ["Accept: application/json", BEARER]))
curl --globoff --request GET --url https://erp.test/v1/kitassembly \
  --header 'Accept: application/json' \
  --header "Authorization: Bearer $TOKEN"

What an ERP or a customer wrote into a body may be made to do harm where it is pasted. So nothing in it is left for the shell to read, and
control characters, by which a pasted text could end its own pasting, become a mark.
"""

from __future__ import annotations

import shlex
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEPT: Final = "\n\t"
_HIDDEN: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
_MARK: Final = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Secret:
    """A header, or the beginning of an address, whose end stands in a shell variable of the reader's."""

    before: str
    variable: str


BEARER: Final = Secret("Authorization: Bearer ", "TOKEN")


def as_curl(method: str, url: str, body: str | None, headers: Iterable[str | Secret] = (), base: Secret | None = None) -> str:
    """The command. `base` is what the address begins with, where nobody knows it: then `url` is the rest."""
    lines = [f"curl --globoff --request {quoted(method)} --url {'' if base is None else _with_variable(base)}{quoted(url)}"]
    lines += [f"--header {_with_variable(each) if isinstance(each, Secret) else quoted(each)}" for each in headers]
    if body is not None:
        lines.append(f"--data-raw {quoted(body)}")
    return " \\\n  ".join(lines)


def quoted(text: str) -> str:
    """One word for the shell, whatever is in it."""
    return shlex.quote(harmless(text))


def harmless(text: str) -> str:
    """Without characters that no one sees but a terminal, but for line ends and tabs."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_MARK if unicodedata.category(each) in _HIDDEN and each not in _KEPT else each for each in text)


def _with_variable(secret: Secret) -> str:
    """In double quotes, where only the variable is read by the shell. `before` is a text of ours."""
    return f'"{secret.before}${secret.variable}"'
