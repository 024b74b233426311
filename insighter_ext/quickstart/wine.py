"""Write scikit-learn's wine data as CSV: ``python -m insighter_ext.quickstart.wine FILE``.

A program of its own, so that the server imports no scikit-learn.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

CULTIVARS = ("Barolo", "Grignolino", "Barbera")
"""The three cultivars behind the data's classes 0, 1 and 2 (M. Forina et al., 1986)."""


def write(file: Path) -> None:
    """178 wines: 13 measured properties and the cultivar."""
    from sklearn.datasets import load_wine

    wine = load_wine()
    names = [name.replace("/", "_") for name in wine.feature_names]
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow([*names, "cultivar"])
        for values, target in zip(wine.data.tolist(), wine.target.tolist(), strict=True):
            writer.writerow([*values, CULTIVARS[target]])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
