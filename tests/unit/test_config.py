"""Settings: where they come from, and what is said of a wrong one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import jwt
import pytest

from insighter_ext.config import Settings, variable

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
        assert f"`{setting.name}`" in page and f"`{variable(setting.name)}`" in page, setting.name


PROJECT = {
    "SUPABASE_URL": "https://abcdefgh.supabase.co/",
    "SUPABASE_KEY": "sb_publishable_0123456789",
    "SUPABASE_JWT_SECRET": "s" * 40,
}


def api_key(role: str) -> str:
    """An API key of the older kind, which is a JWT."""
    return jwt.encode({"role": role, "ref": "abcdefgh", "iss": "supabase"}, "k" * 32, algorithm="HS256")


def test_a_supabase_project_takes_its_three_variables_and_nothing_else() -> None:
    assert Settings.load({}, {}).mode == "embedded"
    settings = Settings.load({}, PROJECT)
    assert (settings.mode, settings.supabase_url) == ("supabase", "https://abcdefgh.supabase.co")
    assert Settings.load({}, {**PROJECT, "SUPABASE_KEY": api_key("anon")}).mode == "supabase"


@pytest.mark.parametrize("missing", sorted(PROJECT))
def test_a_project_that_is_named_in_part_is_told_what_is_missing(missing: str) -> None:
    with pytest.raises(ValueError, match=f"but {missing} not") as error:
        Settings.load({}, {name: value for name, value in PROJECT.items() if name != missing})
    assert "s" * 40 not in str(error.value)


@pytest.mark.parametrize("kind", ["secret", "service_role", "supabase_admin"])
def test_a_service_key_is_refused_and_told_what_to_use_instead(kind: str) -> None:
    key = "sb_secret_0123456789" if kind == "secret" else api_key(kind)
    environ = {**PROJECT, "SUPABASE_KEY": key}
    with pytest.raises(ValueError, match=r"publishable \(anon\) key instead") as error:
        Settings.load({}, environ)
    assert key not in str(error.value)
    assert Settings.load({"allow_service_key": True}, environ).mode == "supabase"


@pytest.mark.parametrize("key", ["password", "a.b.c", "eyJhbGciOiJIUzI1NiJ9.W10.x"])
def test_what_is_no_api_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="none of a project's API keys"):
        Settings.load({"allow_service_key": True}, {**PROJECT, "SUPABASE_KEY": key})


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://abcdefgh.supabase.co", True),
        ("http://127.0.0.1:54321", True),
        ("http://localhost:54321", True),
        ("http://[::1]:54321", True),
        ("http://abcdefgh.supabase.co", False),
        ("http://localhost.example.org", False),
        ("https://user:password@abcdefgh.supabase.co", False),
        ("https://", False),
        ("ftp://127.0.0.1", False),
        ("abcdefgh.supabase.co", False),
        ("https://abcdefgh.supabase.co:port", False),
    ],
)
def test_passwords_travel_encrypted_or_not_at_all(url: str, taken: bool) -> None:
    environ = {**PROJECT, "SUPABASE_URL": url}
    if taken:
        assert Settings.load({}, environ).supabase_url == url
    else:
        with pytest.raises(ValueError, match="SUPABASE_URL takes an address"):
            Settings.load({}, environ)


def test_a_secret_that_was_not_copied_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="less than 32 characters"):
        Settings.load({}, {**PROJECT, "SUPABASE_JWT_SECRET": "s" * 31})


def test_who_may_make_an_account_is_one_of_three() -> None:
    assert Settings.load({"sign_up": "closed"}, {}).sign_up == "closed"
    with pytest.raises(ValueError, match="INSIGHTER_SIGN_UP is 'anybody'; it takes open, invited, closed"):
        Settings.load({}, {"INSIGHTER_SIGN_UP": "anybody"})


def test_no_secret_is_in_the_representation() -> None:
    said = repr(Settings.load({}, PROJECT))
    assert "s" * 40 not in said and "sb_publishable" not in said
