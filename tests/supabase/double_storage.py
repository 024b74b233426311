"""The double's Storage: bytes in files, and who may touch them asked of the policies of ``storage.objects``."""

from __future__ import annotations

import json
import secrets
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg.rows import dict_row

from tests.supabase.double import Answer, Handler


def refusal(status: int, error: str, message: str) -> Answer:
    """An error as Storage writes it: most are a 400, and say in the body what they are."""
    return Answer(
        400 if status < 500 else status, {"statusCode": str(status), "error": error, "message": message}
    )


class StorageHandler(Handler):
    """What Storage's routes share."""

    def who(self) -> dict[str, Any]:
        """The caller's claims."""
        try:
            return self.double.claims(self)
        except Answer as answer:
            if "code" in answer.body:
                raise refusal(403, "Unauthorized", f"jwt: {answer.body['message']}") from None
            raise

    def file(self, bucket: str, name: str) -> Path:
        """Where the bytes of an object are."""
        return self.double.directory / "files" / bucket / unquote(name)

    async def bucket(self, bucket: str) -> None:
        """Refuse a bucket that is none."""
        async with self.double.pool.connection() as connection:
            cursor = await connection.execute("select 1 from storage.buckets where id = %s", [bucket])
            if await cursor.fetchone() is None:
                raise refusal(404, "Bucket not found", "Bucket not found")

    async def find(self, bucket: str, name: str) -> dict[str, Any]:
        """The row of an object that the caller may read."""
        async with self.double.acting(self.who()) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(
                "select * from storage.objects where bucket_id = %s and name = %s", [bucket, unquote(name)]
            )
            row = await cursor.fetchone()
        if row is None:
            raise refusal(404, "not_found", "Object not found")
        found: dict[str, Any] = row
        return found


class Upload(StorageHandler):
    async def post(self, bucket: str, name: str) -> None:
        claims = self.who()
        await self.bucket(bucket)
        metadata = json.dumps(
            {"size": len(self.request.body), "mimetype": self.request.headers["Content-Type"]}
        )
        values = [bucket, unquote(name), claims.get("sub"), metadata]
        insert = "insert into storage.objects (bucket_id, name, owner_id, metadata) values (%s, %s, %s, %s)"
        if self.request.headers.get("x-upsert") == "true":
            insert += (
                " on conflict (bucket_id, name) do update set metadata = excluded.metadata,"
                " owner_id = excluded.owner_id, updated_at = now()"
            )
        try:
            async with self.double.acting(claims) as connection:
                await connection.execute(insert, values)
        except psycopg.errors.UniqueViolation:
            raise refusal(409, "Duplicate", "The resource already exists") from None
        except psycopg.errors.InsufficientPrivilege as error:
            raise refusal(403, "Unauthorized", str(error.diag.message_primary)) from None
        path = self.file(bucket, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.request.body)
        self.reply(200, {"Key": f"{bucket}/{unquote(name)}", "Id": "0"})


class Remove(StorageHandler):
    async def delete(self, bucket: str) -> None:
        claims = self.who()
        names = self.json()["prefixes"]
        async with self.double.acting(claims) as connection:
            await connection.execute("select set_config('storage.allow_delete_query', 'true', true)")
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(
                "delete from storage.objects where bucket_id = %s and name = any (%s) returning *",
                [bucket, names],
            )
            rows = await cursor.fetchall()
        for row in rows:
            self.file(bucket, row["name"]).unlink()
        # Hosted, no more than the name can be relied on.
        self.reply(200, [{"name": row["name"]} for row in rows])


class Listing(StorageHandler):
    async def post(self, bucket: str) -> None:
        claims = self.who()
        body = self.json()
        folder = body["prefix"].rstrip("/") + "/"
        async with self.double.acting(claims) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(
                """select id, substr(name, char_length(%s) + 1) as name, created_at, updated_at, metadata
                   from storage.objects where bucket_id = %s and starts_with(name, %s)
                   order by name limit %s offset %s""",
                [folder, bucket, folder, body["limit"], body["offset"]],
            )
            self.reply(200, await cursor.fetchall())


class Info(StorageHandler):
    async def get(self, bucket: str, name: str) -> None:
        row = await self.find(bucket, name)
        body = {
            "id": row["id"],
            "name": row["name"],
            "bucket_id": bucket,
            "size": row["metadata"]["size"],
            "last_modified": row["updated_at"].isoformat(),
            "created_at": row["created_at"].isoformat(),
        }
        self.reply(200, body)


class Sign(StorageHandler):
    async def post(self, bucket: str, name: str) -> None:
        await self.find(bucket, name)
        token = secrets.token_urlsafe()
        seconds = int(self.json()["expiresIn"])
        self.double.downloads[token] = (f"{bucket}/{unquote(name)}", time.time() + seconds)
        self.reply(200, {"signedURL": f"/object/sign/{bucket}/{name}?token={token}"})

    async def get(self, bucket: str, name: str) -> None:
        wanted, until = self.double.downloads.get(self.get_query_argument("token"), ("", 0.0))
        if wanted != f"{bucket}/{unquote(name)}" or until < time.time():
            raise refusal(400, "InvalidJWT", "invalid signature")
        path = self.file(bucket, name)
        content = path.read_bytes()
        asked = self.request.headers.get("Range")
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            if int(first) >= len(content):
                raise Answer(416, {})
            content = content[int(first) : int(last) + 1 if last else None]
            self.set_status(206)
        self.set_header("Content-Type", "application/octet-stream")
        self.finish(content)


class Public(StorageHandler):
    async def get(self, bucket: str, name: str) -> None:
        async with self.double.pool.connection() as connection:
            cursor = await connection.execute("select public from storage.buckets where id = %s", [bucket])
            row = await cursor.fetchone()
        if row is None or not row[0]:
            raise refusal(404, "Bucket not found", "Bucket not found")
        raise refusal(404, "not_found", "Object not found")


class Buckets(StorageHandler):
    async def post(self) -> None:
        claims = self.who()
        body = self.json()
        try:
            async with self.double.acting(claims) as connection:
                await connection.execute(
                    "insert into storage.buckets (id, name, public) values (%s, %s, %s)",
                    [body["id"], body["name"], body.get("public", False)],
                )
        except psycopg.errors.InsufficientPrivilege as error:
            raise refusal(403, "Unauthorized", str(error.diag.message_primary)) from None
        except psycopg.errors.UniqueViolation:
            raise refusal(409, "Duplicate", "The resource already exists") from None
        self.reply(200, {"name": body["id"]})


def storage_routes() -> list[tuple[str, type[Handler]]]:
    """Paths and handlers; those with a word of their own come before the objects."""
    return [
        (r"/storage/v1/bucket", Buckets),
        (r"/storage/v1/object/list/(\w+)", Listing),
        (r"/storage/v1/object/info/(\w+)/(.+)", Info),
        (r"/storage/v1/object/sign/(\w+)/(.+)", Sign),
        (r"/storage/v1/object/public/(\w+)/(.+)", Public),
        (r"/storage/v1/object/(\w+)", Remove),
        (r"/storage/v1/object/(\w+)/(.+)", Upload),
    ]
