"""The main call again with a phone of other people's making."""

import asyncio
import math
import os
import signal
import struct
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.harness.ears import listen
from tests.e2e.harness.peers import need
from tests.e2e.harness.wait import happens
from tests.e2e.harness.world import World

from ringfence.entry.phone import Phone
from ringfence.entry.phone.sound import WINDOW, tones_in

pytestmark = pytest.mark.e2e

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
        account = f"<sip:{caller}@{self._platform}>;regint=0;audio_codecs=PCMU\n"
        (self.folder / "accounts").write_text(account)
        with wave.open(str(self.folder / "tone.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            for n in range(8000 * 20):
                sample = 8000 * math.sin(2 * math.pi * tone * n / 8000)
                file.writeframesraw(struct.pack("<h", round(sample)))
        with (self.folder / "output.log").open("wb") as output:
            self._process = subprocess.Popen(
                ["baresip", "-4", "-f", str(self.folder), "-e", f"/dial {uri}", "-t", "30"],
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
        """Tones in every whole 100 ms of what it decoded, its first half second left out."""
        (path,) = self.folder.glob("dump-*-dec.wav")
        with wave.open(str(path)) as file:
            data = file.readframes(file.getnframes())
        samples = list(struct.unpack(f"<{len(data) // 2}h", data))[4000:]
        found: set[int] = set()
        for at in range(0, len(samples) - WINDOW + 1, WINDOW):
            found |= tones_in(samples[at : at + WINDOW])
        return found

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@pytest.fixture
def baresip(world: World, tmp_path: Path) -> Iterator[Baresip]:
    need("baresip", "baresip")
    phone = Baresip(tmp_path, world.installation.caller(), world.installation.host)
    yield phone
    phone.stop()
    print((tmp_path / "output.log").read_text(errors="replace")[-3000:])


@pytest.mark.parametrize("leaver", ["baresip", "desk"])
async def test_baresip_calls_through_the_platform(
    world: World, baresip: Baresip, leaver: str
) -> None:
    place = world.installation
    async with Phone(place.callee()) as desk:
        number = await asyncio.to_thread(world.number_for, desk)
        caller = place.telephone()
        baresip.dial(caller, place.uri(number), tone=440)
        taken = await desk.incoming()
        assert taken.peer_number == caller
        taken.ring()
        taken.answer(tone=1230)
        await taken.acknowledged()
        await happens(lambda: "Call established" in baresip.output)
        await listen(taken.audio, packets=100)
        assert taken.heard().only(440), taken.heard()
        if leaver == "desk":
            assert await taken.hangup() == 200
            await happens(lambda: "terminated" in baresip.output)
        else:
            baresip.quit()
            await taken.ended()
            assert taken.ended_by == "remote"
    record = await world.record(caller)
    expected = {"baresip": "caller_hangup", "desk": "callee_hangup"}[leaver]
    assert (record["disposition"], record["end_reason"]) == ("answered", expected)
    baresip.quit()
    await happens(lambda: baresip.heard() == {1230}, what="a clean tone in baresip's own recording")
