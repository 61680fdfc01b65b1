"""Backup of a whole running installation; an erased caller does not come back by its restore."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.e2e.harness.installation import Installation

from ringfence.platform.postgres import EmbeddedPostgres

pytestmark = pytest.mark.e2e

ROOT = str(Path(__file__).parents[2])
ACT = """
import sys
sys.path.insert(0, sys.argv[1])
from ringfence.entry.database import setup_django
setup_django("cli")
from tests.population import record_call
from ringfence.domains.accounts import api as accounts
from ringfence.domains.calls.models import Call
from ringfence.domains.flows import api as flows
from ringfence.domains.privacy import api as privacy
from ringfence.kernel.ids import Prefix, public_id
from ringfence.platform_django.clock import new_id
from ringfence.platform_django.tenancy import across_tenants
from ringfence.protocols.wav import Encoding, header
tenant = accounts.create_tenant("Restored").id
callers = {}
for index in range(2):
    call = new_id()
    record_call(call, new_id(), tenant, from_number=f"+1212555000{index}")
    with across_tenants("test") as db:
        callers[call] = Call.objects.using(db).get(id=call).caller_id
key = accounts.create_api_key(tenant, scopes=("flows:read",), purposes=()).secret
wav = header(Encoding.PCM16, 8000) + bytes(range(200)) * 40
prompt = flows.upload_prompt(tenant, "Welcome", wav)
print(*callers, key, public_id(Prefix.PROMPT, prompt.id), flush=True)
sys.stdin.readline()
flows.delete_prompt(tenant, prompt.id)
privacy.destroy_person(tenant, next(iter(callers.values())), actor="test")
"""


@pytest.fixture
def installation() -> Iterator[Installation]:
    installation = Installation.create(workers=1)
    backup = installation.folder / "backup"
    installation.environment["RINGFENCE_BACKUP__DIRECTORY"] = str(backup)
    try:
        installation.start()
        yield installation
    finally:
        installation.stop()


def ringfence(installation: Installation, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ringfence.entry.cli", *arguments],
        cwd=installation.folder,
        env=installation.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def audio(installation: Installation, key: str, prompt: str) -> bytes:
    """What a tenant uploaded, as the API gives it."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{installation.web_port}/api/v1/prompts/{prompt}/audio",
        headers={"Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: bytes = answer.read()
    return found


def test_an_erased_person_does_not_come_back(installation: Installation) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ACT, ROOT],
        cwd=installation.folder,
        env=installation.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as actor:
        assert actor.stdout is not None
        first, second, key, prompt = actor.stdout.readline().split()
        spoken = audio(installation, key, prompt)
        made = json.loads(installation.cli("backup", plain=True))
        actor.communicate("erase\n", timeout=90)
    assert actor.returncode == 0
    assert list((installation.folder / "var" / "prompts").rglob("*.wav")) == []
    assert made["contains_slots"] is made["contains_root_key"] is False
    assert Path(made["path"], "keys.sqlite").exists()
    refused = ringfence(installation, "restore")
    assert refused.returncode == 2
    assert "already_running" in refused.stderr
    assert installation.process is not None
    installation.process.terminate()
    installation.process.wait(60)

    done = json.loads(
        installation.cli("restore", "--to", made["finished_at"], plain=True, within=120)
    )
    # The hourly end of days may stand in the journal beside it.
    assert done["erasures_replayed"] >= 1
    data = installation.folder / "var"
    assert not (data / "closed").exists()
    config = (installation.folder / "ringfence.toml").read_text()
    port = int(config.split("embedded_port = ")[1].split()[0])
    server = EmbeddedPostgres(data, data / "run", port)
    server.start()
    try:
        url = server.superuser_url.replace("/postgres?", "/ringfence?")
        with psycopg.connect(url) as connection:
            rows = connection.execute(
                "SELECT id::text, caller_sealed IS NULL FROM calls_call ORDER BY id"
            ).fetchall()
            orders = connection.execute(
                "SELECT count(*) FROM privacy_erasure WHERE kind = 'person'"
            ).fetchone()
    finally:
        server.stop()
    assert rows == [(first, True), (second, False)]
    assert orders == (0,)  # this database is from before the erasure: the journal told of it
    (installation.folder / "serve.log").unlink()  # of the first run
    installation.start()
    assert {item["state"] for item in installation.status().values()} == {"ready"}
    assert audio(installation, key, prompt) == spoken  # deleted since the backup, with its row
