"""The file: a ZIP whose members are checked by what the manifest in it says.

    manifest.json        format, what project, and of each member below its rows, bytes and SHA-256; the last member
    project.jsonl        name and description; who exported it, when
    people.jsonl         the names of those who worked on it; no addresses
    audit.jsonl          the audit's chain, row by row, to be verified without the installation it is from
    rows/<table>.jsonl   the rows of a table
    objects.jsonl        the SHA-256 of each object
    objects/<sha-256>    bytes of datasets, artifacts and models, as they are
    files.jsonl          path, size and SHA-256 of each file of the project's folder, where they go along
    files/<path>

A ZIP because it is written without going back, read at any place, has 64-bit sizes, and is opened by everything.
Nothing here trusts what it reads: whoever brings an archive may have made it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from insighter_ext.errors import Invalid

SUFFIX = ".insighter.zip"
MOST_OBJECTS = 100_000
MOST_ROW_BYTES = 8 * 1024**3
"""of all rows, when they are unpacked"""
LONGEST_LINE = 40 * 1024**2
PAGE = 1_000_000
CHUNK = 1 << 20

_MOST_DIRECTORY_BYTES = 48 * 1024**2
_MOST_MEMBERS = 2 * MOST_OBJECTS + 1000
_MOST_MANIFEST_BYTES = 4 * 1024**2
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TABLE = re.compile(r"rows/([a-z_]{1,60})\.jsonl")
_OTHERS = {"project.jsonl": "project", "people.jsonl": "people", "audit.jsonl": "audit"}
_LISTS = ("objects.jsonl", "files.jsonl")
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    struct.error,
)
_AGAIN = "export the project again, or fetch the file again: it may be cut off"


class Member(BaseModel):
    """What is known of a member with rows."""

    rows: int = Field(ge=0)
    size: int = Field(ge=0, description="bytes, unpacked")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Audit(BaseModel):
    """The end of the chain at the export."""

    head: str | None = Field(max_length=200)
    withheld: int = Field(
        ge=0, description="Rows of assets that were hidden from whoever exported: their number is missing."
    )


class Manifest(BaseModel):
    """What an archive says of itself."""

    format: Literal["insighter-project"]
    version: int
    platform: str = Field(max_length=100, description="The release that wrote it.")
    project: str = Field(max_length=400)
    exported_at: str = Field(max_length=40)
    members: dict[str, Member]
    objects: int = Field(ge=0)
    object_bytes: int = Field(ge=0)
    files: int = Field(ge=0)
    audit: Audit


VERSION = 1


def member_of(section: str) -> str:
    """The member that holds a section of the database's answer."""
    if section in {"objects", "files"}:
        return f"{section}.jsonl"
    return next((name for name, known in _OTHERS.items() if known == section), f"rows/{section}.jsonl")


class _Sink:
    """A file that only goes forward, and whose bytes are fetched."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        """Take bytes."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """There is nothing to close."""

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class Writer:
    """Writes an archive, member after member; :meth:`take` gives what is to be sent."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", allowZip64=True)
        self._open: IO[bytes] | None = None
        self._hash = hashlib.sha256()
        self._size = 0

    def begin(self, name: str, *, packed: bool) -> None:
        """Begin a member. Rows are packed; objects are not: most are already."""
        info = zipfile.ZipInfo(name, time.localtime()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        info.external_attr = 0o600 << 16
        self._open = self._zip.open(info, "w", force_zip64=True)
        self._hash = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append to the member."""
        assert self._open is not None
        self._hash.update(data)
        self._size += len(data)
        self._open.write(data)

    def end(self, rows: int = 0) -> Member:
        """End the member; tells what it is."""
        assert self._open is not None
        self._open.close()
        self._open = None
        return Member(rows=rows, size=self._size, sha256=self._hash.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and the list of members."""
        self.begin("manifest.json", packed=True)
        self.write(manifest.model_dump_json(indent=1).encode())
        self.end()
        self._zip.close()

    def take(self) -> bytes:
        """The bytes since the last call."""
        return self._sink.take()


class Archive:
    """An archive to be read. Blocking: not for the event loop.

    Raises:
        Invalid: it is none, or not one that may be read; the message names the member.
    """

    def __init__(self, path: Path) -> None:
        self._size = path.stat().st_size
        with path.open("rb") as file:
            _check_directory(file, self._size)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError, struct.error) as error:
            raise _damaged("the archive", str(error)) from None
        try:
            self._infos = self._checked_infos()
            self.manifest = self._read_manifest()
            self._check_members()
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def sections(self) -> list[str]:
        """The tables and other sections with rows, as the database calls them."""
        return [
            _OTHERS.get(name) or name.removeprefix("rows/").removesuffix(".jsonl")
            for name in self.manifest.members
            if name not in _LISTS
        ]

    @property
    def total_bytes(self) -> int:
        """How much there is to read."""
        return sum(info.file_size for info in self._infos.values())

    def pages(self, member: str) -> Iterator[tuple[str, int]]:
        """The lines of a member in pages of about a megabyte, with how many they are.

        Raises:
            Invalid: after the last page, when it is not what the manifest says.
        """
        expected = self.manifest.members[member]
        digest, rows, pending = hashlib.sha256(), 0, b""
        for chunk in self._bytes(member):
            digest.update(chunk)
            pending += chunk
            if len(pending) < PAGE:
                continue
            whole, cut, rest = pending.rpartition(b"\n")
            if not cut:
                if len(pending) > LONGEST_LINE:
                    raise _damaged(member, "a line of it is too long")
                continue
            pending = rest
            count = whole.count(b"\n") + 1
            rows += count
            yield _text(whole, member), count
        if pending:
            whole = pending.removesuffix(b"\n")
            count = whole.count(b"\n") + 1
            rows += count
            yield _text(whole, member), count
        if digest.hexdigest() != expected.sha256 or rows != expected.rows:
            raise _damaged(member, "it is not what the manifest says")

    def objects(self) -> list[str]:
        """The SHA-256 of each object."""
        found = [str(line.get("sha256")) for line in self._list("objects.jsonl")]
        if len(set(found)) != len(found) or any(
            not _SHA256.fullmatch(one) or f"objects/{one}" not in self._infos for one in found
        ):
            raise _damaged("objects.jsonl", "it lists an object that is not there")
        return found

    def object_bytes(self, sha256: str) -> Iterator[bytes]:
        """The bytes of an object, for the taker to compare with its name."""
        return self._bytes(f"objects/{sha256}")

    def files(self) -> list[dict[str, Any]]:
        """Path, size and SHA-256 of each file; the paths lead nowhere but into a folder."""
        found = self._list("files.jsonl") if "files.jsonl" in self.manifest.members else []
        for line in found:
            path = line.get("path")
            if not isinstance(path, str) or not is_safe(path) or f"files/{path}" not in self._infos:
                raise _damaged(
                    "files.jsonl", "it lists a file that is not there, or whose path leads elsewhere"
                )
        return found

    def extract(self, line: dict[str, Any], folder: Path) -> None:
        """Put a file below a folder that is new.

        Raises:
            Invalid: its bytes are not those that its checksum is of; or its path is a folder already.
        """
        name = f"files/{line['path']}"
        target = folder.joinpath(*PurePosixPath(line["path"]).parts)
        digest = hashlib.sha256()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                for chunk in self._bytes(name):
                    digest.update(chunk)
                    file.write(chunk)
        except (FileExistsError, NotADirectoryError):
            raise _damaged(name, "another file lies where it belongs") from None
        if digest.hexdigest() != line.get("sha256"):
            raise _damaged(name, "its checksum is wrong")

    def check_object(self, sha256: str, found: str) -> None:
        """Compare an object that was read with its name."""
        if sha256 != found:
            raise _damaged(f"objects/{sha256}", "its checksum is wrong")

    def audit(self) -> tuple[int, list[str]]:
        """How many rows the chain has, and what is wrong with it."""
        rows, last, withheld, after = 0, 0, 0, "0" * 64
        problems: list[str] = []
        for page, count in self.pages("audit.jsonl"):
            rows += count
            for line in page.split("\n"):
                row = _json(line, "audit.jsonl")
                seq, text = row.get("seq"), row.get("text")
                if not isinstance(seq, int) or seq <= last:
                    return rows, [*problems, f"row {seq} stands after row {last}"]
                withheld += seq - last - 1
                if seq == last + 1 and row.get("prev_hash") != after:
                    problems.append(f"row {seq} was not written after row {last}")
                if text is not None and not _hashes(row, text):
                    problems.append(f"row {seq} is not what was written")
                last, after = seq, str(row.get("hash"))
        told = self.manifest.audit
        end, _, digest = (told.head or "0:").partition(":")
        if end == str(last) and digest != after:
            problems.append(f"row {last}, the last, is not what was written")
        withheld += max(0, int(end) - last if end.isdigit() and len(end) < 20 else 0)
        if withheld > told.withheld:
            problems.append(f"{withheld - told.withheld} rows were removed")
        return rows, problems[:20]

    def check(self) -> Iterator[tuple[str, int]]:
        """Read all of it once; yields each member's name and size before it is read.

        Raises:
            Invalid: the first member that is not what it should be.
        """
        for name in self.manifest.members:
            yield name, self._infos[name].file_size
            for _ in self.pages(name):
                pass
        for sha256 in self.objects():
            yield f"objects/{sha256}", self._infos[f"objects/{sha256}"].file_size
            digest = hashlib.sha256()
            for chunk in self.object_bytes(sha256):
                digest.update(chunk)
            self.check_object(sha256, digest.hexdigest())
        for line in self.files():
            name = f"files/{line['path']}"
            yield name, self._infos[name].file_size
            digest = hashlib.sha256()
            for chunk in self._bytes(name):
                digest.update(chunk)
            if digest.hexdigest() != line.get("sha256"):
                raise _damaged(name, "its checksum is wrong")

    # ---- what stands behind it

    @contextmanager
    def _member(self, name: str) -> Iterator[IO[bytes]]:
        try:
            with self._zip.open(self._infos[name]) as file:
                yield file
        except Invalid:
            raise
        except _BROKEN as error:
            raise _damaged(name, str(error)) from None

    def _bytes(self, name: str) -> Iterator[bytes]:
        with self._member(name) as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def _list(self, name: str) -> list[dict[str, Any]]:
        return [_json(line, name) for page, _ in self.pages(name) for line in page.split("\n")]

    def _checked_infos(self) -> dict[str, zipfile.ZipInfo]:
        infos: dict[str, zipfile.ZipInfo] = {}
        stored = rows = 0
        for info in self._zip.infolist():
            name = info.filename
            if name in infos or info.orig_filename != name:
                raise _damaged(name, "it is there twice")
            infos[name] = info
            if info.flag_bits & 0x1:
                raise _damaged(name, "it is encrypted")
            if name.startswith(("objects/", "files/")):
                stored += info.file_size
                if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
                    raise _damaged(name, "it is packed, which objects and files are not")
            else:
                rows += info.file_size
                if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                    raise _damaged(name, "it is packed in a way that is not ours")
        # Members that lie over one another, or unpack without end.
        if stored > self._size:
            raise _damaged("the archive", "its members are larger than it is")
        if rows > MOST_ROW_BYTES:
            raise _damaged("the archive", f"its rows unpack to more than {MOST_ROW_BYTES:,} bytes")
        return infos

    def _read_manifest(self) -> Manifest:
        info = self._infos.get("manifest.json")
        if info is None or info.file_size > _MOST_MANIFEST_BYTES:
            raise Invalid(
                "this file is no archive of a project",
                code="no_archive",
                hint="choose a file that an export made",
            )
        text = b"".join(self._bytes("manifest.json"))
        try:
            values = json.loads(text)
            version = values.get("version") if isinstance(values, dict) else None
            if isinstance(version, int) and version > VERSION:
                raise Invalid(
                    "this archive was made by a newer release of Insighter",
                    code="archive_newer",
                    hint="update Insighter",
                )
            return Manifest.model_validate(values)
        except ValidationError as error:
            field = ".".join(map(str, error.errors()[0]["loc"]))
            raise _damaged("manifest.json", f"it is not one: {field}") from None
        except (ValueError, RecursionError) as error:
            raise _damaged("manifest.json", str(error)) from None

    def _check_members(self) -> None:
        told = self.manifest.members
        for name in ("project.jsonl", "people.jsonl", "audit.jsonl", "objects.jsonl"):
            if name not in told:
                raise _damaged(name, "it is missing")
        for name, member in told.items():
            if not (name in _OTHERS or name in _LISTS or _TABLE.fullmatch(name)):
                raise _damaged(name, "no archive has such a member")
            if name not in self._infos or self._infos[name].file_size != member.size:
                raise _damaged(name, "it is missing, or not what the manifest says")
        more = [
            name
            for name in self._infos
            if name not in told and name != "manifest.json" and not name.startswith(("objects/", "files/"))
        ]
        if more:
            raise _damaged(more[0], "the manifest does not name it")
        objects = sum(name.startswith("objects/") for name in self._infos)
        files = sum(name.startswith("files/") for name in self._infos)
        if (objects, files) != (self.manifest.objects, self.manifest.files) or objects > MOST_OBJECTS:
            raise _damaged("manifest.json", "it names another number of objects or files than there are")


def is_safe(path: str) -> bool:
    """Whether a path of a file leads into a folder and nowhere else, on every system."""
    parts = path.split("/")
    return (
        0 < len(path.encode(errors="replace")) <= 1000
        and len(parts) <= 50
        and all(
            part
            and len(part.encode(errors="replace")) <= 255
            and not part.startswith(".")
            and part == part.strip()
            for part in parts
        )
        and not re.search(r'[\x00-\x1f\x7f\\:*?"<>|\ud800-\udfff]', path)
    )


def files_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a project's folder that go along: no hidden ones, where secrets lie, and nothing by a link."""
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one != "__pycache__")
        for name in sorted(names):
            file = Path(place) / name
            path = file.relative_to(folder).as_posix()
            if is_safe(path) and file.is_file() and not file.is_symlink():
                yield path, file


def _check_directory(file: IO[bytes], size: int) -> None:
    """Refuse a list of members that would not fit into memory, before anything reads it."""
    tail_at = max(0, size - 65_557 - 20)
    file.seek(tail_at)
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise Invalid("this file is no archive, or it is cut off", code="no_archive", hint=_AGAIN)
    length, offset = struct.unpack("<II", tail[end + 12 : end + 20])
    locator = tail[end - 20 : end] if end >= 20 else b""
    if locator[:4] == b"PK\x06\x07":
        file.seek(min(struct.unpack("<Q", locator[8:16])[0], size))
        record = file.read(56)
        if len(record) < 56 or record[:4] != b"PK\x06\x06":
            raise _damaged("the archive", "its list of members is not where it should be")
        length, offset = struct.unpack("<QQ", record[40:56])
    if length > _MOST_DIRECTORY_BYTES:
        raise _damaged("the archive", f"it has more than {MOST_OBJECTS:,} objects or files")
    file.seek(min(offset, size))
    if file.read(length).count(b"PK\x01\x02") > _MOST_MEMBERS:
        raise _damaged("the archive", f"it has more than {MOST_OBJECTS:,} objects or files")


def _hashes(row: dict[str, Any], text: Any) -> bool:
    try:
        seq = json.loads(text)[2]
        digest = hashlib.sha256(bytes.fromhex(row["prev_hash"]) + text.encode()).hexdigest()
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return False
    return bool(digest == row["hash"] and seq == row["seq"])


def _json(line: str, member: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise _damaged(member, "a line of it is no JSON") from None
    if not isinstance(found, dict):
        raise _damaged(member, "a line of it is no object")
    return found


def _text(data: bytes, member: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _damaged(member, "it is not UTF-8") from None


def _damaged(member: str, why: str) -> Invalid:
    shown = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "?", member)[:200]
    return Invalid(
        f"{shown} is damaged: {why}", code="archive_damaged", hint=_AGAIN, details={"member": shown}
    )
