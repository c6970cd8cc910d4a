"""The rows of a file, one by one, with the place of each: JSON (an array, one object, or one after another) or CSV. Memory stays flat."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from marshmallow import fields

from worker.errors import Fault, KitrelayError
from worker.kinds.fields import Flag, Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from worker.kinds import Kind

CHUNK: Final = 64 * 1024
LARGEST: Final = 1024 * 1024
"""Characters of one row in JSON."""

WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
DELIMITERS: Final = ",;\t"
_SPACE: Final = " \t\r\n"


class Unreadable(KitrelayError):
    """The file can't be read on; `fault` says where and why."""

    def __init__(self, place: str, message: str) -> None:
        self.fault = Fault(place, message)
        super().__init__(str(self.fault))


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it stands, its value, and what was wrong with its form."""

    place: str
    value: Any
    faults: tuple[Fault, ...] = ()


def rows_of(file: BinaryIO, kind: Kind, *, is_csv: bool) -> Iterator[Row]:
    """All rows from the beginning. Raises `Unreadable`."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        yield from csv_rows(text, kind) if is_csv else json_rows(text)
    except UnicodeDecodeError as error:
        raise Unreadable("", f"the file is not UTF-8: {error.reason}") from error
    finally:
        text.detach()


def json_rows(text: io.TextIOBase) -> Iterator[Row]:
    """The objects of an array, or those that follow each other with or without line breaks."""
    reader = _Json(text)
    array = reader.skip("[")
    number = 0
    while not reader.at_end():
        if array and reader.skip("]"):
            break
        if number and array and not reader.skip(","):
            raise Unreadable(reader.place(), "a comma is expected here, or the end of the array")
        reader.at_end()  # past the space before the value: its line is what people look for
        number += 1
        place = f"row {number} ({reader.place()})"
        value = reader.value()
        yield Row(place, value, tuple(Fault("", message) for message in reader.faults))
    else:
        if array:
            raise Unreadable(reader.place(), "the array has no end")
    if not reader.at_end():
        raise Unreadable(reader.place(), "there is something after the end of the array")


def csv_rows(text: io.TextIOBase, kind: Kind) -> Iterator[Row]:
    """Rows under a header of argument names. A blank cell is an argument that is not given; numbers and flags are what the kind says."""
    header, delimiter = _header(text)
    converters = _converters(kind, header)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    line = 2
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _row(f"line {line}", header, cells, converters)
            line = reader.line_num + 2  # the header was taken before
    except csv.Error as error:
        raise Unreadable(f"line {line}", f"is no CSV: {error}") from error


def _header(text: io.TextIOBase) -> tuple[list[str], str]:
    line = text.readline()
    delimiter = max(DELIMITERS, key=line.count)
    names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    if not any(names):
        raise Unreadable("line 1", "a header with the names of arguments is expected")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Unreadable("line 1", f"the header names twice: {', '.join(twice) or 'nothing'}")
    return names, delimiter


def _converters(kind: Kind, header: list[str]) -> list[Callable[[str], Any]]:
    known = kind.schema().fields
    found: list[Callable[[str], Any]] = []
    for name in header:
        field = known.get(name)
        if field is None:
            raise Unreadable(f"line 1, {name or 'an empty name'}", f"is not known here; there are {', '.join(_plain(known))}")
        if isinstance(field, (fields.List, fields.Nested)):
            raise Unreadable(f"line 1, {name}", "holds more than a cell can: use JSON")
        found.append(_flag if isinstance(field, Flag) else _whole if isinstance(field, Whole) else str)
    return found


def _plain(known: dict[str, Any]) -> list[str]:
    return [name for name, field in known.items() if not isinstance(field, (fields.List, fields.Nested))]


def _row(place: str, header: list[str], cells: list[str], converters: list[Callable[[str], Any]]) -> Row:
    faults = (Fault("", f"has {len(cells)} cells, the header has {len(header)}"),) if len(cells) > len(header) else ()
    named = zip(header, converters, cells, strict=False)
    return Row(place, {name: convert(cell.strip()) for name, convert, cell in named if cell.strip()}, faults)


def _flag(cell: str) -> Any:  # noqa: ANN401 - what is no flag is left for the kind to refuse
    return WORDS.get(cell.lower(), cell)


def _whole(cell: str) -> Any:  # noqa: ANN401 - likewise
    return int(cell) if cell.isascii() and cell.isdigit() else cell


class _Json:
    """Reads a text value by value, and knows the line it is at."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._buffer = ""
        self._at = 0
        self._line = 1
        self._dropped = 0  # characters of the buffer's first line that are no longer in it
        self._ended = False
        self._decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=self._no_number, object_pairs_hook=self._unique)
        self.faults: list[str] = []
        """What was wrong with the value that was read last, though it could be read."""

    def place(self) -> str:
        """Where it is."""
        return f"line {self._line}"

    def at_end(self) -> bool:
        """Whether nothing but space is left."""
        while True:
            start = self._at
            while self._at < len(self._buffer) and self._buffer[self._at] in _SPACE:
                self._at += 1
            self._line += self._buffer.count("\n", start, self._at)
            if self._at < len(self._buffer):
                return False
            if not self._more():
                return True

    def skip(self, character: str) -> bool:
        """Take this character if it is the next."""
        if self.at_end() or self._buffer[self._at] != character:
            return False
        self._at += 1
        return True

    def value(self) -> Any:  # noqa: ANN401 - any JSON value
        """The next value. Raises `Unreadable`."""
        if self.at_end():
            raise Unreadable(self.place(), "a value is expected here")
        while True:
            self.faults = []
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if len(self._buffer) - self._at > LARGEST or not self._more():
                    raise self._broken(error) from error
            except (ValueError, RecursionError) as error:
                raise Unreadable(self.place(), str(error) or "is nested too deeply") from error
            else:
                self._line += self._buffer.count("\n", self._at, end)
                self._at = end
                return value

    def _broken(self, error: json.JSONDecodeError) -> Unreadable:
        if len(self._buffer) - self._at > LARGEST:
            return Unreadable(self.place(), f"is no JSON, or larger than {LARGEST} characters")
        line = self._line + self._buffer.count("\n", self._at, error.pos)
        line_start = self._buffer.rfind("\n", 0, error.pos) + 1
        column = error.pos - line_start + 1 + (0 if line_start else self._dropped)
        return Unreadable(f"line {line}, column {column}", f"is no JSON: {error.msg}")

    def _more(self) -> bool:
        """Read on, dropping what was taken; at least as much again as is held, so that a long row is not tried too often."""
        if self._ended:
            return False
        held = self._buffer[self._at :]
        read = self._text.read(max(CHUNK, len(held)))
        self._ended = not read
        if read:
            line_start = self._buffer.rfind("\n", 0, self._at) + 1
            self._dropped = self._at - line_start + (0 if line_start else self._dropped)
            self._buffer, self._at = held + read, 0
        return bool(read)

    def _no_number(self, text: str) -> None:
        self.faults.append(f"{text} is no number")

    def _unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            self.faults.append(f"names {next(name for name in names if names.count(name) > 1)!r} twice in one object")
        return found
