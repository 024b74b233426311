"""What the environment of a kernel gets, beside what the user has put there."""

from __future__ import annotations

from uuid import UUID

from insighter_ext.credentials.service import IssuedCredential
from server_handlers.kernels import variables

URL = "http://127.0.0.1:8888/user/ana"
ISSUED = IssuedCredential(UUID(int=1), UUID(int=2), "ixk_secret")


def test_everything_leads_to_the_project() -> None:
    ours = variables(URL, ISSUED, {"PATH": "/bin"})
    assert ours["INSIGHTER_URL"] == URL and ours["INSIGHTER_PROJECT"] == str(UUID(int=2))
    assert ours["MLFLOW_TRACKING_URI"] == f"{URL}/insighter/mlflow"
    assert ours["MLFLOW_TRACKING_TOKEN"] == ours["INSIGHTER_TOKEN"] == "ixk_secret"
    assert not {"PATH", "NO_PROXY", "no_proxy"} & set(ours)


def test_a_tracking_server_of_the_user_s_own_stays_and_gets_no_credential() -> None:
    ours = variables(URL, ISSUED, {"MLFLOW_TRACKING_URI": "https://mlflow.example.org"})
    assert not [name for name in ours if name.startswith("MLFLOW")]
    assert ours["INSIGHTER_TOKEN"] == "ixk_secret"


def test_a_server_started_from_a_kernel_does_not_send_its_kernels_to_the_old_one() -> None:
    old = variables("http://127.0.0.1:1", IssuedCredential(UUID(int=3), UUID(int=4), "ixk_old"), {})
    ours = variables(URL, ISSUED, old)
    assert ours["MLFLOW_TRACKING_URI"].startswith(URL) and "ixk_old" not in ours.values()


def test_a_proxy_is_not_asked_for_this_machine() -> None:
    ours = variables(URL, ISSUED, {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "intranet"})
    assert ours["NO_PROXY"] == "intranet,127.0.0.1" and ours["no_proxy"] == "127.0.0.1"
