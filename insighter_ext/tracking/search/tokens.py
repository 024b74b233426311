"""Cuts a filter string into words, numbers, texts and signs, in one pass and in time linear in its length."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from insighter_ext.errors import Invalid

MAX_FILTER = 200_000
"""Longest filter, in characters; a list of 5,000 run ids is 180,000."""

Kind = Literal["name", "word", "number", "text", "operator", "(", ")", ",", "end"]

_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\W\d]\w*")
_PART = re.compile(r"\w+")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])")
_OPERATOR = re.compile(r"[<>=!~]+")
_MAX_NUMBER = 400


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a filter.

    Attributes:
        kind: ``name`` for something with a dot or in backticks; ``word`` for a bare word, which may be a keyword;
            ``text`` for what stands in quotes; ``operator``; a bracket or comma by itself; ``end`` after the last.
        value: what it says, without quotes.
        source: the characters as they stand.
        start: where it begins, counted in Unicode code points.
        parts: of a name, word or text: what stands before the first dot (None where there is no dot) and after.
        quote: the quotation mark of a text.
    """

    kind: Kind
    value: str
    source: str
    start: int
    parts: tuple[str | None, str] = (None, "")
    quote: str = ""

    @property
    def keyword(self) -> str:
        """In capital letters, where it is a bare word."""
        return self.value.upper() if self.kind == "word" else ""


def refuse(message: str, start: int, length: int, hint: str | None = None) -> Invalid:
    """The error for a place in a filter: ``details`` say where."""
    return Invalid(
        message, code="invalid_filter", hint=hint, details={"position": start, "length": max(length, 1)}
    )


def tokenize(text: str) -> list[Token]:
    """All tokens of a filter, and ``end``.

    In quotes a doubled quotation mark stands for one; a backslash is a backslash.

    Raises:
        Invalid: it is too long, holds a NUL character, a quote is not closed, or a character has no meaning.
    """
    if len(text) > MAX_FILTER:
        raise refuse(f"Invalid filter: it is longer than {MAX_FILTER} characters", 0, len(text))
    if (place := text.find("\0")) >= 0:
        raise refuse("Invalid filter: it holds a NUL character", place, 1)
    found: list[Token] = []
    position, end = 0, len(text)
    while position < end:
        if match := _SPACE.match(text, position):
            position = match.end()
            continue
        token = _token(text, position)
        found.append(token)
        position += len(token.source)
    found.append(Token("end", "", "", end))
    return found


def _token(text: str, start: int) -> Token:
    character = text[start]
    if character in "(),":
        return Token(character, character, character, start)  # type: ignore[arg-type]
    if character == "'":
        value, end = _quoted(text, start)
        return Token("text", value, text[start:end], start, (None, value), "'")
    if match := _OPERATOR.match(text, start):
        return Token("operator", match[0], match[0], start)
    if match := _NUMBER.match(text, start):
        if len(match[0]) > _MAX_NUMBER:
            raise refuse("Invalid filter: a number has too many digits", start, len(match[0]))
        return Token("number", match[0], match[0], start)
    if character in '`"' or _WORD.match(text, start):
        return _name(text, start)
    raise refuse(f"Invalid clause(s) in filter string: '{character}'", start, 1)


def _name(text: str, start: int) -> Token:
    """A word, or parts with dots between them, of which the last may stand in backticks or quotes."""
    parts: list[str] = []
    position = start
    quote = ""
    while True:
        if position < len(text) and text[position] in "`\"'":
            quote = text[position]
            value, position = _quoted(text, position)
            parts.append(value)
            # `metrics`.auc is allowed, and nothing else goes on after a quotation mark.
            if len(parts) > 1 or position >= len(text) or text[position] != "." or quote != "`":
                break
        elif match := (_PART if parts else _WORD).match(text, position):
            quote = ""
            parts.append(match[0])
            position = match.end()
            if position >= len(text) or text[position] != ".":
                break
        else:
            raise refuse(
                f"Invalid clause(s) in filter string: '{text[start:position]}'", start, position - start
            )
        position += 1
    source = text[start:position]
    if len(parts) == 1:
        kind: Kind = "text" if quote == '"' else "name" if quote else "word"
        return Token(kind, parts[0], source, start, (None, parts[0]), quote)
    return Token("name", ".".join(parts), source, start, (parts[0], ".".join(parts[1:])), quote)


def _quoted(text: str, start: int) -> tuple[str, int]:
    """What stands in quotes, and where it ends."""
    quote = text[start]
    pieces: list[str] = []
    position = start + 1
    while True:
        close = text.find(quote, position)
        if close < 0:
            raise refuse(f"Invalid filter: the quote {quote} is not closed", start, len(text) - start)
        pieces.append(text[position:close])
        if text[close + 1 : close + 2] != quote:
            return quote.join(pieces), close + 1
        position = close + 2
