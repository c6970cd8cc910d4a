"""A marshmallow field for JMESPath, checked as far as that goes without an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import jmespath
from jmespath.exceptions import EmptyExpressionError, JMESPathError, LexerError, ParseError
from jmespath.functions import Functions
from marshmallow import ValidationError

from worker.configuration.fields import Text, Value
from worker.configuration.places import hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FUNCTIONS: Final = frozenset(Functions.FUNCTION_TABLE)
LONGEST: Final = 1_000
DEEPEST: Final = 40
DEEP: Final = "is nested too deeply"


class Expression(Value[str]):
    """The text of a JMESPath expression that compiles and calls only functions that exist."""

    def convert(self, value: object) -> str:
        """The text."""
        text = Text().convert(value)
        if len(text) > LONGEST:
            raise ValidationError(f"must have at most {LONGEST} characters")
        try:
            tree = jmespath.compile(text).parsed
        except LexerError as error:
            raise ValidationError(f"is no JMESPath: cannot be read at character {error.lexer_position + 1}") from None
        except EmptyExpressionError:
            raise ValidationError("must not be empty") from None
        except ParseError as error:
            raise ValidationError(f"is no JMESPath: unexpected at character {error.lex_position + 1}") from None
        except RecursionError:
            raise ValidationError(DEEP) from None
        except JMESPathError:
            raise ValidationError("is no JMESPath") from None
        if _depth(tree) > DEEPEST:
            raise ValidationError(DEEP)
        for name in _calls(tree):
            if name not in FUNCTIONS:
                raise ValidationError(f"calls {name}(), which JMESPath does not have{hint(name, FUNCTIONS)}")
        return text


def _calls(node: Mapping[str, Any]) -> Iterator[str]:
    """The names of all functions in a parsed expression."""
    if node.get("type") == "function_expression":
        yield node["value"]
    for child in node.get("children", ()):
        if isinstance(child, dict):
            yield from _calls(child)


def _depth(node: Mapping[str, Any]) -> int:
    """How many nodes stand in each other."""
    depth, level = 0, [node]
    while level:
        level = [child for each in level for child in each.get("children", ()) if isinstance(child, dict)]
        depth += 1
    return depth
