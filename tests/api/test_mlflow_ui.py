"""MLflow's own web pages, served from the installed package."""

from __future__ import annotations

import re

import httpx
import pytest

from server_handlers.mlflow_ui import built_pages
from tests.running import JupyterServer

PAGES = "/insighter/mlflow"


def test_the_page_is_mlflows_with_one_script_before_its_own(api: httpx.Client) -> None:
    page = api.get(f"{PAGES}/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    scripts = re.findall(r'<script[^>]*src="([^"]+)"', page.text)
    assert scripts[0] == "insighter.js"
    theirs = (built_pages() / "index.html").read_text("utf-8")
    assert page.text.replace('<script src="insighter.js"></script>', "") == theirs
    # It may ask this server and no other.
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    for address in [*scripts, *re.findall(r'<link[^>]*href="([^"]+)"', page.text)]:
        found = api.get(f"{PAGES}/{address}")
        assert found.status_code == 200, address
        assert found.headers["x-content-type-options"] == "nosniff"


def test_the_address_without_its_slash_leads_there(api: httpx.Client) -> None:
    moved = api.get(f"{PAGES}?workspace=wine", follow_redirects=False)
    assert moved.status_code == 302
    assert moved.headers["location"] == f"{PAGES}/?workspace=wine"


def test_what_browsers_keep_is_named_by_its_content(api: httpx.Client) -> None:
    script = re.findall(r'src="(static-files/[^"]+)"', api.get(f"{PAGES}/").text)[0]
    found = api.get(f"{PAGES}/{script}")
    assert "max-age=2419200" in found.headers["cache-control"]
    again = api.get(f"{PAGES}/{script}", headers={"If-None-Match": found.headers["etag"]})
    assert again.status_code == 304
    assert api.head(f"{PAGES}/{script}").headers["content-length"] == str(len(found.content))


@pytest.mark.parametrize(
    "path",
    [
        "../__init__.py",
        "..%2f..%2f..%2f__init__.py",
        "%2fetc%2fpasswd",
        "static/js/%2e%2e/%2e%2e/%2e%2e/%2e%2e/app.py",
    ],
)
def test_nothing_else_of_the_package_is_served(server: JupyterServer, path: str) -> None:
    with httpx.Client(base_url=server.url, headers={"Authorization": f"token {server.token}"}) as client:
        # httpx would tidy the path up; this is the path as it is sent.
        request = client.build_request("GET", f"{server.url}{PAGES}/static-files/x")
        request.url = request.url.copy_with(raw_path=f"{PAGES}/static-files/{path}".encode())
        answer = client.send(request)
    assert answer.status_code in {403, 404}, answer.text[:200]


def test_a_person_is_sent_to_sign_in_and_a_program_is_told(server: JupyterServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        person = client.get(f"{PAGES}/?workspace=wine", headers={"Accept": "text/html,*/*"})
        assert person.status_code == 302
        assert person.headers["location"] == "/login?next=%2Finsighter%2Fmlflow%2F%3Fworkspace%3Dwine"
        program = client.get(f"{PAGES}/")
        assert program.status_code == 401
        assert "hint" in program.json()


def test_what_a_page_changes_needs_the_token_that_only_a_page_of_ours_can_read(server: JupyterServer) -> None:
    """A cookie alone, which another site's form would carry too, changes nothing."""
    with httpx.Client(base_url=server.url) as browser:
        browser.get("/lab", params={"token": server.token})
        browser.get(f"{PAGES}/")
        body = {"name": "by a form of another site"}
        create = f"{PAGES}/ajax-api/2.0/mlflow/experiments/create"
        assert browser.post(create, json=body).status_code == 403
        token = browser.cookies["_xsrf"]
        made = browser.post(create, json={"name": "by a page"}, headers={"X-XSRFToken": token})
        assert made.status_code == 200, made.text
