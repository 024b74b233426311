"""The run table in the browser, over an experiment with 10,000 runs and 1,000 metrics.

Measured in the page of a real Chromium: from the command that opens the experiment until the first rows are painted,
the first time (its code is loaded, too) and again; an order until its rows are painted; and how long frames take while
the table is scrolled through, beside the frames of the same page at rest.

``INSIGHTER_BENCH_METRICS`` says how many of the 1,000 metrics each run has: with 1,000 there are ten million values,
which take some minutes to write.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.api.people import superuser
from tests.browser.conftest import ARGUMENTS
from tests.browser.pages import wait_until_loaded
from tests.browser.runs import fill
from tests.chromium import chromium_path
from tests.running import JupyterServer

RUNS = int(os.environ.get("INSIGHTER_BENCH_RUNS", "10000"))
METRICS = int(os.environ.get("INSIGHTER_BENCH_METRICS", "100"))
ROUNDS = 7
AIM_MILLISECONDS = 500

OPEN = """async ({project, id}) => {
  const began = performance.now();
  await window.jupyterapp.commands.execute('insighter:open-experiment', {project, id, name: 'forest-search'});
  while (!document.querySelector('.jp-Insighter-Grid [data-open]')) {
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame); // painted
  return performance.now() - began;
}"""

CLOSE = """() => [...window.jupyterapp.shell.widgets('main')]
  .filter(({id}) => id.startsWith('insighter-experiments')).forEach(widget => widget.close())"""

# Another first row, and nothing that is outdated any more.
CHANGE = """async () => {
  const first = () => document.querySelector('.jp-Insighter-Grid [data-open]')?.dataset.open;
  const [before, began] = [first(), performance.now()];
  window.insighterAct();
  while (first() === before || document.querySelector('.jp-Insighter-Grid[data-outdated]')) {
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""

FRAMES = """async step => {
  const grid = document.querySelector('.jp-Insighter-Grid');
  const times = [];
  let last = await new Promise(requestAnimationFrame);
  for (let i = 0; i < 120; i++) {
    grid.scrollTop += step;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  return times;
}"""


def changed(page: Page, act: str) -> float:
    """Milliseconds from doing something until its rows are painted."""
    page.evaluate(f"() => {{ window.insighterAct = () => {{ {act} }} }}")
    return float(page.evaluate(CHANGE))


def measure(page: Page, where: dict[str, Any]) -> None:
    """Print what is measured in a page."""
    cold = page.evaluate(OPEN, where)
    warm = []
    for _ in range(ROUNDS):
        page.wait_for_timeout(1500)
        page.evaluate(CLOSE)
        page.wait_for_timeout(300)
        warm.append(page.evaluate(OPEN, where))
    page.locator(".jp-Insighter-Grid [data-key='metrics.auc']").wait_for()
    page.wait_for_timeout(1000)
    click = "[...document.querySelectorAll('[data-key=\"metrics.auc\"]')].at(-1).click()"
    sorts = [changed(page, click) for _ in range(ROUNDS)]
    rows = page.locator(".jp-Insighter-Grid [role=row]").count()
    rest, scrolled = page.evaluate(FRAMES, 0), page.evaluate(FRAMES, 170)
    page.wait_for_timeout(500)
    print(f"first rows painted, opened first        {cold:8.0f} ms   (aim {AIM_MILLISECONDS})")
    print(f"first rows painted, opened again        {median(warm):8.0f} ms   (worst {max(warm):.0f})")
    print(f"sorted by a metric, rows painted        {median(sorts):8.0f} ms   (worst {max(sorts):.0f})")
    print(f"a frame while scrolling                 {median(scrolled):8.1f} ms   (worst {max(scrolled):.0f})")
    print(f"  beside a frame at rest                {median(scrolled) / median(rest):8.2f} ×")
    print(f"rows in the page                        {rows:8d}      of {RUNS:,}")


def main() -> None:
    """Run it."""
    path = chromium_path()
    if path is None:
        print("there is no Chromium: name one in CHROMIUM_PATH")
        return
    running = JupyterServer(Path(tempfile.mkdtemp(prefix="ixb-")), lab=True)
    try:
        running.start()
        with running.client() as api:
            project = api.post("/insighter/api/projects", json={"name": "Wine quality"}).json()["id"]
        with superuser(running) as database:
            row = database.execute(
                "insert into insighter.experiments (project_id, name, created_by)"
                " select id, 'forest-search', created_by from insighter.projects where id = %s returning id",
                [project],
            ).fetchone()
        assert row is not None
        fill(running, project, str(row[0]), runs=RUNS, metrics=METRICS)
        print(f"{RUNS:,} runs, each with {METRICS} of 1,000 metrics: {RUNS * METRICS:,} values")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.goto(f"{running.url}/lab?token={running.token}&reset")
            wait_until_loaded(page)
            page.evaluate(
                "id => window.jupyterapp.commands.execute('insighter:switch-project', {id, name: 'Wine quality'})",
                project,
            )
            page.wait_for_timeout(3000)
            measure(page, {"project": project, "id": str(row[0])})
            browser.close()
    finally:
        running.destroy()


if __name__ == "__main__":
    main()
