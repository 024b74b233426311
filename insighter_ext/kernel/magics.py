"""``%load_ext insighter_ext``: line magics for what one looks up often, and ``%%track``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.display import display as _display

import insighter_ext.kernel as sdk
from insighter_ext.kernel.client import current
from insighter_ext.kernel.errors import InsighterClientError
from insighter_ext.kernel.tables import Card
from insighter_ext.kernel.track import USAGE, Tracking, parse

display: Callable[[Any], Any] = _display

Method = TypeVar("Method", bound=Callable[..., Any])


def _plainly(method: Method) -> Method:
    """The SDK's errors in one line, without a traceback; they still stop "run all"."""

    @wraps(method)
    def run(self: Any, line: str) -> Any:
        try:
            return method(self, line)
        except InsighterClientError as error:
            raise UsageError(f"{type(error).__name__}: {error}") from None

    return run  # type: ignore[return-value]


def _arguments(
    line: str, usage: str, most: int, options: tuple[str, ...] = ()
) -> tuple[list[str], dict[str, str]]:
    """Split a line into words and options.

    Raises:
        UsageError: it does not fit; the message shows the usage.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{error}. Usage: {usage}") from None
    plain: list[str] = []
    given: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            plain.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if name not in options:
            raise UsageError(f"unknown option {word}. Usage: {usage}")
        if not equals:
            if not words:
                raise UsageError(f"{word} takes a value. Usage: {usage}")
            value = words.pop(0)
        given[name] = value
    if len(plain) > most:
        raise UsageError(f"too many words. Usage: {usage}")
    return plain, given


class _Status(Card):
    """Where this notebook is."""

    def _lines(self) -> list[str]:
        client = current()
        status, lines = client.get("status"), list(sdk.project._lines())
        healthy = [item for item in sdk.deployments.list() if item._seen["status"] in {"healthy", "starting"}]
        running = sum(item["running"] for item in client.pages("projects", client.project_id, "experiments"))
        who = "this kernel's credential" if status["me"]["kind"] == "kernel" else "Jupyter's token"
        lines.append(f"{status['me']['display_name']}, by {who}")
        lines.append(f"server {client.url} · Insighter {status['version']} · {status['database']}")
        names = ", ".join(f"{item.name} ({item._seen['status']})" for item in healthy)
        lines.append(f"running: {running} run{'' if running == 1 else 's'}; endpoints: {names or 'none'}")
        tracking = os.environ.get("MLFLOW_TRACKING_URI", "")
        if tracking != f"{client.url}/insighter/mlflow":
            lines.append(f"MLflow logs to {tracking or 'its default'}, not to this project")
        return lines


@magics_class
class InsighterMagics(Magics):
    """The magics; ``%insighter?`` shows the help of one."""

    @line_magic
    @_plainly
    def insighter(self, line: str) -> None:
        """Show the project, who I am, the server, and what is running.

        Usage: %insighter
        """
        _arguments(line, "%insighter", 0)
        display(_Status())

    @line_magic
    @_plainly
    def datasets(self, line: str) -> None:
        """Show the project's datasets.

        Usage: %datasets
        """
        _arguments(line, "%datasets", 0)
        display(sdk.datasets.list())

    @line_magic
    @_plainly
    def dataset(self, line: str) -> None:
        """Show a dataset's columns and first rows.

        Usage: %dataset NAME [--version N] [--rows N]

        Example: %dataset wine --rows 20
        """
        usage = "%dataset NAME [--version N] [--rows N]"
        words, options = _arguments(line, usage, 1, ("version", "rows"))
        if not words:
            raise UsageError(f"which dataset? %datasets shows them. Usage: {usage}")
        numbers = {name: int(value) if value.isdigit() else None for name, value in options.items()}
        if None in numbers.values():
            raise UsageError(f"--version and --rows take whole numbers. Usage: {usage}")
        found = sdk.datasets[words[0]]
        version = found.version(numbers.get("version"))
        preview = version.preview(limit=min(numbers.get("rows") or 10, 1000))
        display(found if version is found.latest else version)
        display(preview)

    @line_magic
    @_plainly
    def models(self, line: str) -> None:
        """Show the project's registered models.

        Usage: %models
        """
        _arguments(line, "%models", 0)
        display(sdk.models.list())

    @line_magic
    @_plainly
    def deployments(self, line: str) -> None:
        """Show the project's endpoints.

        Usage: %deployments
        """
        _arguments(line, "%deployments", 0)
        display(sdk.deployments.list())

    @line_magic
    @_plainly
    def deploy(self, line: str) -> None:
        """Deploy a model version, and wait until it is healthy.

        Usage: %deploy MODEL@ALIAS | MODEL/VERSION | MODEL [--name NAME]

        The endpoint is called as the model where no name is given.

        Example: %deploy wine-quality@champion --name wine
        """
        usage = "%deploy MODEL@ALIAS | MODEL/VERSION | MODEL [--name NAME]"
        words, options = _arguments(line, usage, 1, ("name",))
        if not words:
            raise UsageError(f"which model? %models shows them. Usage: {usage}")
        version = sdk.deployments.version(words[0])
        display(sdk.deployments.create(options.get("name") or version.name, version))

    @cell_magic
    def track(self, line: str, cell: str) -> None:
        """Run a cell as a run: its code, what it prints, how long it takes and how it ends are kept with the run.

        Usage: %%track [NAME] [KEY=VALUE …] [--experiment NAME] [--system]

        KEY=VALUE are parameters of the run; {name} stands for a variable's value. What the cell logs by MLflow, by
        autologging too, goes to the run; runs that it starts with nested=True are within it. --system logs the
        machine's load.

        Example:
            %%track forest depth=3 lr={lr}
            model = RandomForestClassifier(max_depth=3).fit(X, y)
            mlflow.log_metric("auc", score(model))
        """
        # What is right has become the cell's beginning before IPython looks for a magic: see Tracking.
        parse(line)
        raise UsageError(f"%%track stands in the first line of a cell, and the code below it. Usage: {USAGE}")


def load_ipython_extension(ipython: Any) -> None:
    """Called by ``%load_ext insighter_ext``."""
    ipython.register_magics(InsighterMagics)
    Tracking(ipython).install()
