"""Make the project of the first minute."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from insighter_ext.datahub.service import DatahubService
from insighter_ext.errors import Conflict
from insighter_ext.principal import Principal
from insighter_ext.projects import folders
from insighter_ext.projects.models import Project, ProjectCreate, Quickstart
from insighter_ext.projects.service import ProjectsService
from insighter_ext.quickstart import notebook

NAME = "Wine quality"

DATASET = "wine"

DATA = Path(__file__).with_name("wine.csv")
"""178 wines, 13 measured properties, and the cultivar: Aeberhard and Forina, UCI ML Repository, CC BY 4.0.

scikit-learn's ``load_wine`` has the same values; as a file it costs the server no import.
"""

_DESCRIPTION = "The quickstart: from a table of wines to a REST endpoint. Its notebook is `quickstart.ipynb`."


class QuickstartService:
    """See the module. ``root`` is Jupyter's root folder."""

    def __init__(self, projects: ProjectsService, datahub: DatahubService) -> None:
        self._projects = projects
        self._datahub = datahub

    async def create(self, principal: Principal, root: Path) -> Quickstart:
        """A project with a data set and a notebook to run; all of it, or nothing."""
        project = await self._project(principal, root)
        try:
            await self._datahub.add_file(principal, project.id, DATASET, DATA, DATA.name)
            path = root / project.folder / notebook.FILENAME
            await asyncio.to_thread(path.write_text, notebook.text(), encoding="utf-8")
            return Quickstart(
                project=await self._projects.get(principal, project.id),
                notebook=f"{project.folder}/{notebook.FILENAME}",
                dataset=DATASET,
            )
        except BaseException:
            await asyncio.shield(self._undo(principal, project, root))
            raise

    async def _project(self, principal: Principal, root: Path) -> Project:
        for number in range(1, 1000):
            name = NAME if number == 1 else f"{NAME} {number}"
            try:
                return await self._projects.create(
                    principal, ProjectCreate(name=name, description=_DESCRIPTION), root
                )
            except Conflict as error:
                if error.code != "project_exists":
                    raise
        raise Conflict(f'there are a thousand projects named "{NAME}"', hint="delete or rename some of them")

    async def _undo(self, principal: Principal, project: Project, root: Path) -> None:
        await self._projects.forget(principal, project.id)
        await asyncio.to_thread(folders.unmark, root, project.folder, project.id)
        folder = root / project.folder
        with contextlib.suppress(OSError):
            (folder / notebook.FILENAME).unlink(missing_ok=True)
            folder.rmdir()  # only where nothing else is in it
