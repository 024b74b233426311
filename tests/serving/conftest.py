"""A model trained for real, and scoring processes started for real."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from insighter_ext.serving import protocol

SECRET = "a-secret-for-the-tests"


@dataclass
class Started:
    """A scoring process and its run directory."""

    process: subprocess.Popen[bytes]
    run_dir: Path

    def until(self, *phases: str, seconds: float = 60) -> protocol.State:
        """The state once it has one of these phases."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = protocol.read_state(self.run_dir)
            if state is not None and state.phase in phases:
                return state
            if self.process.poll() is not None and (
                state is None or state.phase not in protocol.FINAL_PHASES
            ):
                break
            time.sleep(0.02)
        raise AssertionError(f"{phases} not reached: {protocol.read_state(self.run_dir)}\n{self.log()}")

    def client(self) -> httpx.Client:
        """A client that bears the secret; the process must be ready."""
        state = self.until("ready", "failed")
        assert state.phase == "ready", state
        return httpx.Client(
            base_url=f"http://127.0.0.1:{state.port}",
            headers={"Authorization": f"Bearer {SECRET}"},
            timeout=30,
        )

    def stop(self) -> int:
        """Send SIGTERM and wait; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def log(self) -> str:
        return (self.run_dir / protocol.LOG_FILE).read_text()


Launch = Callable[..., Started]


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Start a scoring process for a model directory; all of them are killed in the end."""
    started: list[Started] = []

    def start(model_dir: Path, **fields: Any) -> Started:
        run_dir = tmp_path_factory.mktemp("run")
        spec = protocol.Spec(
            deployment_id="7",
            name="iris",
            model_name="iris",
            model_version="1",
            model_dir=str(model_dir),
            secret=SECRET,
            **fields,
        )
        protocol.write_spec(run_dir, spec)
        with open(run_dir / protocol.LOG_FILE, "ab") as log:
            process = subprocess.Popen(
                protocol.command(run_dir),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )
        started.append(Started(process, run_dir))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait(timeout=30)


@dataclass(frozen=True)
class Iris:
    """A saved logistic regression, the data it was trained on, and what it predicts for them."""

    path: Path
    data: Any
    predictions: list[int]

    def copy(self, path: Path) -> Path:
        """A copy of the model directory, to be spoilt."""
        return Path(shutil.copytree(self.path, path))


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Iris:
    path = tmp_path_factory.mktemp("models") / "iris"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries' own, which are not what is tested
        import mlflow.sklearn
        from mlflow.models import infer_signature
        from sklearn.datasets import load_iris
        from sklearn.linear_model import LogisticRegression

        data, target = load_iris(return_X_y=True, as_frame=True)
        data.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
        model = LogisticRegression(max_iter=500).fit(data, target)
        predictions = model.predict(data)
        mlflow.sklearn.save_model(
            model, path, signature=infer_signature(data, predictions), input_example=data.head(3)
        )
    return Iris(path, data, predictions.tolist())


SLOW_MODEL = """
import time
import mlflow
import pandas as pd

class Slow(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        seconds = float(model_input["seconds"].iloc[0])
        if seconds < 0:
            raise ValueError("seconds must not be negative")
        time.sleep(seconds)
        return [seconds]

mlflow.models.set_model(Slow())
"""


@pytest.fixture(scope="session")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes as long as it is told to, and fails for a negative time."""
    folder = tmp_path_factory.mktemp("slow")
    (folder / "slow.py").write_text(SLOW_MODEL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc

        mlflow.pyfunc.save_model(
            folder / "model", python_model=str(folder / "slow.py"), pip_requirements=["mlflow"]
        )
    return folder / "model"
