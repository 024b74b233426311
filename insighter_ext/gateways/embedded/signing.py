"""The key that signs the access tokens of embedded accounts. Whoever can read it can be anybody: only its owner can."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from insighter_ext.errors import Unavailable

ISSUER = "insighter"
ALGORITHM = "ES256"
_FILE = "access-tokens.pem"


class SigningKey:
    """An ES256 key in a folder.

    Args:
        private: the key, of ``cryptography``.
    """

    def __init__(self, private: Any) -> None:
        from jwt.algorithms import ECAlgorithm

        self._private = private
        point: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(private.public_key()))
        public = {name: point[name] for name in ("crv", "kty", "x", "y")}
        # RFC 7638: the same key has the same id, wherever it is read.
        digest = hashlib.sha256(json.dumps(public, sort_keys=True, separators=(",", ":")).encode()).digest()
        self.key_id = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        self.jwks = {"keys": [{**public, "kid": self.key_id, "alg": ALGORITHM, "use": "sig"}]}

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"

    def sign(self, claims: Mapping[str, Any], seconds: int) -> tuple[str, int]:
        """An access token with claims, and when it expires (seconds since 1970)."""
        import jwt

        now = int(time.time())
        token = jwt.encode(
            {**claims, "iss": ISSUER, "iat": now, "exp": now + seconds},
            self._private,
            algorithm=ALGORITHM,
            headers={"kid": self.key_id},
        )
        return token, now + seconds

    @classmethod
    def load(cls, folder: Path) -> SigningKey:
        """The key in a folder, made there where it is missing. Servers that start at once agree on one.

        Raises:
            Unavailable: somebody else can read or change it, or it is no such key.
        """
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        path = folder / _FILE
        if not path.exists():
            _make(path)
        try:
            private = load_pem_private_key(_read(path), None)
        except (TypeError, ValueError) as error:
            raise _unusable(path, "is no private key") from error
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise _unusable(path, "is a key of another kind")
        return cls(private)


def _make(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    content = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # readable by its owner only
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)  # atomic, and the first one wins
    finally:
        os.unlink(name)


def _read(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise _unusable(path, f"cannot be opened ({error.strerror})") from error
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise _unusable(path, "is not a file of yours")
        if found.st_mode & 0o077:
            raise _unusable(path, "can be read or changed by others")
        return file.read(10_000)


def _unusable(path: Path, why: str) -> Unavailable:
    return Unavailable(
        f"the key that signs access tokens, {path}, {why}",
        hint="remove the file: another key is made, and everybody signs in once more",
    )
