"""The quickstart's notebook, as cells to read."""

from __future__ import annotations

from typing import Any

import nbformat

FILENAME = "quickstart.ipynb"

CELLS: list[tuple[str, str]] = [
    (
        "markdown",
        """\
# Wine quality

From a table to a REST endpoint, in one notebook. Run the cells with **Shift + Enter**, or all with
*Run → Run All Cells*: nothing has to be configured. The project is the one this folder belongs to, and everything
made here shows up in its sidebar.""",
    ),
    (
        "code",
        """\
import insighter_ext as ix

ix.project""",
    ),
    (
        "markdown",
        """\
## The data

178 Italian wines: 13 measured properties, and which of three cultivars the wine was made from
([Aeberhard and Forina, 1992](https://doi.org/10.24432/C5PC7J), CC BY 4.0). The dataset is versioned: upload a new file
under the same name, and this cell reads the new version.""",
    ),
    (
        "code",
        """\
wine = ix.datasets.load("wine")
wine.head()""",
    ),
    (
        "markdown",
        """\
## Train

MLflow logs to the project. What is loaded inside of a run becomes an input of the run, with its version.""",
    ),
    (
        "code",
        """\
import mlflow
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

mlflow.set_experiment("quickstart")

with mlflow.start_run(run_name="logistic") as run:
    wine = ix.datasets.load("wine")
    X, y = wine.drop(columns="cultivar"), wine["cultivar"]
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)

    params = {"C": 0.5, "max_iter": 1000}
    model = make_pipeline(StandardScaler(), LogisticRegression(**params))
    model.fit(X_train, y_train)

    accuracy = accuracy_score(y_test, model.predict(X_test))
    auc = roc_auc_score(y_test, model.predict_proba(X_test), multi_class="ovr")

    mlflow.log_params(params)
    mlflow.log_metrics({"accuracy": accuracy, "auc": auc})
    # The requirements are known here; left out, MLflow finds them by loading the model, which takes some seconds.
    needs = mlflow.sklearn.get_default_pip_requirements()
    mlflow.sklearn.log_model(model, name="model", input_example=X_train.head(), pip_requirements=needs)

print(f"accuracy {accuracy:.3f}, AUC {auc:.3f}")""",
    ),
    (
        "markdown",
        """\
## Register

A registered model has numbered versions, and aliases that name the one to use.""",
    ),
    (
        "code",
        """\
version = ix.models.register("wine-quality", run=run, alias="champion")
version""",
    ),
    (
        "markdown",
        """\
## Deploy

The endpoint is a process of its own: it answers when this notebook is closed, and after a restart of Jupyter.
`print(endpoint.curl())` shows what a colleague needs; `endpoint.stop()` ends it.""",
    ),
    (
        "code",
        """\
endpoint = ix.deployments.create("wine", version, wait=True, replace=True)
endpoint.predict(X_test.head())""",
    ),
]


def text() -> str:
    """The notebook as a file's content."""
    v4: Any = nbformat.v4
    make = {"markdown": v4.new_markdown_cell, "code": v4.new_code_cell}
    made = v4.new_notebook(
        cells=[make[kind](source) for kind, source in CELLS],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
            "language_info": {"name": "python"},
        },
    )
    return str(v4.writes(made))
