"""The messages of RFC 4475 and RFC 5118, byte for byte, and the verdict that each RFC asks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ringfence.engine.signalling.examine import judge
from ringfence.entry.sip import lint

FIXTURES = Path(__file__).parent / "fixtures" / "sip"
ACCEPTED = """
    rfc4475: badbranch baddate cparam01 cparam02 dblreq esc01 escnull inv2543 longreq lwsdisp
      noreason regescrt semiuri transports unreason wsinv zeromf
    rfc5118: ipv4-mapped-ipv6 ipv6-bug-abnf-3-colons ipv6-correct-abnf-2-colons ipv6-good
      ipv6-in-sdp mult-ip-in-header mult-ip-in-sdp port-ambiguous port-unambiguous
      via-received-param-no-delim via-received-param-with-delim
"""
IGNORED = {"bcast", "bigcode", "scalarlg"}
REJECTED = {
    400: "badaspec baddn badinv01 clerr escruri insuf ltgtruri lwsruri lwsstart mcl01 mismatch01"
    " multi01 ncl quotbal regbadct scalar02 trws unksm2 ipv6-bad",
    401: "regaut01",
    405: "mpart01",
    406: "sdp01",
    415: "invut",
    416: "novelsc unkscm",
    420: "bext01",
    501: "esc02 intmeth mismatch02",
    505: "badvers",
}
WANTED: dict[str, tuple[str, int | None]] = {
    **{name: ("accepted", None) for name in ACCEPTED.split() if not name.endswith(":")},
    **dict.fromkeys(IGNORED, ("ignored", None)),
    **{name: ("rejected", status) for status, names in REJECTED.items() for name in names.split()},
}
FILES = {path.stem: path for rfc in ("rfc4475", "rfc5118") for path in (FIXTURES / rfc).iterdir()}


def told(*arguments: str) -> list[dict[str, object]]:
    done = CliRunner().invoke(lint, ["--json", *arguments])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines()]


def test_every_message_has_its_verdict() -> None:
    assert len(list((FIXTURES / "rfc4475").iterdir())) == 49
    found = told(*map(str, FILES.values()))
    assert [one["file"] for one in found] == [str(path) for path in FILES.values()]
    verdicts = {
        name: (one["verdict"], one["status"]) for name, one in zip(FILES, found, strict=True)
    }
    assert verdicts == WANTED
    assert all(one["reason"] for one in found if one["verdict"] != "accepted")


def test_what_a_connection_carried_is_judged_message_by_message(tmp_path: Path) -> None:
    path = tmp_path / "stream"
    wsinv, esc02 = (FILES[name].read_bytes() for name in ("wsinv", "esc02"))
    path.write_bytes(b"\r\n\r\n" + wsinv + esc02 + wsinv[:100])
    found = [(one["verdict"], one["status"]) for one in told("--stream", str(path))]
    assert found == [("accepted", None), ("rejected", 501), ("ignored", None)]
    with_body = FILES["wsinv"].read_bytes().rstrip(b"\r\n")
    with_body = with_body.replace(b"150", b"148")
    path.write_bytes(b"\r\n" + with_body)
    assert [one["verdict"] for one in told("--stream", str(path))] == ["accepted"]
    path.write_bytes(esc02 + FILES["ncl"].read_bytes() + wsinv)
    *first, last = told("--stream", str(path))
    assert [one["status"] for one in first] == [501]
    assert str(last["reason"]).startswith("the connection ends: ")


def test_people_read_a_line_each(tmp_path: Path) -> None:
    done = CliRunner().invoke(lint, [str(FILES["mcl01"]), str(FILES["wsinv"])])
    assert done.output.splitlines() == [
        f"{FILES['mcl01']}: rejected 400 header field repeated",
        f"{FILES['wsinv']}: accepted",
    ]
    assert CliRunner().invoke(lint, [str(tmp_path / "none")]).exit_code == 2


@pytest.mark.parametrize(
    ("field", "status"),
    [
        (b"Accept: text/plain, application/sdp;level=1", None),
        (b"Accept: */*", None),
        (b"Accept: text/plain", 406),
        (b"Content-Encoding: gzip", 415),
        (b"Content-Encoding: identity", None),
        (b"Max-Forwards: 00", 483),
        (b"Max-Forwards: 00255", None),
        (b"Max-Forwards: 4711", 400),
        (b"Max-Forwards: some", 400),
        (b"Require: timer, 100rel", 420),
    ],
)
def test_one_field_of_an_invite(field: bytes, status: int | None) -> None:
    data = (FIXTURES / "valid" / "baresip_invite.sip").read_bytes()
    name = field.partition(b":")[0]
    lines = [line for line in data.split(b"\r\n") if not line.startswith(name + b":")]
    changed = b"\r\n".join([lines[0], field, *lines[1:]])
    assert judge(changed).status == status
