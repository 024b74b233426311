"""The API's types of accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from insighter_ext.config import Mode
from insighter_ext.models import Model, View
from insighter_ext.principal import Role
from insighter_ext.status import Me

Address = Annotated[str, Field(max_length=320, description="An e-mail address.")]
Password = Annotated[str, Field(max_length=1000)]
Code = Annotated[
    str, Field(max_length=200, repr=False, description="From the mail, or from who runs the server.")
]


class AuthInfo(View):
    """How people sign in here."""

    mode: Mode
    accounts: bool = Field(description="Whether people sign in to accounts of their own.")
    login_page: bool = Field(description="Whether Insighter's accounts are the server's own sign-in.")
    sign_up: Literal["open", "invited", "closed"]
    sends_mail: bool = Field(
        description="Whether codes come by mail; otherwise who runs the server has them."
    )
    me: Me | None = Field(description="The caller; null where nobody has signed in.")


class SignUp(Model):
    """A new account."""

    email: Address
    password: Password = Field(repr=False)
    display_name: str | None = Field(None, max_length=200)
    invitation: str | None = Field(None, max_length=200, repr=False, description="The code of an invitation.")


class SignIn(Model):
    """An address and its password."""

    email: Address
    password: Password = Field(repr=False)


class Recovery(Model):
    """Whose password was forgotten."""

    email: Address


class RecoveryConfirm(Model):
    """A new password, by a code."""

    email: Address
    code: Code = Field(repr=False)
    password: Password = Field(repr=False)


class Confirmation(Model):
    """Whose confirmation did not come."""

    email: Address


class ConfirmationConfirm(Model):
    """Proof of an address, by a code."""

    email: Address
    code: Code = Field(repr=False)


class SignedIn(View):
    """The outcome of a sign-in; the cookie comes with it."""

    signed_in: bool
    me: Me | None = Field(description="Null where the address has to be confirmed first.")


class Sent(View):
    """Whether a mail was sent, if there is such an account; the answer tells nothing about it."""

    sent: bool


class TokenRequest(Model):
    """What a program signs in with."""

    grant_type: Literal["password", "refresh_token"]
    email: Address | None = None
    password: Password | None = Field(None, repr=False)
    refresh_token: str | None = Field(None, max_length=5000, repr=False)

    @model_validator(mode="after")
    def _complete(self) -> TokenRequest:
        if self.grant_type == "password" and (self.email is None or self.password is None):
            raise ValueError("the grant type password takes email and password")
        if self.grant_type == "refresh_token" and self.refresh_token is None:
            raise ValueError("the grant type refresh_token takes refresh_token")
        return self


class Tokens(View):
    """What a program signs its requests with, as ``Authorization: Bearer <access_token>``."""

    access_token: str = Field(repr=False)
    refresh_token: str = Field(repr=False, description="Good for one exchange.")
    token_type: Literal["bearer"]
    expires_at: datetime


class Account(View):
    """The caller's account."""

    user_id: UUID
    email: str
    display_name: str
    local: bool = Field(description="Whether it is the account of whoever Jupyter lets in.")
    confirmed: bool = Field(description="Whether the address was proved to be the account's.")
    created_at: datetime


class AccountUpdate(Model):
    """Another name."""

    display_name: str = Field(max_length=1000)


class PasswordChange(Model):
    """Another password."""

    current: Password = Field(repr=False)
    new: Password = Field(repr=False)


class SignInSession(View):
    """A sign-in of a browser or a program."""

    id: UUID
    created_at: datetime
    last_used_at: datetime | None
    user_agent: str | None
    ip: str | None
    current: bool = Field(description="Whether it is the one that asks.")


class AccessToken(View):
    """A personal access token, without its secret."""

    id: UUID
    name: str
    project_id: UUID
    project: str | None = Field(description="The project's name; null where it is not to be seen any more.")
    role: Role = Field(description="The highest role the token has; never more than its owner's.")
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewAccessToken(AccessToken):
    """A new one."""

    secret: str = Field(repr=False, description="Shown now and never again.")


class AccessTokenCreate(Model):
    """What a new one shall be good for."""

    name: str = Field(max_length=1000)
    project_id: UUID
    role: Role
    days: int = Field(ge=1, le=365)
