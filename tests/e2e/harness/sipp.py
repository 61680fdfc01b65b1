"""SIPp as a judge: runs a scenario of tests/e2e/sipp and reads SIPp's own logs and exit code."""

import asyncio
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.e2e.harness.wait import happens

SCENARIOS = Path(__file__).parent.parent / "sipp"
_TRANSPORT = {"udp": "u1", "tcp": "t1"}
_BLOCK = re.compile(
    r"^-{30,} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+)\s*\n"
    r"(?:UDP|TCP) message (sent|received)[^\n]*\n+"
    r"(.*?)(?=^-{30,} \d{4}-|\Z)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Line:
    """One call of a SIPp: who calls, the RTP port in its SDP, whom it calls."""

    caller: str
    rtp_port: int = 9
    called: str = "service"


@dataclass
class Traced:
    """One message of SIPp's message trace."""

    sent: bool
    at: float
    """Seconds since the Unix epoch."""
    text: str

    @property
    def first_line(self) -> str:
        return self.text.split("\n", 1)[0].strip()

    @property
    def method(self) -> str:
        return "" if self.first_line.startswith("SIP/2.0") else self.first_line.split(" ")[0]

    @property
    def status(self) -> int:
        return int(self.first_line.split(" ")[1]) if not self.method else 0

    def header(self, name: str) -> str:
        match = re.search(rf"^{re.escape(name)}:[ \t]*(.*)$", self.text, re.MULTILINE | re.I)
        return match[1].strip() if match else ""


@dataclass
class Sipp:
    """A running SIPp."""

    process: subprocess.Popen[bytes]
    folder: Path
    address: tuple[str, int]
    scenario: str

    @property
    def messages(self) -> list[Traced]:
        """The message trace so far, in order."""
        path = self.folder / "messages.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return [
            Traced(match[2] == "sent", _epoch(match[1]), match[3].strip("\r\n"))
            for match in _BLOCK.finditer(text)
        ]

    def seen(self, what: str | int, *, sent: bool = False, cseq: str = "") -> list[Traced]:
        """Requests of a method or responses of a status, received unless ``sent``."""
        return [
            message
            for message in self.messages
            if message.sent is sent
            and what in (message.method, message.status)
            and message.header("CSeq").endswith(cseq)
        ]

    @property
    def marks(self) -> list[tuple[str, str, str, int]]:
        """What the scenario logged: (kind, caller, host, port)."""
        path = self.folder / "marks.log"
        if not path.exists():
            return []
        lines = [line.split() for line in path.read_text().splitlines()]
        return [(w[0], w[1], w[2], int(w[3])) for w in lines if len(w) == 4]

    async def rtp_target(self, caller: str, within: float = 10.0) -> tuple[str, int]:
        """Where the peer's SDP of this caller's call wants audio."""

        def find() -> tuple[str, int] | None:
            for kind, who, host, port in self.marks:
                if kind == "rtp" and who.lstrip("+") == caller.lstrip("+"):
                    return host, port
            return None

        target = await happens(find, within, what=f"{self.scenario}: SDP of the peer")
        assert target is not None
        return target

    async def passed(self, within: float = 20.0) -> None:
        """Wait for its end; every call must have followed the scenario to its end."""
        code = await asyncio.to_thread(self._wait, within)
        assert code == 0, f"{self.scenario} ended with {code}\n{self.report()}"

    def _wait(self, within: float) -> int | str:
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.stop()
            return f"no end in {within} s"

    def report(self) -> str:
        """The logs, for a failure message."""
        parts = []
        for name in ("errors.log", "output.log", "messages.log"):
            path = self.folder / name
            if path.exists():
                parts.append(f"--- {name}\n{path.read_text(errors='replace')[-6000:]}")
        return "\n".join(parts)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).astimezone().timestamp()


class SippRunner:
    """Starts SIPps in a folder and ends all of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[Sipp] = []

    async def start(
        self,
        scenario: str,
        *,
        host: str,
        port: int,
        lines: list[Line],
        peer: tuple[str, int] | None = None,
        transport: str = "udp",
        talk_ms: int = 1000,
        rate: int = 10,
        calls: int | None = None,
        status: int | None = None,
        login: tuple[str, str] | None = None,
        limit_s: int = 60,
        trace: bool = True,
        extra: tuple[str, ...] = (),
    ) -> Sipp:
        """Run ``scenario`` for ``calls`` calls (one per line if not said) from ``host:port``."""
        folder = self.folder / f"{len(self._running):02}-{scenario}"
        folder.mkdir(parents=True)
        xml = (SCENARIOS / f"{scenario}.xml").read_text()
        (folder / "scenario.xml").write_text(xml.replace("@STATUS@", str(status)))
        rows = [f"{line.caller};{line.rtp_port};{line.called}" for line in lines]
        (folder / "rtp.csv").write_text("\n".join(["SEQUENTIAL", *rows, ""]))
        command = ["sipp", "-sf", "scenario.xml", "-inf", "rtp.csv", "-infindex", "rtp.csv", "0"]
        command += ["-i", host, "-p", str(port), "-bind_local", "-t", _TRANSPORT[transport]]
        command += ["-mi", host, "-m", str(calls or len(lines)), "-r", str(rate), "-l", "5000"]
        command += ["-d", str(talk_ms), "-nostdin", "-timeout", f"{limit_s}s", "-timeout_error"]
        command += ["-trace_err", "-error_file", "errors.log"]
        command += ["-trace_logs", "-log_file", "marks.log"]
        if trace:
            command += ["-trace_msg", "-message_file", "messages.log"]
        if login is not None:
            command += ["-au", login[0], "-ap", login[1]]
        command += extra
        if peer is not None:
            command.append(f"{peer[0]}:{peer[1]}")
        with (folder / "output.log").open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=os.environ | {"TERM": "dumb"},
            )
        sipp = Sipp(process, folder, (host, port), scenario)
        self._running.append(sipp)
        if peer is None:
            await happens(
                lambda: process.poll() is not None or listening(host, port, transport),
                what=f"{scenario} listens",
            )
            assert process.poll() is None, sipp.report()
        return sipp

    def stop(self) -> None:
        """End all; what went wrong is printed, which pytest shows when the test failed."""
        for sipp in self._running:
            sipp.stop()
            if sipp.process.returncode:
                print(f"=== {sipp.scenario}: {sipp.process.returncode}\n{sipp.report()}")


def listening(host: str, port: int, transport: str) -> bool:
    """Whether a socket of this machine is bound there."""
    packed = "".join(f"{int(part):02X}" for part in reversed(host.split(".")))
    state = "0A" if transport == "tcp" else "07"
    table = Path(f"/proc/net/{transport}").read_text()
    return any(
        words[1] == f"{packed}:{port:04X}" and words[3] == state
        for words in map(str.split, table.splitlines()[1:])
    )
