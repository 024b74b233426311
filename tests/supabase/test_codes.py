"""What a Supabase project says, and what the platform makes of it: each row of the map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from tornado import web

from insighter_ext import errors
from insighter_ext.gateways import AuthGateway, DataGateway, ObjectStore
from insighter_ext.gateways.supabase.auth import auth_error
from insighter_ext.gateways.supabase.clients import Project
from insighter_ext.gateways.supabase.data import SupabaseDataGateway, postgrest_error
from insighter_ext.gateways.supabase.objects import storage_error
from tests.contract.auth import PASSWORD, Office, an_account, an_address
from tests.contract.objects import Someone, a_project, stored
from tests.supabase.double import Double

POSTGREST = [
    # code, message, status, code word
    ("42501", 'new row violates row-level security policy for table "runs"', 403, "forbidden"),
    ("42501", "permission denied for table runs", 403, "forbidden"),
    ("PGRST116", "JSON object requested, multiple (or no) rows returned", 404, "not_found"),
    ("23505", "duplicate key value violates unique constraint", 409, "conflict"),
    ("23503", "violates foreign key constraint", 409, "conflict"),
    ("23514", "violates check constraint", 422, "invalid"),
    ("23502", "null value in column", 422, "invalid"),
    ("22P02", "invalid input syntax for type uuid", 422, "invalid"),
    ("22P05", "unsupported Unicode escape sequence", 422, "invalid"),
    ("57014", "canceling statement due to statement timeout", 504, "timeout"),
    ("PGRST301", "No suitable key or wrong key type", 401, "session_expired"),
    ("PGRST302", "Anonymous access is disabled", 401, "session_expired"),
    ("PGRST303", "JWT expired", 401, "session_expired"),
    ("PGRST202", "Could not find the function public.runs_get(p_id)", 503, "migrations_missing"),
    ("PGRST205", "Could not find the table in the schema cache", 503, "migrations_missing"),
    ("PGRST000", "Could not connect with the database", 503, "unavailable"),
    ("PGRST001", "Could not connect with the database", 503, "unavailable"),
    ("PGRST002", "Could not query the database for the schema cache", 503, "unavailable"),
    ("PGRST003", "Timed out acquiring connection from connection pool", 503, "unavailable"),
    ("PGRST300", "Server lacks JWT secret", 503, "unavailable"),
    ("53300", "too many connections", 503, "unavailable"),
    ("53100", "disk full", 503, "unavailable"),
    ("08006", "connection failure", 503, "unavailable"),
    ("40001", "could not serialize access", 500, "internal"),
    ("503", "Service Unavailable", 503, "unavailable"),
    ("522", "Connection timed out", 503, "unavailable"),
    ("504", "Gateway Timeout", 504, "timeout"),
    ("413", "Payload Too Large", 413, "too_large"),
    ("429", "Too Many Requests", 429, "rate_limited"),
    (None, "Invalid API key", 503, "key_refused"),
    ("401", "No API key found in request", 503, "key_refused"),
    (None, None, 503, "unavailable"),
]


@pytest.mark.parametrize(("code", "message", "status", "word"), POSTGREST)
def test_postgrest(code: str | None, message: str | None, status: int, word: str) -> None:
    error = postgrest_error(code, message, None, None, anonymous=False)
    assert (error.status, error.code) == (status, word)
    assert error.message


def test_our_own_errors_keep_their_word_and_hint() -> None:
    error = postgrest_error("PT409", "it is archived", "project_archived", "restore it", anonymous=False)
    assert (error.status, error.code) == (409, "project_archived")
    assert (error.message, error.hint) == ("it is archived", "restore it")


def test_whoever_did_not_sign_in_is_told_to() -> None:
    error = postgrest_error("42501", "permission denied for function x", None, None, anonymous=True)
    assert (error.status, error.code) == (401, "sign_in_required")


AUTH = [
    # code, status that GoTrue answers, status, code word
    ("invalid_credentials", 400, 401, "invalid_credentials"),
    ("email_not_confirmed", 400, 403, "email_not_confirmed"),
    ("user_already_exists", 422, 409, "account_exists"),
    ("email_exists", 422, 409, "account_exists"),
    ("weak_password", 422, 422, "weak_password"),
    ("email_address_invalid", 400, 422, "invalid_email"),
    ("refresh_token_not_found", 400, 401, "session_expired"),
    ("refresh_token_already_used", 400, 401, "session_expired"),
    ("session_not_found", 403, 401, "session_expired"),
    ("session_expired", 400, 401, "session_expired"),
    ("bad_jwt", 403, 401, "session_expired"),
    ("user_not_found", 404, 401, "session_expired"),
    ("otp_expired", 403, 422, "code_invalid"),
    ("signup_disabled", 422, 403, "sign_up_closed"),
    ("email_provider_disabled", 422, 403, "sign_up_closed"),
    ("email_address_not_authorized", 400, 403, "sign_up_closed"),
    ("captcha_failed", 400, 403, "sign_up_closed"),
    ("reauthentication_needed", 400, 403, "sign_in_again"),
    ("over_request_rate_limit", 429, 429, "rate_limited"),
    ("over_email_send_rate_limit", 429, 429, "rate_limited"),
    ("unexpected_failure", 500, 503, "unavailable"),
    (None, 0, 503, "unavailable"),
    (None, 503, 503, "unavailable"),
    (None, None, 503, "unavailable"),
    (None, 429, 429, "rate_limited"),
    (None, 403, 401, "session_expired"),
]


@pytest.mark.parametrize(("code", "answered", "status", "word"), AUTH)
def test_accounts(code: str | None, answered: int | None, status: int, word: str) -> None:
    error = auth_error(code, "said by GoTrue", answered)
    assert (error.status, error.code) == (status, word)


def test_an_unconfirmed_address_can_have_its_mail_again() -> None:
    error = auth_error("email_not_confirmed", "Email not confirmed", 400)
    assert error.details == {"resend": True}
    assert "again" in str(error.hint)


def test_how_long_to_wait_is_told() -> None:
    message = "For security purposes, you can only request this after 51 seconds."
    assert auth_error("over_email_send_rate_limit", message, 429).details == {"retry_after": 51}


STORAGE = [
    ("404", "not_found", "Object not found", 404, "object_missing"),
    ("404", "Bucket not found", "Bucket not found", 503, "bucket_missing"),
    ("409", "Duplicate", "The resource already exists", 409, "object_exists"),
    ("403", "Unauthorized", "new row violates row-level security policy", 403, "forbidden"),
    ("403", "Unauthorized", '"exp" claim timestamp check failed', 401, "session_expired"),
    ("400", "InvalidJWT", "jwt expired", 401, "session_expired"),
    ("413", "Payload too large", "The object exceeded the maximum allowed size", 413, "too_large"),
    ("429", "TooManyRequests", "too many", 429, "rate_limited"),
    (500, "InternalError", "Unable to parse error message: <html>", 503, "storage_failed"),
    ("400", "InvalidKey", "Invalid key: x", 422, "invalid"),
]


@pytest.mark.parametrize(("answered", "code", "message", "status", "word"), STORAGE)
def test_storage(answered: str | int, code: str, message: str, status: int, word: str) -> None:
    error = storage_error(answered, code, message)
    assert (error.status, error.code) == (status, word)


# ---- the same, through supabase-py and HTTP


def answers(status: int, body: Any) -> Callable[[web.RequestHandler], None]:
    """The next request is answered with this."""

    def act(handler: web.RequestHandler) -> None:
        handler.set_status(status)
        if isinstance(body, str):
            handler.finish(body)
        else:
            handler.set_header("Content-Type", "application/json")
            handler.finish(body)

    return act


def hangs_up(handler: web.RequestHandler) -> None:
    """The connection ends without an answer."""
    handler.request.connection.stream.close()  # type: ignore[union-attr, unused-ignore]
    handler._finished = True  # and nothing is done: else it were a race whether it is seen to be


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (503, {"code": "PGRST003", "message": "Timed out acquiring connection from connection pool."}, 503),
        (401, {"code": "PGRST303", "message": "JWT expired"}, 401),
        (401, {"message": "Invalid API key", "hint": "Double check it."}, 503),
        (502, "<html>Bad gateway</html>", 503),
        (500, {"code": "57014", "message": "canceling statement due to statement timeout"}, 504),
        (418, {"code": "PT418", "message": "short and stout"}, 500),
        (200, "<html>a captive portal</html>", 503),
    ],
)
async def test_an_answer_of_the_project_becomes_an_error_of_ours(
    double: Double, data_gateway: DataGateway, someone: Someone, status: int, body: Any, expected: int
) -> None:
    principal = await someone()
    double.fail_next.append(("/rpc/", answers(status, body)))
    with pytest.raises(errors.InsighterError) as refused:
        await data_gateway.call(principal, "projects_list")
    assert refused.value.status == expected
    assert await data_gateway.call(principal, "projects_list")


async def test_a_lost_answer_is_not_asked_for_twice(
    double: Double, data_gateway: DataGateway, someone: Someone
) -> None:
    principal = await someone()
    double.fail_next.append(("/rpc/projects_create", hangs_up))
    with pytest.raises(errors.Unavailable, match="may be saved or not"):
        await data_gateway.call(principal, "projects_create", name=f"P {uuid4().hex}")
    assert (await data_gateway.call(principal, "projects_list"))["items"] == []


async def test_a_project_that_does_not_answer_is_unavailable() -> None:
    project = Project("http://127.0.0.1:9", "sb_publishable_x", "s" * 40)
    with pytest.raises(errors.Unavailable):
        await SupabaseDataGateway(project).call(None, "projects_list")
    await project.close()


async def test_a_token_of_our_own_that_is_refused_is_made_anew(
    double: Double, data_gateway: DataGateway, someone: Someone
) -> None:
    kernel = replace(await someone(), token=None)
    await data_gateway.call(kernel, "projects_list")
    double.fail_next.append(("/rpc/", answers(401, {"code": "PGRST303", "message": "JWT expired"})))
    assert await data_gateway.call(kernel, "projects_list")


async def test_a_service_principal_is_never_more_than_its_account(
    double: Double, data_gateway: DataGateway, someone: Someone
) -> None:
    principal = replace(await someone(), token=None, kind="service")
    double.seen.clear()
    await data_gateway.call(principal, "projects_list")
    assert {role for _, _, role in double.seen} == {"authenticated"}


async def test_a_service_key_that_was_allowed_is_never_used_as_one(double: Double) -> None:
    double.seen.clear()
    project = Project(double.url, double.api_key("service_role"), double.secret)
    with pytest.raises(errors.Unauthenticated):
        await SupabaseDataGateway(project).call(None, "projects_list")
    await project.close()
    assert {role for _, _, role in double.seen} == {"anon"}


async def test_a_mail_that_is_rationed_tells_nobody_that_there_is_an_account(
    double: Double, auth_gateway: AuthGateway, auth_office: Office
) -> None:
    session = await an_account(auth_gateway, auth_office)
    double.rationed.add(session.account.email)
    for email in (session.account.email, an_address("nobody")):
        await auth_gateway.send_recovery(email)
        await auth_gateway.resend_confirmation(email)


async def test_whoever_has_not_confirmed_is_told_so(double: Double, auth_gateway: AuthGateway) -> None:
    email = an_address()
    assert await auth_gateway.sign_up(email, PASSWORD) is None
    with pytest.raises(errors.Forbidden) as refused:
        await auth_gateway.sign_in(email, PASSWORD)
    assert refused.value.code == "email_not_confirmed"


async def test_an_altered_object_is_not_handed_out(
    double: Double, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone
) -> None:
    ann = await someone()
    made = await stored(object_store, ann, await a_project(data_gateway, ann), b"honest")
    (double.directory / "files" / "insighter" / made.key).write_bytes(b"forged")
    with pytest.raises(errors.Unavailable) as refused:
        await object_store.local_path(ann, made.key)
    assert refused.value.code == "object_altered"


async def test_a_missing_bucket_is_said_to_be_missing(
    double: Double, object_store: ObjectStore, data_gateway: DataGateway, someone: Someone
) -> None:
    ann = await someone()
    project_id: UUID = await a_project(data_gateway, ann)
    body = {"statusCode": "404", "error": "Bucket not found", "message": "Bucket not found"}
    double.fail_next.append(("/storage/", answers(400, body)))
    with pytest.raises(errors.Unavailable) as refused:
        await stored(object_store, ann, project_id, b"x")
    assert refused.value.code == "bucket_missing"
    assert "insighter supabase check" in str(refused.value.hint)
