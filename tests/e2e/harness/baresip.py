"""baresip, a phone of other people's making, as a user has it."""

import math
import os
import signal
import struct
import subprocess
import wave
from pathlib import Path

from ringfence.entry.phone.sound import WINDOW, tones_in

_CONFIG = """\
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
sip_listen {host}:5060
net_interface {host}
audio_source aufile,{folder}/tone.wav
audio_player aubridge,ear
snd_path {folder}
audio_srate 8000
audio_channels 1
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
"""


class Baresip:
    """A baresip that sends a tone and writes what it hears to a WAV file."""

    def __init__(self, folder: Path, host: str, platform: str) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "config").write_text(_CONFIG.format(host=host, folder=folder))
        (folder / "contacts").touch()
        self._platform = platform

    def dial(self, caller: str, uri: str, tone: int) -> None:
        """Call, and send this tone."""
        self._run(f"<sip:{caller}@{self._platform}>;regint=0", tone, "-e", f"/dial {uri}")

    def register(self, username: str, password: str, tone: int, *, transport: str = "udp") -> None:
        """Log in, take every call, and send this tone to each."""
        self._run(
            f"<sip:{username}@{self._platform};transport={transport}>;auth_user={username};"
            f"auth_pass={password};regint=3600;answermode=auto",
            tone,
        )

    def _run(self, account: str, tone: int, *command: str) -> None:
        (self.folder / "accounts").write_text(f"{account};audio_codecs=PCMU\n")
        with wave.open(str(self.folder / "tone.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            for n in range(8000 * 20):
                sample = 8000 * math.sin(2 * math.pi * tone * n / 8000)
                file.writeframesraw(struct.pack("<h", round(sample)))
        with (self.folder / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                ["baresip", "-4", "-f", str(self.folder), *command, "-t", "60"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return (self.folder / "output.log").read_text(errors="replace")

    def quit(self) -> None:
        """End it as its user would: calls are hung up."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def heard(self) -> set[int]:
        """Tones in every whole 100 ms of what it decoded, the first half second of each call left
        out."""
        paths = list(self.folder.glob("dump-*-dec.wav"))
        assert paths, "it took no call"
        found: set[int] = set()
        for path in paths:
            with wave.open(str(path)) as file:
                data = file.readframes(file.getnframes())
            samples = list(struct.unpack(f"<{len(data) // 2}h", data))[4000:]
            for at in range(0, len(samples) - WINDOW + 1, WINDOW):
                found |= tones_in(samples[at : at + WINDOW])
        return found

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
