"""What is taken as an address and as a new password, whoever keeps the accounts."""

from __future__ import annotations

import re
import unicodedata

from insighter_ext.errors import Invalid

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 200
LONGEST_EMAIL = 254

_LOCAL_PART = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_LOCAL_PART}@{_LABEL}(?:\.{_LABEL})*")


def read_email(email: str) -> str:
    """An address as it is compared: in small letters. Of one that is none the answer is found nowhere."""
    return email.strip()[: LONGEST_EMAIL + 1].lower() if email.isascii() and email.isprintable() else ""


def check_email(email: str, *, reserved: bool = False) -> str:
    """The address of a new account, in small letters.

    Args:
        email: as it was typed.
        reserved: take one of the platform's own, ``…@localhost`` and ``…@….localhost``. Nobody can make an account with
            such an address themselves, for the platform gives them to those it knows in another way.

    Raises:
        Invalid: ``invalid_email``.
    """
    address = read_email(email)
    domain = address.rpartition("@")[2]
    ours = domain == "localhost" or domain.endswith(".localhost")
    if (
        len(address) > LONGEST_EMAIL
        or not _EMAIL.fullmatch(address)
        or (ours and not reserved)
        or not (ours or "." in domain)
    ):
        raise Invalid(
            "this is no e-mail address", hint="write it like name@example.org", code="invalid_email"
        )
    return address


def check_password(password: str, email: str) -> str:
    """A new password, in the one form in which it is hashed.

    Raises:
        Invalid: ``weak_password``.
    """
    taken = normalised(password)
    if taken is None or not SHORTEST_PASSWORD <= len(taken) <= LONGEST_PASSWORD:
        raise Invalid(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters",
            hint="a few words together are easy to remember and hard to guess",
            code="weak_password",
        )
    if taken.strip().lower() in {email, email.partition("@")[0]} or len(set(taken)) == 1:
        raise Invalid(
            "this password is the first that anybody would try",
            hint="take one that has nothing to do with your address",
            code="weak_password",
        )
    return taken


def normalised(password: str) -> str | None:
    """The same password however its letters were composed by a keyboard; None for what cannot be one."""
    if len(password) > 4 * LONGEST_PASSWORD:
        return None
    composed = unicodedata.normalize("NFKC", password)
    if len(composed) > LONGEST_PASSWORD:
        return None
    try:
        composed.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return composed
