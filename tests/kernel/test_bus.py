"""The bus between kernels, as notebooks use it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer


@pytest.mark.timeout(180)
def test_kernels_of_a_project_speak_to_each_other(
    server: JupyterServer, api: httpx.Client, project: dict[str, Any]
) -> None:
    with kernel(server, project["folder"]) as one, kernel(server, project["folder"]) as other:
        for running in (one, other):
            running.run("import insighter_ext as ix")
        assert one.run("ix.bus.latest('features.ready') is None").value == "True"

        # What is published between making the subscription and looking at it is not missed.
        one.run("heard = ix.bus.subscribe('features.ready', timeout=20)")
        sent = other.run("ix.bus.publish('features.ready', {'name': 'Größe', 'rows': 3}, type='done')")
        assert sent.value.startswith("features.ready: done")
        assert (
            one.run("message = next(iter(heard)); message.topic, message.type, message.data").value
            == "('features.ready', 'done', {'name': 'Größe', 'rows': 3})"
        )
        assert one.run("ix.bus.latest('features.ready').data['rows']").value == "3"

        # What happens in the project is heard too, and silence ends the waiting.
        one.run("heard = ix.bus.subscribe('activity', timeout=3)")
        assert api.post(
            f"/insighter/api/projects/{project['id']}/datasets/fish/versions", content=b"a\n1\n"
        ).is_success
        assert one.run("[message.type for message in heard]").value.startswith("['insighter.dataset.")

        # Too much for a message: the error says what to do.
        error = other.try_run("ix.bus.publish('big', 'x' * 300_000)").error
        assert error is not None and "256 KB" in error and "dataset or an artifact" in error
        error = other.try_run("ix.bus.publish('No spaces')").error
        assert error is not None and "lower-case letters" in error
