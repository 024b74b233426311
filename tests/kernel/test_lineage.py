"""Lineage in a kernel: what is loaded, made and uploaded there is tied together without a word."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer

SETUP = """
import logging, warnings
warnings.simplefilter("ignore"); logging.disable(logging.WARNING)
import insighter_ext as ix, pandas as pd
ix.datasets.upload("raw", pd.DataFrame({"a": [1, 2, 3], "<b>": [0, 1, 0]}))
raw = ix.datasets.load("raw")
"""

TRAIN = """
import mlflow
from sklearn.linear_model import LogisticRegression
with mlflow.start_run(run_name="forest") as run:
    clean = ix.datasets.load("clean")
    mlflow.sklearn.log_model(LogisticRegression().fit(clean[["a"]], clean["<b>"]), name="model",
                             pip_requirements=["scikit-learn"])
    ix.datasets.upload("scored", clean.assign(score=1.0))
version = ix.models.register("quality", run="forest")
"""


@pytest.mark.timeout(240)
def test_it_writes_itself(server: JupyterServer, api: httpx.Client, project: dict[str, Any]) -> None:
    with kernel(server, project["folder"], session=True) as running:
        running.run(SETUP)
        alone = running.run("ix.lineage('raw')")
        assert alone.value == "dataset raw v1\nmade from\n  nothing that is known\nused by\n  nothing yet"
        assert running.run("ix.lineage('raw').downstream").value == "nothing was made from it yet"

        # A frame says what it was loaded from, as far as pandas carries that along.
        running.run("ix.datasets.upload('clean', raw[raw.a > 1].assign(twice=raw.a * 2))")
        running.run(TRAIN)
        assert running.run("ix.datasets['raw'].lineage()").value == "\n".join(
            [
                "dataset raw v1",
                "made from",
                "  nothing that is known",
                "used by",
                "  dataset clean v1",
                "    run forest · finished",
                "      dataset scored v1",
                "      model quality v1",
                "    dataset scored v1",
            ]
        )
        up = running.run("[repr(node) for node in version.lineage().upstream]").value
        assert up == "['run forest · finished', 'dataset clean v1', 'dataset raw v1']"
        table = running.run("ix.lineage(run).downstream").value
        assert "scored" in table and "quality" in table and "clean" not in table
        assert (
            running.run("ix.models['quality'].lineage().upstream[0].key == run.info.run_id").value == "True"
        )
        assert running.run("ix.lineage('raw', depth=1, direction='down')").value.endswith(
            "dataset clean v1\n    … 2 more"
        )
        shown = running.run("ix.lineage('raw')").data[-1]["text/html"]
        assert "<strong>dataset raw v1</strong>" in shown

        # What it was made from is said, or kept quiet.
        running.run("ix.datasets.upload('<i>odd', pd.DataFrame({'x': [1]}), made_from=['raw', version])")
        assert "<i>" not in running.run("ix.lineage('<i>odd')").data[-1]["text/html"]
        odd = running.run("sorted(map(repr, ix.lineage('<i>odd', direction='up', depth=1).upstream))").value
        assert odd == "['dataset raw v1', 'model quality v1']"
        running.run("ix.datasets.upload('quiet', raw[raw.a > 2], made_from=[])")
        assert len(running.run("ix.lineage('quiet').upstream").value.splitlines()) == 1
        for code, said in (
            ("ix.lineage('nothing')", "ix.datasets.list(), ix.models.list()"),
            ("ix.lineage('raw', kind='model')", 'no model "raw"'),
            ("ix.lineage('raw', version=5)", "has no version 5"),
            ("ix.datasets.upload('x', raw, made_from='gone')", 'no dataset "gone"'),
            ("ix.datasets.upload('x', raw, made_from=3)", "int is no asset"),
        ):
            assert said in (running.try_run(code).error or ""), code

        # What a frame says of another project, or of what is gone, makes no upload fail.
        running.run("ix.datasets['raw'].delete()")
        running.run("ix.datasets.upload('after', raw.head(1))")
        running.run("raw.attrs['insighter'] = 'nonsense'; ix.datasets.upload('after', raw.head(2))")
        assert running.run("len(ix.lineage('after').upstream)").value == "0"
