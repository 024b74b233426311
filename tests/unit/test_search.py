"""The grammar of filters and orders: what it reads; and that whatever else there is, it refuses and says why."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insighter_ext.errors import Invalid
from insighter_ext.tracking.search.grammar import MAX_CONDITIONS, MAX_LIST, Order, parse_filter, parse_orders
from insighter_ext.tracking.search.tokens import MAX_FILTER, tokenize
from insighter_ext.tracking.search.vocabularies import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    RUNS,
)

ALL = [RUNS, EXPERIMENTS, LOGGED_MODELS, REGISTERED_MODELS, MODEL_VERSIONS]

PIECES = [
    "metrics", "params", "tags", "attributes", "dataset", "start_time", "run_id", "name", ".", "`", '"', "'", "''", "=",
    "!=", "<", ">=", "LIKE", "ILIKE", "IN", "NOT", "IS", "NULL", "AND", "OR", "(", ")", ",", "1e-3", "-5", ".5",
    "1e999", " ", "\n", ";", "--", "/*", "\\", "%", "_", "\0", "ü", "你", "🧪", "\u202e",
    "Run name", "x", "9" * 500, "$1", "{}",
]  # fmt: skip


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("", []),
        ("metrics.auc > 0.5", [("metric", "auc", ">", 0.5)]),
        ("metric.`a b` <= -1e-3", [("metric", "a b", "<=", -0.001)]),
        ("metrics.auc > 1e999", [("metric", "auc", ">", "Infinity")]),
        ('params."x.y" = "it\'s"', [("param", "x.y", "=", "it's")]),
        ("params.x = 'it''s'", [("param", "x", "=", "it's")]),
        ("params.x = 'C:\\'", [("param", "x", "=", "C:\\")]),
        ("tags.mlflow.user like 'a%'", [("tag", "mlflow.user", "LIKE", "a%")]),
        ("tag.x IS NOT NULL and tag.y is null", [("tag", "x", "IS NOT NULL", None), ("tag", "y", "IS NULL", None)]),
        ("run_id IN ('a', \"b\",)", [("attribute", "run_id", "IN", ["a", "b"])]),
        ("`Run name` = 'x'", [("attribute", "run_name", "=", "x")]),
        ("attr.Created > 5", [("attribute", "start_time", ">", 5)]),
        ("datasets.context NOT IN ('train')", [("dataset", "context", "NOT IN", ["train"])]),
    ],
)  # fmt: skip
def test_what_a_filter_says(filter: str, found: list[tuple[Any, ...]]) -> None:
    assert [tuple(one.as_json().values()) for one in parse_filter(filter, RUNS)] == found


@pytest.mark.parametrize(
    ("filter", "place"),
    [
        ("metrics.auc > 'x'", (14, 3)),
        ("metrics.auc > 0.5 OR metrics.b < 1", (18, 2)),
        ("(metrics.auc > 1)", (0, 1)),
        ("params.x = 'open", (11, 5)),
        ("nothing.x = 'a'", (0, 9)),
        ("tags.🧪 = 'a'", (0, 5)),
        ("params.`🧪` = 5", (13, 1)),
        ("run_id IN ('a' 'b')", (15, 3)),
        ("metrics.a > 1; select 1", (13, 1)),
        ("metrics.a >", (0, 11)),
        ("a\0b", (1, 1)),
    ],
)
def test_a_refusal_says_where(filter: str, place: tuple[int, int]) -> None:
    with pytest.raises(Invalid) as refused:
        parse_filter(filter, RUNS)
    assert (refused.value.details["position"], refused.value.details["length"]) == place
    assert refused.value.code == "invalid_filter"


def test_orders() -> None:
    assert parse_orders(["metrics.`a b` DESC", "created"], RUNS) == [
        Order("metric", "a b", False),
        Order("attribute", "start_time", True),
    ]
    for wrong in (
        ["metrics.a", "metric.a DESC"],
        ["x"],
        ["metrics.a DESC DESC"],
        [""],
        ["dataset.name"],
        ["a\0"],
    ):
        with pytest.raises(Invalid) as refused:
            parse_orders(wrong, RUNS)
        assert refused.value.code == "invalid_order"
    with pytest.raises(Invalid):
        parse_orders([f"metrics.m{i}" for i in range(100)], RUNS)


@pytest.mark.parametrize(
    "filter",
    [
        "x" * 1_000_000,
        "(" * 100_000,
        "'" * 99_999,
        "`" * 99_999,
        "metrics." * 20_000,
        "params.a = '" + "''" * 90_000,
        " " * 150_000 + "(",
        "1" * 100_000,
        "AND " * 40_000 + "(",
        "<" * 100_000,
        "NOT " * 40_000,
        " AND ".join(["metrics.a > 1"] * (MAX_CONDITIONS + 1)),
        "run_id IN (" + ", ".join(["'a'"] * (MAX_LIST + 1)) + ")",
    ],
    ids=lambda filter: filter[:20],
)
def test_what_is_too_much_is_refused_at_once(filter: str) -> None:
    """An expression that tries everything again would never come to an end here."""
    with pytest.raises(Invalid):
        parse_filter(filter, RUNS)


def test_as_long_as_it_may_be() -> None:
    ids = ", ".join(f"'{i:032x}'" for i in range(MAX_LIST))
    (found,) = parse_filter(f"run_id IN ({ids})", RUNS)
    assert isinstance(found.value, tuple) and len(found.value) == MAX_LIST
    assert len(tokenize(" " * MAX_FILTER)) == 1


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)),
    st.sampled_from(ALL),
)
def test_anything_is_read_or_refused(filter: str, vocabulary: Any) -> None:
    refused: Invalid | None = None
    found = []
    try:
        found = parse_filter(filter, vocabulary)
    except Invalid as error:
        refused = error
    if refused is not None:
        assert 0 <= refused.details["position"] <= len(filter)
        assert refused.details["length"] >= 1
    for one in found:
        assert json.loads(json.dumps(one.as_json(), allow_nan=False)) == one.as_json()
        assert one.kind in vocabulary.kinds
        assert filter[one.start : one.start + one.length]
    with contextlib.suppress(Invalid):
        parse_orders([filter], vocabulary)


@settings(max_examples=300, deadline=None)
@given(
    st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1),
    st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.sampled_from("'\""),
)
def test_every_key_and_value_can_be_asked_for(key: str, value: str, quote: str) -> None:
    """However it is written: quoted, with quotation marks doubled, it comes back as it was."""
    filter = f"params.`{key.replace('`', '``')}` != {quote}{value.replace(quote, quote * 2)}{quote}"
    (found,) = parse_filter(filter, RUNS)
    assert (found.key, found.value) == (key, value)
