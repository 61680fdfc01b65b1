"""The try of the control ``nothing-leaves``, under the rules that are generated, in a network of
its own; and what it sees of connections."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ringfence.entry.egress.rules import nftables, units
from ringfence.entry.promises import way_out
from ringfence.entry.promises.way_out import Running
from ringfence.platform.settings import (
    HttpSettings,
    NodeSettings,
    Settings,
    StorageSettings,
    WebSettings,
)

OURS, EGRESS = 65530, 65531
_NET = """
set -e
ip link set lo up
ip link add v0 type veth peer name v1
ip addr add 203.0.113.5/24 dev v0
ip link set v0 up; ip link set v1 up
ip route add default via 203.0.113.1
[ -z "$1" ] || nft -f "$1"
setpriv --reuid=$2 --regid=$2 --clear-groups sleep 60 & echo $!
setpriv --reuid=$3 --regid=$3 --clear-groups sleep 60 & echo $!
echo ready
wait
"""
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "setpriv"))),
    reason="only root makes networks and becomes others",
)
needs_nft = pytest.mark.skipif(shutil.which("nft") is None, reason="nftables is not installed")


@contextlib.contextmanager
def network(table: Path | str) -> Iterator[list[Running]]:
    """A worker and an egress process, as two users, where there is a way out."""
    arguments = [str(table), str(OURS), str(EGRESS)]
    shell = subprocess.Popen(
        ["unshare", "-n", "sh", "-c", _NET, "sh", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert shell.stdout is not None and shell.stderr is not None
    try:
        said = [shell.stdout.readline().strip() for _ in range(3)]
        if said[-1] != "ready":
            pytest.skip(f"no network could be made: {shell.stderr.read()[-200:]}")
        worker, egress = map(int, said[:2])
        for pid, user in ((worker, OURS), (egress, EGRESS)):
            while psutil.Process(pid).uids().effective != user:  # it is about to become that one
                time.sleep(0.01)
        yield [Running("worker", worker), Running("egress", egress)]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, 9)
        shell.wait()


@pytest.fixture
def place(tmp_path: Path) -> Settings:
    return Settings(node=NodeSettings(data_dir=tmp_path))


@needs_root
def test_without_a_rule_others_can_send(place: Settings) -> None:
    with network("") as processes:
        assert way_out.why_unforced(processes) == "worker can send to other machines"


@needs_root
@needs_nft
def test_under_the_generated_table_only_the_egress_process_can(
    place: Settings, tmp_path: Path
) -> None:
    table = tmp_path / "ringfence.nft"
    table.write_text(nftables(place, user=str(OURS)))
    with network(table) as (worker, egress):
        assert way_out.why_unforced([worker, egress]) == ""
        assert way_out.why_unforced([worker]) != "", "that nothing leaves is no rule"
        stranger = Running("egress", worker.pid)
        assert "cannot send either" in way_out.why_unforced([worker, stranger])
        assert way_out.why_unforced([Running("worker", egress.pid), egress]).startswith("worker")


@needs_nft
@needs_root
@pytest.mark.parametrize("change", [{}, {"storage": StorageSettings(url="s3://bucket/x")}])
def test_the_table_is_one(place: Settings, tmp_path: Path, change: dict[str, object]) -> None:
    file = tmp_path / "ringfence.nft"
    file.write_text(nftables(place.model_copy(update=change), user=str(OURS)))
    done = subprocess.run(["nft", "-c", "-f", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_units_are_units(place: Settings, tmp_path: Path) -> None:
    made = units(place, tmp_path, None)
    assert {"ringfence-egress.service", "ringfence-worker.service"} <= made.keys()
    cut_off = {name for name, text in made.items() if "IPAddressDeny=any" in text}
    assert cut_off >= {f"ringfence-{name}.service" for name in ("control", "worker", "keys", "web")}
    assert not any(name.startswith(("ringfence-egress", "ringfence-signal")) for name in cut_off)
    assert "User=ringfence-egress\n" in made["ringfence-egress.service"]
    assert [name for name, text in made.items() if "User=ringfence-egress\n" in text] == [
        "ringfence-egress.service"
    ]
    open_web = place.model_copy(update={"web": WebSettings(host="0.0.0.0")})
    assert "IPAddressDeny" not in units(open_web, tmp_path, None)["ringfence-web.service"]
    assert HttpSettings().host == "127.0.0.1"
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    for name, text in made.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / name) for name in made)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if "ringfence-" in line], done.stderr


def test_a_connection_out_is_seen_while_it_is_there() -> None:
    def seen() -> set[str]:
        here = [Running("examiner", pid) for pid in dict.fromkeys(way_out.family(os.getpid()))]
        return {way_out.subject(one.name, address) for one, address in way_out.outward(here)}

    assert seen() == set()
    try:
        with way_out.a_connection_out() as subject:
            assert seen() == {subject}
    except RuntimeError:
        pytest.skip("there is no way out of here")
    assert seen() == set()


def test_own_addresses_are_not_foreign() -> None:
    assert not way_out.is_foreign("127.0.0.1")
    assert not way_out.is_foreign("::1")
    assert not way_out.is_foreign("::ffff:127.0.0.1")
    assert way_out.is_foreign(way_out.FOREIGN)
    assert way_out.is_foreign("2001:db8::1")
