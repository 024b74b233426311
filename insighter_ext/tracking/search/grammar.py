"""MLflow's grammar of filters and orders, for any kind of thing that can be searched.

What a thing is searched by is declared, not programmed: a :class:`Vocabulary` says which words stand before the dot,
and for each of them (:class:`Kind`) which keys there are and how each (:class:`Field`) is compared. Those of runs,
experiments, models and versions are in ``vocabularies.py``. To search something else, declare its vocabulary::

    STATUS = Field("text", TEXT_OPERATORS | LIST_OPERATORS)
    THINGS = Vocabulary(
        "things",
        prefixes={"tag": "tag", "tags": "tag", "attributes": "attribute"},
        kinds={
            "attribute": Kind(keys={"status": STATUS, "size": Field("number", NUMBER_OPERATORS)}),
            "tag": Kind(others=Field("text", TEXT_OPERATORS | NULL_OPERATORS)),   # any key
        },
        orders={"attribute": frozenset({"size"})},
    )
    conditions = parse_filter("tags.team = 'blue' AND size > 3", THINGS)
    [condition.as_json() for condition in conditions]

A filter is a list of comparisons, joined by AND; MLflow's has neither OR nor brackets, and so nothing nests. Every
error is an ``Invalid`` whose ``details`` say where: ``{"position", "length"}``, in Unicode code points.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from insighter_ext.errors import Invalid
from insighter_ext.tracking.search.tokens import Token, refuse, tokenize

MAX_CONDITIONS = 100
MAX_LIST = 5000
MAX_ORDERS = 20

NUMBER_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">="})
TEXT_OPERATORS = frozenset({"=", "!=", "LIKE", "ILIKE"})
LIST_OPERATORS = frozenset({"IN", "NOT IN"})
NULL_OPERATORS = frozenset({"IS NULL", "IS NOT NULL"})

Value = str | int | float | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Field:
    """How a key is compared.

    Attributes:
        type: ``text`` takes a quoted text; ``number`` a number; ``integer`` a whole number; ``any`` either of the two.
        operators: those it takes, in capital letters.
        name: what the tree calls it, where that is another word than the filter's.
        quoted: whether an integer may stand in quotes.
    """

    type: Literal["text", "number", "integer", "any"]
    operators: frozenset[str]
    name: str | None = None
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """What can stand after the dot.

    Attributes:
        keys: the keys that are known by name.
        others: how all other keys are compared; None where there are no others.
    """

    keys: Mapping[str, Field] = field(default_factory=dict)
    others: Field | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a thing is searched by.

    Attributes:
        name: what is searched, in the plural.
        prefixes: the word before the dot → the kind it means.
        kinds: kind → its keys.
        orders: kind → the keys that can be ordered by, or None for any.
        bare: the kind of a key without a dot.
    """

    name: str
    prefixes: Mapping[str, str]
    kinds: Mapping[str, Kind]
    orders: Mapping[str, frozenset[str] | None]
    bare: str = "attribute"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison.

    Attributes:
        kind: of the vocabulary.
        key: the name of what is compared.
        operator: in capital letters.
        value: a text, a number, a tuple of texts for IN and NOT IN, None for IS NULL and IS NOT NULL.
        start, length: where it stands in the filter.
    """

    kind: str
    key: str
    operator: str
    value: Value
    start: int = field(default=0, compare=False)
    length: int = field(default=0, compare=False)

    def as_json(self) -> dict[str, Any]:
        """As the database's functions take it: ``{"kind", "key", "op", "value"}``."""
        value: Any = list(self.value) if isinstance(self.value, tuple) else self.value
        if isinstance(value, float) and math.isinf(value):
            value = "Infinity" if value > 0 else "-Infinity"
        return {"kind": self.kind, "key": self.key, "op": self.operator, "value": value}


@dataclass(frozen=True, slots=True)
class Order:
    """One key to order by."""

    kind: str
    key: str
    ascending: bool = True

    def as_json(self) -> dict[str, Any]:
        """As the database's functions take it: ``{"kind", "key", "desc"}``."""
        return {"kind": self.kind, "key": self.key, "desc": not self.ascending}


def parse_filter(text: str | None, vocabulary: Vocabulary) -> list[Condition]:
    """The comparisons of a filter string; none where it is empty.

    Raises:
        Invalid: it is no filter of this vocabulary; ``details`` say where.
    """
    if not text:
        return []
    parser = _Parser(tokenize(text), vocabulary)
    found: list[Condition] = []
    while parser.more():
        if len(found) == MAX_CONDITIONS:
            raise refuse(
                f"Invalid filter: it has more than {MAX_CONDITIONS} comparisons", parser.token.start, 1
            )
        found.append(parser.comparison())
    return found


def parse_orders(clauses: Iterable[str], vocabulary: Vocabulary) -> list[Order]:
    """What a list of order-by clauses says, each ``key``, ``key ASC`` or ``key DESC``.

    Raises:
        Invalid: a clause is not one of this vocabulary, or a key stands there twice.
    """
    found: list[Order] = []
    clauses = list(clauses)
    if len(clauses) > MAX_ORDERS:
        raise Invalid(f"Invalid order_by: it has more than {MAX_ORDERS} clauses", code="invalid_order")
    for clause in clauses:
        order = _order(clause, vocabulary)
        if any((order.kind, order.key) == (other.kind, other.key) for other in found):
            raise Invalid(f"`order_by` contains duplicate fields: {clauses}", code="invalid_order")
        found.append(order)
    return found


def _order(clause: str, vocabulary: Vocabulary) -> Order:
    try:
        tokens = tokenize(clause)
    except Invalid:
        tokens = []
    if not 2 <= len(tokens) <= 3 or tokens[0].kind not in ("name", "word", "text"):
        raise Invalid(f"Invalid order_by clause '{clause}'. Could not be parsed.", code="invalid_order")
    if len(tokens) == 3 and tokens[1].keyword not in ("ASC", "DESC"):
        raise Invalid(f"Invalid ordering key in order_by clause '{clause}'.", code="invalid_order")
    kind, key = _meaning(tokens[0], vocabulary)
    allowed = vocabulary.orders.get(kind, frozenset())
    if allowed is not None and key not in allowed:
        raise Invalid(
            f"Invalid order by key '{key}' specified. Valid keys are {_listed(allowed)}"
            if allowed
            else f"Invalid order_by entity type '{kind}'",
            code="invalid_order",
        )
    known = vocabulary.kinds[kind].keys.get(key)
    name = known.name if known is not None and known.name else key
    return Order(kind, name, tokens[1].keyword != "DESC")


def _meaning(token: Token, vocabulary: Vocabulary) -> tuple[str, str]:
    """The kind and key that a name means."""
    prefix, key = token.parts
    if prefix is None:
        return vocabulary.bare, key
    kind = vocabulary.prefixes.get(prefix)
    if kind is None:
        raise refuse(
            f"Invalid entity type '{prefix}'. Valid values are {_listed(vocabulary.prefixes)}",
            token.start,
            len(token.source),
        )
    return kind, key


def _listed(words: Iterable[str]) -> str:
    return str(sorted(words))


class _Parser:
    """Reads comparisons off a list of tokens."""

    def __init__(self, tokens: Sequence[Token], vocabulary: Vocabulary) -> None:
        self._tokens = tokens
        self._vocabulary = vocabulary
        self._at = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    def more(self) -> bool:
        """Whether a comparison follows. As in MLflow, an AND too many does no harm."""
        between = self._at == 0
        while self.token.keyword == "AND":
            self._take()
            between = True
        if self.token.kind == "end":
            return False
        if not between:
            raise self._invalid_clause(self.token)
        return True

    def comparison(self) -> Condition:
        first = self._take()
        if first.kind not in ("name", "word", "text") or first.quote == "'":
            raise self._invalid_clause(first)
        operator, sign = self._operator(first)
        kind, key = _meaning(first, self._vocabulary)
        field = self._field(kind, key, first)
        value: Value = None
        self._check_operator(field, kind, key, operator, sign)
        if operator not in NULL_OPERATORS:
            token = self._take()
            if token.kind == "end":
                raise refuse("Invalid comparison clause. Expected 3 tokens found 2", first.start,
                             token.start - first.start)  # fmt: skip
            value = self._list(token) if operator in LIST_OPERATORS else _value(field, kind, key, token)
        last = self._tokens[self._at - 1]
        return Condition(
            kind, field.name or key, operator, value, first.start, last.start + len(last.source) - first.start
        )

    def _operator(self, first: Token) -> tuple[str, Token]:
        """The operator in capital letters, and the token that it begins with."""
        sign = self._take()
        word = sign.keyword
        if sign.kind == "operator":
            return sign.value, sign
        if word in ("LIKE", "ILIKE", "RLIKE", "IN"):
            return word, sign
        if word == "NOT" and self.token.keyword == "IN":
            self._take()
            return "NOT IN", sign
        if word == "IS":
            negated = self.token.keyword == "NOT"
            if negated:
                self._take()
            if self.token.keyword == "NULL":
                self._take()
                return "IS NOT NULL" if negated else "IS NULL", sign
        if sign.kind == "end" or word == "AND":
            raise refuse(
                "Invalid comparison clause. Expected 3 tokens found 1", first.start, len(first.source)
            )
        raise self._invalid_clause(first if first.kind == "word" and first.keyword == "OR" else sign)

    def _field(self, kind: str, key: str, token: Token) -> Field:
        declared = self._vocabulary.kinds[kind]
        found = declared.keys.get(key, declared.others)
        if found is None:
            raise refuse(
                f"Invalid {kind} key '{key}' specified. Valid keys are {_listed(declared.keys)}",
                token.start,
                len(token.source),
            )
        return found

    def _check_operator(self, field: Field, kind: str, key: str, operator: str, sign: Token) -> None:
        if operator in field.operators:
            return
        length = self._tokens[self._at - 1].start + len(self._tokens[self._at - 1].source) - sign.start
        if operator in NULL_OPERATORS:
            raise refuse(f"IS NULL / IS NOT NULL is not supported for {kind} '{key}'", sign.start, length)
        raise refuse(
            f"Invalid comparator '{operator}' for {kind} '{key}', not one of {_listed(field.operators)}",
            sign.start,
            length,
        )

    def _list(self, opening: Token) -> tuple[str, ...]:
        """Texts in brackets; a comma may follow the last."""
        if opening.kind != "(":
            raise refuse(
                "While parsing a list in the query, expected a non-empty list of string values, but got "
                f"{opening.source!r}",
                opening.start,
                len(opening.source),
            )
        found: list[str] = []
        while (token := self._take()).kind != ")":
            if token.kind != "text":
                raise refuse(
                    "While parsing a list in the query, expected string value, punctuation, or whitespace, but got "
                    f"{token.source!r}"
                    if token.kind != "end"
                    else "Invalid filter: a list is not closed",
                    token.start,
                    len(token.source),
                )
            if len(found) == MAX_LIST:
                raise refuse(f"Invalid filter: a list has more than {MAX_LIST} values", token.start, 1)
            found.append(token.value)
            if self.token.kind == ",":
                self._take()
            elif self.token.source != ")":
                raise refuse(
                    "While parsing a list in the query, expected a non-empty list of string values, but got "
                    "ill-formed list.",
                    self.token.start,
                    len(self.token.source),
                )
        if not found:
            raise refuse(
                "While parsing a list in the query, expected a non-empty list of string values, but got empty list",
                opening.start,
                token.start + 1 - opening.start,
            )
        return tuple(found)

    def _take(self) -> Token:
        token = self.token
        if token.kind != "end":
            self._at += 1
        return token

    @staticmethod
    def _invalid_clause(token: Token) -> Invalid:
        hint = {
            "OR": "comparisons are joined by AND alone",
            "(": "comparisons stand without brackets, joined by AND",
        }.get(token.keyword or token.kind)
        return refuse(
            f"Invalid clause(s) in filter string: '{token.source}'"
            if token.kind != "end"
            else "Invalid filter: it ends in the middle of a comparison",
            token.start,
            len(token.source),
            hint,
        )


def _value(field: Field, kind: str, key: str, token: Token) -> Value:
    """The value on the right side of an operator."""
    if field.type in ("text", "any") and token.kind == "text":
        return token.value
    if field.type == "integer" and field.quoted and token.kind == "text":
        try:
            return int(token.value[:400])
        except ValueError:
            pass
    if field.type != "text" and token.kind == "number":
        try:
            return int(token.value)
        except ValueError:
            if field.type != "integer":
                return float(token.value)
    if field.type == "integer":
        message = f"Invalid value for numeric attribute '{key}': {token.source!r}"
    elif field.type == "number":
        message = f"Expected numeric value type for {kind} '{key}'. Found {token.source}"
    else:
        message = (
            f"Expected a quoted string value for {kind} '{key}' (e.g. 'my-value'). Got value {token.source}"
        )
    raise refuse(message, token.start, len(token.source))
