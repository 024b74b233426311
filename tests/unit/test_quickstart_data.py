"""The quickstart's data is what it says it is."""

from __future__ import annotations

import pandas as pd
from sklearn.datasets import load_wine

from insighter_ext.quickstart.service import DATA


def test_the_wines_are_those_of_scikit_learn() -> None:
    wine = load_wine()
    own = pd.read_csv(DATA)
    assert list(own.columns) == [name.replace("/", "_") for name in wine.feature_names] + ["cultivar"]
    assert (own.drop(columns="cultivar").to_numpy() == wine.data).all()
    assert own["cultivar"].map({"Barolo": 0, "Grignolino": 1, "Barbera": 2}).tolist() == wine.target.tolist()
