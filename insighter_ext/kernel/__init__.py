"""The SDK: what lives in the user's kernel and speaks to the platform over HTTP only.

Use it as ``import insighter_ext as ix``; in a kernel that Insighter's server started nothing has to be configured.
"""

from __future__ import annotations

from insighter_ext.kernel.activity import Activity
from insighter_ext.kernel.assets import search
from insighter_ext.kernel.bus import Bus
from insighter_ext.kernel.cards import cards
from insighter_ext.kernel.client import connect
from insighter_ext.kernel.datasets import Datasets
from insighter_ext.kernel.deployments import Deployments
from insighter_ext.kernel.lineage import Lineage
from insighter_ext.kernel.models import Models
from insighter_ext.kernel.notebooks import CurrentNotebook
from insighter_ext.kernel.projects import CurrentProject, Projects
from insighter_ext.kernel.scope import Scope
from insighter_ext.kernel.trash import Trash

__all__ = [
    "activity",
    "bus",
    "cards",
    "connect",
    "datasets",
    "deployments",
    "lineage",
    "models",
    "notebook",
    "project",
    "projects",
    "search",
    "trash",
]

_here = Scope()

project = CurrentProject(_here)
"""The project of this notebook's folder."""

projects = Projects()
"""All projects that can be seen from here: from a kernel, its own."""

datasets = Datasets(_here)
"""The project's datasets: ``ix.datasets.load("wine")``, ``ix.datasets["wine"].versions``, ``ix.datasets.upload(…)``."""

models = Models(_here)
"""The project's registered models: ``ix.models.register("wine", run="forest")``, ``ix.models["wine"]``."""

deployments = Deployments(_here)
"""The project's endpoints: ``ix.deployments.create("wine", version)``, ``ix.deployments["wine"].predict(frame)``."""

lineage = Lineage(_here)
"""What was made from what: ``ix.lineage("wine")``, ``ix.lineage("wine-quality").upstream``."""

notebook = CurrentNotebook(_here)
"""The notebook that this kernel runs: ``ix.notebook.id``, ``ix.notebook.versions``."""

bus = Bus(_here)
"""The project's bus: ``ix.bus.publish("features.ready", 3)``, ``ix.bus.subscribe(…)``, ``ix.bus.latest(…)``."""

activity = Activity(_here)
"""What happened in the project: ``ix.activity()``, ``ix.activity(kind="model")``."""

trash = Trash(_here)
"""What was deleted in the project: ``ix.trash.list()``, ``ix.trash["wine"].restore()``."""
