"""Settings: where they come from, and what is said of a wrong one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from insighter_ext.config import Settings

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_configuration_goes_before_environment_goes_before_default() -> None:
    environ = {"INSIGHTER_POSTGRES_VERSION": "16", "INSIGHTER_KERNEL_ENVIRONMENT": "no"}
    assert Settings.load({}, {}).postgres_version == 18
    settings = Settings.load({"storage_dir": "~/here"}, environ)
    assert (settings.postgres_version, settings.kernel_environment) == (16, False)
    assert settings.storage_dir == Path("~/here").expanduser()
    assert Settings.load({"postgres_version": 18}, environ).postgres_version == 18


@pytest.mark.parametrize("name", ["postgres_version", "kernel_environment", "deployment_start_seconds"])
def test_a_wrong_value_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"INSIGHTER_{name.upper()} is 'many'"):
        Settings.load({}, {f"INSIGHTER_{name.upper()}": "many"})


def test_every_setting_is_documented() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    for setting in fields(Settings):
        assert f"`{setting.name}`" in page and f"`INSIGHTER_{setting.name.upper()}`" in page, setting.name
