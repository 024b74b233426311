"""What a Supabase project lacks for Insighter, and how to mend it."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from insighter_ext import errors, schema
from insighter_ext.config import Settings, key_kind
from insighter_ext.gateways.supabase.clients import Project
from insighter_ext.gateways.supabase.data import SupabaseDataGateway
from insighter_ext.gateways.supabase.objects import BUCKET
from insighter_ext.principal import PLATFORM

if TYPE_CHECKING:
    import httpx

POLICIES = ["insighter_delete", "insighter_insert", "insighter_select", "insighter_update"]
TRIGGERS = ["insighter_profile", "insighter_welcome"]

_PUSH = (
    "write them with `insighter supabase init`, then apply them with `supabase link` and `supabase db push`"
    " (or run the files of supabase/migrations in their order in the SQL editor)"
)

_MAKE_BUCKET = (
    "insert into storage.buckets (id, name, public) values ('insighter', 'insighter', false)"
    " on conflict do nothing"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        state: ``ok``; ``warning`` where it works, but not as it should; ``problem`` where it does not; ``unknown``
            where something else has to be mended first.
        hint: what to do; empty where it is in order.
    """

    check: str
    state: Literal["ok", "warning", "problem", "unknown"]
    said: str
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


async def examine(settings: Settings, service_key: str | None = None) -> list[Finding]:
    """All checks, in the order in which one would mend them. Nothing is changed but, with a key, a missing bucket.

    Args:
        settings: those of Supabase mode.
        service_key: a service-role (secret) key, for making the bucket. It is used for this alone and not kept.
    """
    project = Project(settings.supabase_url, settings.supabase_key, settings.supabase_jwt_secret)
    try:
        return await _Examination(project, settings, service_key).run()
    finally:
        await project.close()


class _Examination:
    def __init__(self, project: Project, settings: Settings, service_key: str | None) -> None:
        self._project = project
        self._settings = settings
        self._service_key = service_key
        self._data = SupabaseDataGateway(project)
        self._schema: dict[str, Any] | None = None

    async def run(self) -> list[Finding]:
        import httpx

        findings = [await self._reachable()]
        if findings[0].state == "problem":
            return findings
        checks: list[tuple[str, Callable[[str], Awaitable[Finding]]]] = [
            ("key", self._key),
            ("JWT secret", self._secret),
            ("migrations", self._migrations),
            ("new accounts", self._trigger),
            ("sign-ups", self._sign_ups),
            ("bucket", self._bucket),
            ("bucket is private", self._private),
            ("storage policies", self._policies),
        ]
        for name, check in checks:
            try:
                findings.append(await check(name))
            except errors.InsighterError as error:
                findings.append(Finding(name, "problem", error.message, error.hint or ""))
            except httpx.HTTPError as error:
                said = f"the project does not answer ({type(error).__name__})"
                findings.append(Finding(name, "problem", said, "try again in a moment"))
        return findings

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"apiKey": self._project.key, **more.pop("headers", {})}
        return await self._project.http.request(
            method, f"{self._project.url}{path}", headers=headers, timeout=20, **more
        )

    async def _reachable(self) -> Finding:
        import httpx

        check = "address"
        try:
            self._auth = await self._ask("GET", "/auth/v1/settings")
        except httpx.HTTPError as error:
            hint = (
                "see whether SUPABASE_URL is right, whether the project is paused, and whether this machine reaches the"
                " internet"
            )
            said = f"{self._project.url} does not answer ({type(error).__name__})"
            return Finding(check, "problem", said, hint)
        if self._auth.status_code not in {200, 401, 403}:
            said = f"{self._project.url} answers with {self._auth.status_code}"
            return Finding(
                check, "problem", said, "see whether SUPABASE_URL is the address of a Supabase project"
            )
        return Finding(check, "ok", f"{self._project.url} answers")

    async def _key(self, check: str) -> Finding:
        if self._auth.status_code != 200:
            hint = "copy the publishable (anon) key from the project's settings, API Keys, into SUPABASE_KEY"
            return Finding(check, "problem", "the project does not take SUPABASE_KEY", hint)
        if key_kind(self._project.key) == "service":
            said = "it is a service-role (secret) key, which passes by all permissions; kernels could find it"
            return Finding(check, "warning", said, "put the publishable (anon) key into SUPABASE_KEY")
        return Finding(check, "ok", "a publishable (anon) key, which the project takes")

    async def _secret(self, check: str) -> Finding:
        try:
            found = await self._data.call(PLATFORM, "platform_schema")
            self._schema = found if isinstance(found, dict) else None
        except errors.Unauthenticated:
            hint = (
                "copy the legacy JWT secret from the project's settings, JWT Keys, into SUPABASE_JWT_SECRET;"
                " it must not be revoked there, and this machine's clock must be right"
            )
            return Finding(check, "problem", "the project does not take tokens that it signs", hint)
        except errors.Unavailable as error:
            if error.code != "migrations_missing":
                raise
        return Finding(check, "ok", "the project takes the tokens that it signs")

    async def _migrations(self, check: str) -> Finding:
        wanted = schema.migrations()[-1].version
        if self._schema is None:
            return Finding(
                check, "problem", "they are missing, or PostgREST does not know of them yet", _PUSH
            )
        found = str(self._schema.get("version"))
        if found < wanted:
            return Finding(check, "problem", f"the last is {found}; this release takes {wanted}", _PUSH)
        if found > wanted:
            said = f"the last is {found}, of a newer release than this one ({wanted})"
            return Finding(check, "problem", said, "update Insighter: pip install --upgrade insighter")
        return Finding(check, "ok", f"all are there, up to {wanted}")

    async def _trigger(self, check: str) -> Finding:
        if self._schema is None:
            return _later(check)
        missing = sorted(set(TRIGGERS) - set(self._schema.get("triggers") or []))
        if missing:
            hint = (
                "run the statements `create trigger` with these names again, in the SQL editor; they are in"
                " supabase/migrations/, which `insighter supabase init` writes"
            )
            return Finding(check, "problem", f"auth.users lacks the triggers {', '.join(missing)}", hint)
        return Finding(check, "ok", "get their profile and their invitations when they are made")

    async def _sign_ups(self, check: str) -> Finding:
        said = self._auth.json() if self._auth.status_code == 200 else {}
        if not said:
            return _later(check)
        if not (said.get("external") or {}).get("email", True):
            hint = "switch on Email under Authentication, Sign In / Providers"
            return Finding(check, "problem", "signing in by e-mail and password is off", hint)
        if said.get("mailer_autoconfirm"):
            hint = (
                "switch on Confirm email under Authentication, Sign In / Providers, Email: invitations go by address,"
                " and whoever claims one gets what was meant for its owner"
            )
            return Finding(check, "warning", "addresses are taken for confirmed without a mail", hint)
        if said.get("disable_signup") and self._settings.sign_up != "closed":
            hint = "allow new users under Authentication, Sign In, or set INSIGHTER_SIGN_UP=closed"
            return Finding(check, "warning", "the project lets nobody make an account", hint)
        return Finding(check, "ok", "by e-mail and password, confirmed by a mail")

    async def _bucket(self, check: str) -> Finding:
        status, said = await self._probe()
        if said == "missing" and self._service_key:
            await self._make_bucket(self._service_key)
            status, said = await self._probe()
        if said == "missing":
            hint = (
                f'make a private bucket "{BUCKET}": under Storage, New bucket; or in the SQL editor: {_MAKE_BUCKET}; or'
                " by `insighter supabase check --create-bucket` with a service-role key"
            )
            return Finding(check, "problem", f'there is no bucket "{BUCKET}"', hint)
        if said == "taken":
            hint = "drop the policies of storage.objects that are not Insighter's and let this bucket be written to"
            return Finding(check, "problem", "an account that does not exist could store a file in it", hint)
        if said != "refused":
            return Finding(
                check, "problem", f"Storage answers with {status}", "see the project's Storage logs"
            )
        return Finding(check, "ok", f'"{BUCKET}" is there, and refuses strangers')

    async def _probe(self) -> tuple[int, Literal["missing", "refused", "taken", "other"]]:
        """Store an object of a project that does not exist as nobody: which must be refused, but not for the bucket."""
        key = f"{PLATFORM.user_id}/{hashlib.sha256(b'').hexdigest()}"
        token = self._project.token(PLATFORM)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
        path = f"/storage/v1/object/{BUCKET}/{key}"
        answer = await self._ask("POST", path, headers=headers, content=b"")
        if answer.is_success:
            await self._ask("DELETE", path, headers={"Authorization": f"Bearer {token}"})
            return answer.status_code, "taken"
        if "bucket not found" in answer.text.lower():
            return answer.status_code, "missing"
        refused = "row-level security" in answer.text or '"403"' in answer.text or answer.status_code == 403
        return answer.status_code, "refused" if refused else "other"

    async def _make_bucket(self, key: str) -> None:
        headers = {"apiKey": key, "Authorization": f"Bearer {key}"}
        body = {"id": BUCKET, "name": BUCKET, "public": False}
        answer = await self._ask("POST", "/storage/v1/bucket", headers=headers, json=body)
        if not answer.is_success:
            raise errors.Forbidden(
                f"the bucket could not be made: Storage answers with {answer.status_code}",
                hint="see whether the key is the project's service-role (secret) key",
            )

    async def _private(self, check: str) -> Finding:
        path = f"/storage/v1/object/public/{BUCKET}/{PLATFORM.user_id}/{'0' * 64}"
        answer = await self._ask("GET", path)
        if "bucket not found" in answer.text.lower():
            return Finding(check, "ok", "nobody reads from it without a token")
        hint = "make it private: under Storage, the bucket's Edit, switch off Public bucket"
        return Finding(check, "problem", "everybody on the internet can read from it", hint)

    async def _policies(self, check: str) -> Finding:
        if self._schema is None:
            return _later(check)
        missing = sorted(set(POLICIES) - set(self._schema.get("storage_policies") or []))
        if missing:
            hint = (
                "run the section on policies of supabase/migrations/…_insighter_objects.sql in the SQL editor"
            )
            return Finding(check, "problem", f"storage.objects lacks {', '.join(missing)}", hint)
        return Finding(check, "ok", "those of Insighter are on storage.objects")


def _later(check: str) -> Finding:
    return Finding(check, "unknown", "cannot be told before the above is mended")
