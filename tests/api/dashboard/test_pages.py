"""The dashboard and /docs load nothing from other servers."""

import re

import httpx
import pytest


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_assets_from_this_service_only(client: httpx.Client, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assets = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert assets
    for asset in assets:
        assert client.get(f"/{asset}").status_code == 200, asset


def test_browsers_must_use_the_declared_type_of_assets(client: httpx.Client) -> None:
    script = client.get("/dashboard/js/app.js")
    assert script.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in script.headers["content-security-policy"]
    assert client.get("/dashboard/../app.py").status_code == 404
    assert client.get("/dashboard/%2e%2e/app.py").status_code == 404


def test_the_page_of_the_documentation_keeps_no_key(client: httpx.Client) -> None:
    assert "persistAuthorization" not in client.get("/dashboard/js/docs.js").text
