"""Whom a request acts for, once Jupyter has let it in; and the cookie of Insighter's own accounts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from insighter_ext.credentials.service import SESSION_PREFIX

if TYPE_CHECKING:
    from insighter_ext.platform import Platform
    from insighter_ext.principal import Principal

_NO_NAME = re.compile(r"[^A-Za-z0-9]")
_LONGEST_SECRET = 200


def cookie_name(handler: Any) -> str:
    """Of the browser's session: another for each server of a host, as Jupyter's own are."""
    return _NO_NAME.sub("-", f"insighter-session-{handler.request.host}")


def session_secret(handler: Any) -> str | None:
    """What a browser holds for its session, if anything."""
    value = handler.get_cookie(cookie_name(handler))
    return value if value and value.startswith(SESSION_PREFIX) and len(value) <= _LONGEST_SECRET else None


def set_session_cookie(handler: Any, secret: str, seconds: int) -> None:
    """Sign a browser in: no script reads the cookie, and no other site's request carries it."""
    handler.set_cookie(
        cookie_name(handler),
        secret,
        path=handler.base_url,
        httponly=True,
        samesite="Lax",
        secure=handler.request.protocol == "https",
        max_age=seconds,
    )


def clear_session_cookie(handler: Any) -> None:
    """Sign a browser out."""
    handler.clear_cookie(cookie_name(handler), path=handler.base_url)


def insighter_signs_in(provider: Any) -> bool:
    """Whether Insighter's accounts are the server's own sign-in."""
    return bool(getattr(provider, "insighter_accounts", False))


def hub_signs_in(provider: Any) -> bool:
    """Whether JupyterHub is: its provider is a class of the package ``jupyterhub``, or made from one."""
    return any(cls.__module__.partition(".")[0] == "jupyterhub" for cls in type(provider).__mro__)


async def principal_of(handler: Any, platform: Platform) -> Principal | None:
    """The account that a request acts for which Jupyter's sign-in let in.

    JupyterHub's user is the account of the same name. Otherwise it is whoever signed in to Insighter in this browser,
    and then the one local account where there are no others.

    Args:
        handler: any Jupyter handler, past its ``prepare``.

    Returns:
        None where people sign in to accounts and nobody has.
    """
    user = handler.current_user
    if user is None:
        return None
    provider = handler.identity_provider
    if hub_signs_in(provider) and platform.mode == "embedded":
        # The Hub's services have names too, which could be somebody's.
        about = getattr(user, "hub_user", None)
        if isinstance(about, dict) and about.get("kind", "user") != "user":
            return None
        return await platform.accounts.of_hub(user.username)
    if insighter_signs_in(provider):
        holder = getattr(handler, "insighter_holder", None)
        return holder.principal if holder is not None else platform.local_owner
    secret = session_secret(handler)
    if secret is not None:
        holder = await platform.credentials.find(secret)
        if holder is not None:
            return holder.principal
    return platform.owner
