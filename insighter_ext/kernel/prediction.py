"""What goes to an endpoint and what comes back, in MLflow's scoring protocol."""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Mapping
from typing import Any


def payload(data: Any) -> dict[str, Any]:
    """Input as MLflow's JSON.

    A DataFrame, a Series (one row), a dict of columns or of single values, or a list of such dicts goes as
    ``dataframe_split``; an array or a list of lists or values as ``inputs``; a dict that is in MLflow's form already
    (``dataframe_split``, ``dataframe_records``, ``inputs``, ``instances``) goes as it is.

    Raises:
        TypeError: it is something else.
        ValueError: a number is infinite, which JSON cannot say.
    """
    pandas: Any = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.Series):
        data = data.to_frame().T.infer_objects()
    if pandas is not None and isinstance(data, pandas.DataFrame):
        columns = [[_plain(value) for value in data.iloc[:, at].tolist()] for at in range(data.shape[1])]
        rows = [list(row) for row in zip(*columns, strict=True)]
        return {"dataframe_split": {"columns": [_plain(name) for name in data.columns], "data": rows}}
    if isinstance(data, Mapping):
        if data and set(data) <= {"dataframe_split", "dataframe_records", "inputs", "instances", "params"}:
            return dict(data)
        values = {name: _items(value) for name, value in data.items()}
        length = max((len(items) for items in values.values() if items is not None), default=1)
        columns = [[data[name]] * length if items is None else items for name, items in values.items()]
        if len({len(items) for items in columns}) > 1:
            raise ValueError("the columns have different lengths")
        rows = [[_plain(value) for value in row] for row in zip(*columns, strict=True)]
        return {"dataframe_split": {"columns": [_plain(name) for name in values], "data": rows}}
    items = _items(data)
    if items is None:
        raise TypeError(f"predict takes a DataFrame, a dict, a list or an array, not {type(data).__name__}")
    if items and all(isinstance(item, Mapping) for item in items):
        names = list(dict.fromkeys(name for item in items for name in item))
        rows = [[_plain(item.get(name)) for name in names] for item in items]
        return {"dataframe_split": {"columns": names, "data": rows}}
    return {"inputs": _plain(items)}


def result(answer: Mapping[str, Any], data: Any) -> Any:
    """Predictions in the shape that fits them.

    One value per row becomes a Series, records become a DataFrame, both with the input's index; rows of values become
    an array; anything else stays as it came.
    """
    predictions = answer["predictions"]
    pandas: Any = sys.modules.get("pandas")
    if not isinstance(predictions, list) or not predictions:
        return predictions
    import pandas as pd

    index = data.index if pandas is not None and isinstance(data, pd.DataFrame) else None
    if index is not None and len(index) != len(predictions):
        index = None
    if all(isinstance(item, Mapping) for item in predictions):
        return pd.DataFrame(predictions, index=index)
    if any(isinstance(item, list) for item in predictions):
        import numpy as np

        return np.asarray(predictions)
    return pd.Series(predictions, index=index, name="prediction")


def _items(value: Any) -> list[Any] | None:
    if isinstance(value, list | tuple):
        return list(value)
    if hasattr(value, "tolist") and getattr(value, "ndim", None):
        return list(value.tolist())
    return None


def _plain(value: Any) -> Any:
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:  # pandas' own nothings
        return None
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise ValueError("the input holds an infinite number, which JSON cannot say")
        return None if math.isnan(value) else float(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode()
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return str(value)
