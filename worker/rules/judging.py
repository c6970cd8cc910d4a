"""What a rule makes of an event. Pure: nothing is stored, nothing called; whatever an event holds, it ends in outcomes."""

from __future__ import annotations

import decimal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from worker.errors import Fault, InvalidArguments
from worker.jobs import requests
from worker.jobs.outcomes import Outcome
from worker.rules.exact import text_of
from worker.rules.expressions import Expression, NoResult, result, word_for
from worker.rules.work import Meter, TooMuchWork

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.settings import Rule, Settings

MOST_ELEMENTS: Final = 1_000
MOST_RULES: Final = 64
LONGEST_KEY: Final = 200
MOST_FAULTS: Final = 20
"""Of one element; the first are shown."""

_DIGITS: Final = decimal.Context(prec=60)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule ready to be used. `place` is where it stands in the settings: `rules[2]`."""

    place: str
    rule: Rule
    when: Expression | None
    each: Expression | None
    arguments: Mapping[str, Expression]
    unique_key: Expression | None

    @classmethod
    def of(cls, number: int, rule: Rule) -> Compiled:
        """From the settings, where it was checked."""
        arguments = {name: Expression(text) for name, text in rule.arguments.items()}
        return cls(f"rules[{number}]", rule, _maybe(rule.when), _maybe(rule.each), arguments, _maybe(rule.unique_key))

    def matches(self, kind: str) -> bool:
        """Whether the rule is for events of this type."""
        on = self.rule.on
        return kind.startswith(on[:-1]) if on.endswith("*") else kind == on


def judged(settings: Settings, tenant: str, rules: Iterable[Compiled], event: Mapping[str, Any]) -> tuple[Outcome, ...]:
    """What the rules of the event's source do with it, in their order."""
    judge = _Judge(settings, tenant, event, Meter())
    with decimal.localcontext(_DIGITS):
        return tuple(outcome for rule in rules for outcome in judge.rule(rule))


class _Judge:
    """One event on its way through the rules: what they may still cost and make together."""

    def __init__(self, settings: Settings, tenant: str, event: Mapping[str, Any], meter: Meter) -> None:
        self._settings = settings
        self._tenant = tenant
        self._event = event
        self._meter = meter
        self._matched = 0
        self._elements = MOST_ELEMENTS

    def rule(self, rule: Compiled) -> list[Outcome]:
        """All of it, or one refusal: what costs too much makes nothing."""
        if not rule.matches(str(self._event["type"])):
            return [_skipped(rule, f"it is for {rule.rule.on}")]
        self._matched += 1
        if self._matched > MOST_RULES:
            return [_refused(rule, "", f"more than {MOST_RULES} rules are for this event")]
        try:
            return self._matched_rule(rule)
        except NoResult as error:
            return [_refused(rule, str(error.args[0]), str(error.args[1]))]
        except TooMuchWork:
            return [_refused(rule, "", "takes too much work over this event: make the event smaller, or the expressions simpler")]

    def _matched_rule(self, rule: Compiled) -> list[Outcome]:
        told = True if rule.when is None else self._found("when", rule.when)
        if told is not True:
            return [_skipped(rule, f"when gives {word_for(told)}, not true")]
        if rule.each is None:
            return [self._element(rule, None, None)]
        elements = self._found("each", rule.each)
        if elements is None or elements == []:
            return [_skipped(rule, "each gives no elements")]
        if not isinstance(elements, list):
            raise NoResult("each", f"gives {word_for(elements)}, not a list")
        self._elements -= len(elements)
        if self._elements < 0:
            raise NoResult("each", f"gives {len(elements)} elements; an event may have {MOST_ELEMENTS} over all rules")
        return [self._element(rule, number, element) for number, element in enumerate(elements)]

    def _found(self, key: str, expression: Expression) -> Any:  # noqa: ANN401 - any JSON value
        """What an expression gives over the event. Raises `NoResult` with its key and the reason."""
        try:
            return expression.over(self._event, self._meter)
        except NoResult as error:
            raise NoResult(key, str(error)) from error

    def _element(self, rule: Compiled, number: int | None, element: object) -> Outcome:
        scope = {"event": self._event, "item": element}
        faults: list[Fault] = []
        arguments = dict(self._arguments(rule, scope, faults))
        unique_key = self._unique_key(rule, scope, faults)
        broken = {fault.path for fault in faults}
        job = None
        try:
            job = requests.new_job(self._settings, self._tenant, rule.rule.do, arguments, unique_key=unique_key)
        except InvalidArguments as error:
            faults += (fault for fault in _placed(rule, error.faults, arguments) if fault.path not in broken)
        if faults:
            return Outcome(rule.place, rule.rule.do, "refused", number, faults=tuple(faults[:MOST_FAULTS]))
        return Outcome(rule.place, rule.rule.do, "made", number, job=job)

    def _arguments(self, rule: Compiled, scope: object, faults: list[Fault]) -> Iterator[tuple[str, Any]]:
        """What is not null."""
        for name, expression in rule.arguments.items():
            try:
                value = result(expression.over(scope, self._meter), self._meter)
            except NoResult as error:
                faults.append(Fault(f"{rule.place}.with.{name}", str(error)))
                continue
            if value is not None:
                yield name, value

    def _unique_key(self, rule: Compiled, scope: object, faults: list[Fault]) -> str | None:
        """A key that is asked for and can't be told is a fault: without it the same order would become two kits."""
        if rule.unique_key is None:
            return None
        try:
            key = key_text(rule.unique_key.over(scope, self._meter))
        except NoResult as error:
            faults.append(Fault(f"{rule.place}.unique_key", str(error)))
            return None
        return key


def key_text(value: object) -> str:
    """A text or a number that makes something unique. Raises `NoResult`."""
    text = value.strip() if isinstance(value, str) else _digits(value)
    if text is None:
        raise NoResult(f"gives {word_for(value)}, not text or a number")
    if not text or not text.isprintable() or len(text) > LONGEST_KEY:
        raise NoResult(f"must give 1 to {LONGEST_KEY} printable characters")
    return text


def _digits(value: object) -> str | None:
    if isinstance(value, decimal.Decimal):
        return text_of(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _placed(rule: Compiled, faults: Iterable[Fault], given: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of a job's arguments where they stand in the settings. A missing one whose expression gives null says so."""
    for fault in faults:
        name, _, rest = fault.path.partition(".")
        if name == "arguments":
            null = rest in rule.arguments and rest not in given
            yield Fault(
                f"{rule.place}.with.{rest}" if rest else f"{rule.place}.with",
                f"{fault.message}; its expression gives null" if null else fault.message,
            )
        else:
            yield Fault(f"{rule.place}.do", fault.message)


def _maybe(text: str) -> Expression | None:
    return Expression(text) if text else None


def _skipped(rule: Compiled, why: str) -> Outcome:
    return Outcome(rule.place, rule.rule.do, "skipped", why=why)


def _refused(rule: Compiled, key: str, message: str) -> Outcome:
    place = f"{rule.place}.{key}" if key else rule.place
    return Outcome(rule.place, rule.rule.do, "refused", faults=(Fault(place, message),))
