"""What the SDK sends to an endpoint, and what it makes of the answer."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from insighter_ext.kernel.prediction import payload, result


def test_a_frame_goes_as_columns_and_rows() -> None:
    frame = pd.DataFrame(
        {
            "whole": [1, 2],
            "part": [0.1234567890123456, np.nan],
            "word": ["ä", None],
            "yes": [True, False],
            "when": pd.to_datetime(["2024-05-01T12:30:00", None]),
            "kind": pd.Categorical(["a", "b"]),
            "maybe": pd.array([5, None], dtype="Int64"),
        },
        index=[7, 9],
    )
    sent = payload(frame)["dataframe_split"]
    assert sent["columns"] == list(frame.columns)
    assert sent["data"] == [
        [1, 0.1234567890123456, "ä", True, "2024-05-01T12:30:00", "a", 5],
        [2, None, None, False, None, "b", None],
    ]
    json.dumps(sent, allow_nan=False)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"a": [1, 2], "b": [3, 4]}, {"columns": ["a", "b"], "data": [[1, 3], [2, 4]]}),
        ({"a": 1, "b": "x"}, {"columns": ["a", "b"], "data": [[1, "x"]]}),
        ({"a": [1, 2], "b": 0}, {"columns": ["a", "b"], "data": [[1, 0], [2, 0]]}),
        ([{"a": 1}, {"a": 2, "b": 3}], {"columns": ["a", "b"], "data": [[1, None], [2, 3]]}),
        (pd.Series({"a": 1, "b": "x"}), {"columns": ["a", "b"], "data": [[1, "x"]]}),
        ({"day": [dt.date(2024, 5, 1)]}, {"columns": ["day"], "data": [["2024-05-01"]]}),
        (pd.DataFrame({"a": []}), {"columns": ["a"], "data": []}),
    ],
)
def test_dicts_and_records_go_as_a_frame(given: Any, sent: Any) -> None:
    assert payload(given) == {"dataframe_split": sent}


def test_arrays_and_lists_go_as_inputs() -> None:
    assert payload(np.array([[1.5, 2], [3, 4]])) == {"inputs": [[1.5, 2.0], [3.0, 4.0]]}
    assert payload([1, 2]) == {"inputs": [1, 2]}
    own = {"inputs": {"image": [1]}, "params": {"top": 3}}
    assert payload(own) == own


def test_what_cannot_be_said_is_refused_in_words() -> None:
    with pytest.raises(TypeError, match="not int"):
        payload(5)
    with pytest.raises(ValueError, match="infinite"):
        payload(pd.DataFrame({"a": [np.inf]}))
    with pytest.raises(ValueError, match="different lengths"):
        payload({"a": [1, 2], "b": [1, 2, 3]})


def test_answers_take_the_shape_that_fits_them() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    values = result({"predictions": [0.5, 1.5]}, frame)
    assert isinstance(values, pd.Series) and values.to_dict() == {"x": 0.5, "y": 1.5}
    records = result({"predictions": [{"p": 1}, {"p": 2}]}, frame)
    assert isinstance(records, pd.DataFrame) and list(records.index) == ["x", "y"]
    rows = result({"predictions": [[1, 2], [3, 4]]}, frame)
    assert isinstance(rows, np.ndarray) and rows.shape == (2, 2)
    assert result({"predictions": "a text"}, frame) == "a text"
    assert list(result({"predictions": [1]}, [[1], [2]])) == [1]
