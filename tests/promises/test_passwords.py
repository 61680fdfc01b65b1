"""A password is nowhere but in the head of who chose it."""

from __future__ import annotations

import logging

import psycopg
import pytest
from psycopg import sql
from tests.signing_in import OTHER, browser, configured, link_in, log_in, mails, signed_in

from ringfence.platform.database import DatabaseUrls

ADDRESS = "ada@engines.example"
PLANTED = "planted7Kq zebra umbrella"


def everything(url: str) -> dict[str, str]:
    """All rows of all tables, as text."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p')"
        ).fetchall()
        return {
            table: str(
                connection.execute(
                    sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
                ).fetchall()
            )
            for (table,) in tables
        }


@pytest.mark.promise("CLX-02.A-02")
def test_passwords_are_kept_as_argon2id_hashes_alone(
    db: DatabaseUrls, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with configured("accounts", sign_up="open"):
        client = browser()
        new = {"name": "Ada", "company": "Engines", "email": ADDRESS, "password1": PLANTED}
        new["of_age"] = "on"
        assert client.post("/accounts/signup/", new).status_code == 302
        short = {**new, "email": "b@engines.example", "password1": PLANTED[:11]}
        assert client.post("/accounts/signup/", short).status_code == 200
    client.post(link_in(mails()[-1]))
    assert not signed_in(client)
    log_in(client, ADDRESS, PLANTED + " wrong")
    log_in(client, ADDRESS, PLANTED)
    assert signed_in(client)
    body = {"email": ADDRESS, "password": PLANTED}
    browser().post("/_allauth/browser/v1/auth/login", body, content_type="application/json")

    found = everything(db.owner)
    assert ADDRESS in found["account_emailaddress"], "the scan sees what is in clear"
    assert "argon2$argon2id$" in found["identity_user"]
    planted = (PLANTED, PLANTED[:11], PLANTED.encode().hex())
    for table, text in found.items():
        for clear in planted:
            assert clear not in text, table
    logging.getLogger("ringfence.test").info("marker %s", OTHER)
    assert OTHER in caplog.text, "the log is caught"
    for clear in planted:
        assert clear not in caplog.text
