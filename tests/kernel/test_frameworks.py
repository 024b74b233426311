"""The frameworks that models are made with: trained, autologged, registered, loaded back, the same predictions.

Each in a process of its own, with the unmodified client and the credential of a program: frameworks do not like each
other in one process, and some stay in memory.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running import JupyterServer

BEGIN = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
import mlflow, numpy as np
mlflow.set_experiment("frameworks")
rng = np.random.default_rng(7)
X = rng.normal(size=(120, 4)).astype("float32")
y = (X[:, 0] + X[:, 1] > 0).astype("int64")

def same(name, run_id, before, predict, load):
    found = mlflow.search_logged_models(output_format="list")
    [model] = [one for one in found if one.source_run_id == run_id]
    version = mlflow.register_model(f"models:/{model.model_id}", name)
    loaded = load(f"models:/{name}/{version.version}")
    after = np.asarray(predict(loaded))
    by_pyfunc = np.asarray(mlflow.pyfunc.load_model(f"models:/{name}/{version.version}").predict(X))
    print("RESULT", json.dumps({
        "same": bool(np.array_equal(np.asarray(before), after)),
        "pyfunc": bool(np.allclose(np.asarray(before).ravel(), by_pyfunc.ravel(), atol=1e-5)),
        "run": run_id, "version": version.version, "model": model.model_id,
    }))
"""

FRAMEWORKS = {
    "sklearn": """
from sklearn.linear_model import LogisticRegression
mlflow.sklearn.autolog(silent=True)
with mlflow.start_run(run_name="sklearn") as run:
    model = LogisticRegression(C=0.5).fit(X, y)
same("sklearn", run.info.run_id, model.predict(X), lambda m: m.predict(X), mlflow.sklearn.load_model)
""",
    "xgboost": """
import xgboost
mlflow.xgboost.autolog(silent=True)
with mlflow.start_run(run_name="xgboost") as run:
    data = xgboost.DMatrix(X, label=y)
    settings = {"max_depth": 3, "objective": "binary:logistic", "nthread": 1}
    model = xgboost.train(settings, data, num_boost_round=8, evals=[(data, "train")], verbose_eval=False)
same("xgboost", run.info.run_id, model.predict(data), lambda m: m.predict(data), mlflow.xgboost.load_model)
""",
    "torch": """
import lightning, torch
torch.manual_seed(7)
torch.set_num_threads(1)

class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    def forward(self, batch):
        return self.layers(batch)
    def training_step(self, batch, at):
        loss = torch.nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("loss", loss, on_step=False, on_epoch=True)
        return loss
    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.02)

mlflow.pytorch.autolog(silent=True)
data = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(y)), batch_size=40
)
net = Net()
with mlflow.start_run(run_name="torch") as run:
    lightning.Trainer(
        max_epochs=3, accelerator="cpu", devices=1, logger=False, enable_progress_bar=False,
        enable_model_summary=False, enable_checkpointing=False,
    ).fit(net, data)
net.eval()
def predict(model):
    with torch.no_grad():
        return model(torch.from_numpy(X)).numpy()
same("torch", run.info.run_id, predict(net), lambda m: predict(m.eval()), mlflow.pytorch.load_model)
""",
    "tensorflow": """
import keras
keras.utils.set_random_seed(7)
mlflow.tensorflow.autolog(silent=True)
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
with mlflow.start_run(run_name="tensorflow") as run:
    model.fit(X, y, epochs=3, batch_size=40, verbose=0)
before = model.predict(X, verbose=0)
same("tensorflow", run.info.run_id, before, lambda m: m.predict(X, verbose=0), mlflow.tensorflow.load_model)
""",
}

LOGGED = {
    "sklearn": ({"C": "0.5"}, {"training_accuracy_score"}),
    "xgboost": ({"max_depth": "3", "num_boost_round": "8"}, {"train-logloss"}),
    "torch": ({"epochs": "3", "optimizer_name": "Adam"}, {"loss"}),
    "tensorflow": ({"epochs": "3", "batch_size": "40"}, {"loss", "accuracy"}),
}

NEEDED = {
    "sklearn": ["sklearn"],
    "xgboost": ["xgboost"],
    "torch": ["torch", "lightning"],
    "tensorflow": ["tensorflow", "keras", "tensorboard"],
}


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_model_comes_back_as_it_was(
    server: JupyterServer, api: httpx.Client, tmp_path: Path, framework: str
) -> None:
    missing = [name for name in NEEDED[framework] if importlib.util.find_spec(name) is None]
    if missing:
        told = f"{', '.join(missing)} is not installed: locks/frameworks.txt"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    variables = {
        "MLFLOW_TRACKING_URI": f"{server.url}/insighter/mlflow",
        "MLFLOW_TRACKING_TOKEN": server.token,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        # Asking the package index what a model needs takes longer than training it; what is installed is noted.
        "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "60",
    }
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + FRAMEWORKS[framework]],
        env={**os.environ, **variables},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    [line] = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    result: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    assert (result["same"], result["pyfunc"]) == (True, True)

    home = api.get("/insighter/api/status").json()["personal_project"]
    run = api.get(f"/insighter/api/projects/{home}/runs/{result['run']}").json()
    params, metrics = LOGGED[framework]
    assert run["status"] == "FINISHED"
    assert {key: run["params"].get(key) for key in params} == params
    assert metrics <= {item["key"] for item in run["metrics"]}
    assert result["model"] in run["models"]
    model = api.get(f"/insighter/api/projects/{home}/models/{framework}").json()
    assert model["history"][0]["run_id"] == result["run"]
