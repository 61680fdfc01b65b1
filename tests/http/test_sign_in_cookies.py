"""Cookies as they are under the installation's public address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

_SCRIPT = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "ringfence.platform_django.settings"
import django; django.setup()
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware, get_token
from django.contrib.sessions.middleware import SessionMiddleware
from ringfence.domains.identity.sign_in import devices, sessions
sessions.SessionStore.save = lambda self, must_create=False: setattr(self, "_session_key", "k" * 32)
request = HttpRequest()
def view(request):
    request.session["x"] = 1
    get_token(request)
    request._ringfence_device = "token"
    return HttpResponse()
def protected(request):
    middleware = CsrfViewMiddleware(view)
    return middleware(request)
response = SessionMiddleware(protected)(request)
devices.set_cookie(request, response)
print(json.dumps({name: dict(morsel) for name, morsel in response.cookies.items()}))
"""


def cookies(public_url: str | None, tmp_path: Any) -> dict[str, dict[str, Any]]:
    """Attributes by name of the cookies that a browser gets."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("RINGFENCE_", "DJANGO_"))}
    clean["RINGFENCE_NODE__DATA_DIR"] = str(tmp_path)
    if public_url is not None:
        clean["RINGFENCE_WEB__PUBLIC_URL"] = public_url
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], env=clean, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def test_under_https_cookies_are_of_this_host_and_secure(tmp_path: Any) -> None:
    found = cookies("https://console.example.net", tmp_path)
    assert set(found) == {"__Host-sessionid", "__Host-csrftoken", "__Host-device"}
    for name, flags in found.items():
        assert flags["secure"] is True, name
        assert flags["samesite"] == "Lax", name
        assert (flags["path"], flags["domain"]) == ("/", ""), name
    assert found["__Host-sessionid"]["httponly"] is True
    assert found["__Host-device"]["httponly"] is True


@pytest.mark.parametrize("public_url", [None, "http://localhost:8080"])
def test_on_a_machine_of_ones_own_they_work_without_tls(
    public_url: str | None, tmp_path: Any
) -> None:
    found = cookies(public_url, tmp_path)
    assert set(found) == {"sessionid", "csrftoken", "device"}
    assert found["sessionid"]["httponly"] is True
    assert not found["sessionid"]["secure"]
