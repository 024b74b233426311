"""What Insighter costs JupyterLab: time to the first answer, memory, and the size of the front end's entry chunk.

Bare JupyterLab and JupyterLab with Insighter are started in turn, so that a machine that slows down slows down both.
"""

from __future__ import annotations

import contextlib
import gzip
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.running import REPOSITORY, JupyterServer, free_port, isolated_environment

RUNS = 7
AIM_SECONDS, AIM_MEGABYTES, AIM_ENTRY_KILOBYTES = 0.3, 40, 100


@dataclass
class Start:
    """One start. Times in seconds, memory in megabytes of resident set."""

    first_answer: float
    page: float
    memory: float
    memory_in_use: float | None = None
    first_use: float | None = None


def start(insighter: bool) -> Start:
    """Start JupyterLab in an empty home, ask it, measure it, stop it."""
    with tempfile.TemporaryDirectory(prefix="ixb-") as folder:
        home, port = Path(folder), free_port()
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
            *(f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=t"),
            # The same set of extensions otherwise, whatever is enabled in this environment.
            f"--ServerApp.jpserver_extensions={{'insighter_ext': {insighter}}}",
        ]
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=isolated_environment(home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers={"Authorization": "token t"}
            ) as client:
                while True:
                    with contextlib.suppress(httpx.TransportError):
                        if client.get("/api").status_code == 200:
                            break
                    if process.poll() is not None or time.perf_counter() - began > 60:
                        raise RuntimeError("JupyterLab did not start")
                    time.sleep(0.005)
                first = time.perf_counter() - began
                client.get("/lab").raise_for_status()
                page = time.perf_counter() - began
                server = psutil.Process(process.pid)
                result = Start(first, page, server.memory_info().rss / 2**20)
                if insighter:
                    asked = time.perf_counter()
                    client.get("/insighter/api/status", timeout=60).raise_for_status()
                    result.first_use = time.perf_counter() - asked
                    result.memory_in_use = server.memory_info().rss / 2**20
                return result
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def loaded_at_start() -> list[tuple[str, float, float]]:
    """What of Insighter's front end a page loads before anything of it is used.

    Returns:
        For each file that Chromium asks for: what it is, and its size in kilobytes, plain and gzip.
    """
    from playwright.sync_api import sync_playwright

    from tests.chromium import chromium_path

    path = chromium_path()
    if path is None:
        raise RuntimeError("there is no Chromium to load the page with")
    static = REPOSITORY / "insighter_ext" / "labextension" / "static"
    home = Path(tempfile.mkdtemp(prefix="ixb-"))
    server = JupyterServer(home, lab=True)
    asked: list[str] = []
    try:
        server.start()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page()
            page.on("request", lambda request: asked.append(request.url.split("?")[0]))
            page.goto(f"{server.url}/lab?token={server.token}")
            page.wait_for_function("window.jupyterapp !== undefined")
            page.evaluate("async () => { await window.jupyterapp.restored; }")
            browser.close()
    finally:
        server.destroy()
    files = sorted({url.rsplit("/", 1)[1] for url in asked if "/@insighter/labextension/static/" in url})
    return [(kind(static / name), *sizes((static / name).read_bytes())) for name in files]


def kind(path: Path) -> str:
    """What a chunk is: bundlers name them by numbers."""
    if path.name.startswith("remoteEntry"):
        return "remote entry"
    return "styles" if path.read_bytes().count(b"var(--jp-") > 20 else "entry chunk"


def sizes(content: bytes) -> tuple[float, float]:
    """Kilobytes, plain and gzip."""
    return len(content) / 1000, len(gzip.compress(content)) / 1000


def main() -> None:
    """Print the table."""
    bare, ours = [], []
    for _ in range(RUNS + 1):
        bare.append(start(insighter=False))
        ours.append(start(insighter=True))
    bare, ours = bare[1:], ours[1:]  # the first pair warms the disk

    def median(values: list[float]) -> float:
        return statistics.median(values)

    rows = [
        ("first answer", [s.first_answer for s in bare], [s.first_answer for s in ours], "s", AIM_SECONDS),
        ("page /lab", [s.page for s in bare], [s.page for s in ours], "s", None),
        ("memory", [s.memory for s in bare], [s.memory for s in ours], "MB", AIM_MEGABYTES),
        ("memory, in use", [s.memory for s in bare], [s.memory_in_use or 0 for s in ours], "MB", None),
    ]
    print(f"JupyterLab bare and with Insighter, median of {RUNS} starts in turn")
    print(f"{'':16}{'bare':>10}{'Insighter':>12}{'more':>10}{'ratio':>8}   aim")
    for label, without, with_, unit, aim in rows:
        a, b = median(without), median(with_)
        verdict = "" if aim is None else f"≤ {aim} {unit} more: {'met' if b - a <= aim else 'missed'}"
        print(f"{label:16}{a:>8.2f} {unit:<2}{b:>9.2f} {unit:<2}{b - a:>+8.2f}{b / a:>8.2f}   {verdict}")
    first_use = median([s.first_use or 0 for s in ours])
    print(f"first use of the platform (makes the database in an empty home): {first_use:.2f} s")
    print("front end, loaded with the page before anything of it is used:")
    for name, plain, zipped in (files := loaded_at_start()):
        aim = f"; aim ≤ {AIM_ENTRY_KILOBYTES} KB: {'met' if plain <= AIM_ENTRY_KILOBYTES else 'missed'}"
        print(f"  {name:14}{plain:7.1f} KB {zipped:6.1f} KB gzip{aim if name == 'entry chunk' else ''}")
    print(f"  {'together':14}{sum(f[1] for f in files):7.1f} KB {sum(f[2] for f in files):6.1f} KB gzip")


if __name__ == "__main__":
    main()
