"""Values of the settings: times, percentages, numbers, addresses, expressions."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from worker.configuration.addresses import DatabaseAddress, RedisAddress, WebAddress, is_loopback
from worker.configuration.expressions import Expression
from worker.configuration.fields import UNITS, Duration, DurationOrNever, Flag, Items, Number, Share, Text, Value, Whole
from worker.configuration.origins import FromEnvironment

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.text()), st.dictionaries(st.text(), st.text())
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("5s", 5), ("1.5m", 90), ("15m", 900), ("22h", 79_200), ("90d", 7_776_000), ("5 s", 5)],
)
def test_duration_has_unit(text: str, seconds: float) -> None:
    """Times are written with their unit and read as seconds."""
    assert Duration().convert(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "s", "-5s", "0s", "0ms", "5S", "5 s ", "5s\n", "1h30m", "1e3s", "٣s", "99999d", ".5s", 5, 5.0, True, None, ["5s"]]
)
def test_duration_refuses(text: object) -> None:
    """A time without a unit, of nothing, below nothing or beyond ten years is refused."""
    with pytest.raises(ValidationError):
        Duration().convert(text)


@given(st.integers(1, 100_000), st.sampled_from(sorted(UNITS)))
def test_duration_scales(number: int, unit: str) -> None:
    """Number times unit, exactly."""
    expected = number * float(UNITS[unit])
    if expected > 3_650 * 86_400:
        return
    assert Duration().convert(f"{number}{unit}") == pytest.approx(expected, rel=1e-12)


@given(st.integers(0, 100))
def test_share_scales(percent: int) -> None:
    """A percentage is a share from 0 to 1."""
    assert Share().convert(f"{percent}%") == pytest.approx(percent / 100)


@pytest.mark.parametrize("text", ["", "30", "101%", "100.1%", "-1%", "%", "30 percent", 0.3, 30, None, "30%\n"])
def test_share_refuses(text: object) -> None:
    """A bare number, or more than all, is refused."""
    with pytest.raises(ValidationError):
        Share().convert(text)


def test_never_is_none() -> None:
    """`never` turns a time off, and only where that is said."""
    assert DurationOrNever().convert("never") is None
    assert DurationOrNever().convert("1m") == 60
    with pytest.raises(ValidationError):
        Duration().convert("never")


@given(ANYTHING)
@pytest.mark.parametrize(
    "field",
    [
        Duration(),
        DurationOrNever(),
        Share(),
        Whole(),
        Number(),
        Flag(),
        Text(),
        Items(Text()),
        WebAddress(),
        DatabaseAddress(),
        RedisAddress(),
        Expression(),
    ],
    ids=lambda field: type(field).__name__,
)
def test_nothing_crashes(field: Value[object], value: object) -> None:
    """Whatever stands there is taken or refused, never an error of another kind."""
    with contextlib.suppress(ValidationError):
        field.convert(value)


@pytest.mark.parametrize("value", [True, 1.0, "1", "x", None, 0, 11])
def test_whole_refuses(value: object) -> None:
    """Text, flags, fractions and what is out of bounds are no whole number."""
    with pytest.raises(ValidationError):
        Whole(least=1, most=10).convert(value)


@pytest.mark.parametrize(
    ("written", "read"),
    [(12, "12"), (Decimal("0.1"), "0.1"), ("0.25", "0.25"), ("144", "144"), (Decimal("1e3"), "1000"), ("0.000000000001", "0.000000000001")],
)
def test_number_is_exact(written: object, read: str) -> None:
    """A number is what was written, as a number or as text."""
    assert Number().convert(written) == Decimal(read)


@pytest.mark.parametrize(
    "value",
    [0, "0", -1, "-1", "", " 1", "1e3", "1,5", "1/3", ".5", "٣", True, None, 0.5, 10**13, [1]]
    + [Decimal(text) for text in ("nan", "snan", "inf", "-inf", "-0.1", "1e-999999", "1e999999")],
)
def test_number_refuses(value: object) -> None:
    """Nothing, less, what is no number, and what no factor could be."""
    with pytest.raises(ValidationError):
        Number().convert(value)


@pytest.mark.parametrize(("value", "good"), [(0, True), (Decimal("99.99"), True), ("100", True), (Decimal("100.01"), False), (-1, False)])
def test_number_within_bounds(value: object, *, good: bool) -> None:
    """A share may be nothing, and all at most."""
    field = Number(zero=True, most=Decimal(100))
    if good:
        assert field.convert(value) == Decimal(str(value))
        return
    with pytest.raises(ValidationError, match="from 0 to 100"):
        field.convert(value)


def test_variables_stand_for_values() -> None:
    """Text from a variable may be a number, a flag or a list with commas; text from the file may not."""
    assert Whole().convert(FromEnvironment("12")) == 12
    assert Flag().convert(FromEnvironment("False")) is False
    assert Items(Text()).convert(FromEnvironment("a, b,")) == ("a", "b")
    for field, text in ((Whole(), "12"), (Flag(), "false"), (Items(Text()), "a,b")):
        with pytest.raises(ValidationError):
            field.convert(text)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://api.finance.visma.net/", "https://api.finance.visma.net"),
        ("https://host:8443/ia/api/v1", "https://host:8443/ia/api/v1"),
        ("http://127.0.0.1:9100/visma", "http://127.0.0.1:9100/visma"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_web_address(written: str, read: str) -> None:
    """Https anywhere, http on loopback; the slash at the end goes."""
    assert WebAddress().convert(written) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "visma.example",
        "ftp://visma.example",
        "http://visma.example",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example",
        "https://",
        "https://user:secret@visma.example",
        "https://user@visma.example",
        "https://visma.example?x=1",
        "https://visma.example/#x",
        "https://visma.example:99999",
        "https://visma.example:0",
        "https://visma example",
        "https://[::1",
        "//visma.example",
    ],
)
def test_web_address_refuses(text: str) -> None:
    """No host, no https, a password or a query inside: refused, without repeating it."""
    with pytest.raises(ValidationError) as caught:
        WebAddress().convert(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_known(host: str) -> None:
    """Names and addresses that can only mean this machine."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "localhost.example", "0.0.0.0", "10.0.0.1", "::", "127.1.example"])  # noqa: S104 - it must not count
def test_loopback_is_narrow(host: str) -> None:
    """What may mean another machine is not loopback."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sqlite:///var/kitrelay.db", "sqlite:///var/kitrelay.db"),
        ("sqlite:////srv/kitrelay.db", "sqlite:////srv/kitrelay.db"),
        ("postgres://u:p@h:5432/d", "postgresql+psycopg://u:p@h:5432/d"),
        ("postgresql://u@h/d?sslmode=require", "postgresql+psycopg://u@h/d?sslmode=require"),
        ("postgresql+psycopg://u@/d?host=/run", "postgresql+psycopg://u@/d?host=/run"),
    ],
)
def test_database_address(written: str, read: str) -> None:
    """What platforms hand out is turned into what SQLAlchemy needs."""
    assert DatabaseAddress().convert(written) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kitrelay.db",
        "mysql://h/d",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://x",
        "postgres://u:secret@h",
        "postgres://u:p@h:port/d",
    ],
)
def test_database_address_refuses(text: str) -> None:
    """Another database, one in memory or one without a name is refused, without repeating it."""
    with pytest.raises(ValidationError) as caught:
        DatabaseAddress().convert(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "redis://h", "redis://:p@h:6379/1", "rediss://h/0"])
def test_redis_address(text: str) -> None:
    """Redis with and without TLS; empty for a server of our own."""
    assert RedisAddress().convert(text) == text


@pytest.mark.parametrize("text", ["h:6379", "http://h", "redis://", "redis://h/x", "unix:///run/redis.sock"])
def test_redis_address_refuses(text: str) -> None:
    """What the broker could not use is refused at start."""
    with pytest.raises(ValidationError):
        RedisAddress().convert(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.", "is no JMESPath: unexpected at character 3"),
        ("a ==", "is no JMESPath: unexpected at character 5"),
        ("a # b", "is no JMESPath: cannot be read at character 3"),
        ("startswith(a, b)", "calls startswith(), which JMESPath does not have; did you mean starts_with?"),
        ("a[?qqq(@)].b", "calls qqq(), which JMESPath does not have"),
        ("", "must not be empty"),
    ],
)
def test_expression_names_place(text: str, message: str) -> None:
    """A bad expression is named with the place in it, a function that does not exist with its name."""
    with pytest.raises(ValidationError) as caught:
        Expression().convert(text)
    assert caught.value.messages == [message]


@pytest.mark.parametrize(
    "text",
    ["a", "`true`", "'MAIN'", "data.lines[?starts_with(sku, 'KIT-')]", "join('/', [event.data.order_no, item.sku])", "{a: max_by(b, &c)}"],
)
def test_expression_compiles(text: str) -> None:
    """Good expressions stay as they were written."""
    assert Expression().convert(text) == text
