"""The examples of the documentation run."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from tests.kernel.notebook import kernel
from tests.running import JupyterServer

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.mark.timeout(240)
def test_the_notebook_page_runs_from_top_to_bottom(server: JupyterServer, api: httpx.Client) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```", (DOCS / "notebook.md").read_text(encoding="utf-8"), re.S | re.M
    )
    assert len(blocks) > 6
    project = api.post("/insighter/api/quickstart", timeout=60).json()["project"]
    with kernel(server, project["folder"], session=True) as running:
        for block in blocks:
            outputs = running.run(block)
            assert "Traceback" not in outputs.text and "UsageError" not in outputs.text, (block, outputs.text)
