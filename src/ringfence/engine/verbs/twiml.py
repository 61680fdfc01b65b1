"""A TwiML document as a program: its verbs one after the other, requests where it hands over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import urljoin, urlsplit
from uuid import UUID

import msgspec

from ringfence.engine.verbs import model
from ringfence.protocols import twiml
from ringfence.protocols.twiml import TwimlError

REMOTE = "url:"
"""Marks a source that is still at its URL; no program leaves ``control`` with one."""

_THEIR_VOICE = re.compile(r"(man|woman|alice|(Polly|Google|gcloud|ElevenLabs)\..+)?", re.IGNORECASE)
_UNLIMITED_DIGITS = 128
_BUSY, _DECLINE = 486, 603


def compile_document(
    document: twiml.Document,
    base_url: str,
    *,
    trunk_for: Callable[[str], UUID | None],
    device_for: Callable[[str], UUID | None],
    may_present: Callable[[str], bool],
) -> model.Program:
    """The program of the document that came from ``base_url``.

    Sources of Play and Hold are ``url:<URL>``. ``trunk_for`` gives the trunk that a number (E.164)
    is dialled through, ``device_for`` the device of a user's name, ``may_present`` whether a number
    may be shown as caller. Raises TwimlError with code ``destination``, ``caller_id`` or ``url``.
    """
    return _Compiler(base_url, trunk_for, device_for, may_present).program(document)


def remote_audio(program: model.Program) -> frozenset[str]:
    """URLs of what a program plays from elsewhere."""
    found: set[str] = set()

    def note(source: str) -> str:
        if source.startswith(REMOTE):
            found.add(source.removeprefix(REMOTE))
        return source

    _with_sources(program, note)
    return frozenset(found)


def with_audio(program: model.Program, files: Mapping[str, str]) -> model.Program:
    """The program playing the file of each URL. Raises KeyError for one that has none."""

    def local(source: str) -> str:
        if not source.startswith(REMOTE):
            return source
        return f"file:{files[source.removeprefix(REMOTE)]}"

    return _with_sources(program, local)


def _with_sources(program: model.Program, change: Callable[[str], str]) -> model.Program:
    nodes = {
        name: model.Node(_verb_with_sources(node.verb, change), node.next)
        for name, node in program.nodes.items()
    }
    return msgspec.structs.replace(program, nodes=nodes)


def _verb_with_sources(verb: model.Verb, change: Callable[[str], str]) -> model.Verb:
    def prompts(items: tuple[model.Prompt, ...]) -> tuple[model.Prompt, ...]:
        return tuple(
            msgspec.structs.replace(item, source=change(item.source))
            if isinstance(item, model.Play)
            else item
            for item in items
        )

    match verb:
        case model.Play() | model.Hold():
            return msgspec.structs.replace(verb, source=change(verb.source))
        case model.Gather():
            return msgspec.structs.replace(verb, prompts=prompts(verb.prompts))
        case model.Dial():
            return msgspec.structs.replace(
                verb,
                ringback=change(verb.ringback),
                music=change(verb.music),
                whisper=prompts(verb.whisper),
            )
    return verb


class _Compiler:
    def __init__(
        self,
        base_url: str,
        trunk_for: Callable[[str], UUID | None],
        device_for: Callable[[str], UUID | None],
        may_present: Callable[[str], bool],
    ) -> None:
        self._base = base_url
        self._trunk_for = trunk_for
        self._device_for = device_for
        self._may_present = may_present
        self._nodes: dict[str, model.Node] = {}

    def program(self, document: twiml.Document) -> model.Program:
        verbs = [v for v in document.verbs if not (isinstance(v, twiml.Say) and not v.text)]
        for index, verb in enumerate(verbs):
            after = str(index + 1) if index + 1 < len(verbs) else None
            self._add(str(index), verb, after)
        if not verbs:
            self._nodes["0"] = model.Node(model.Hangup())
        return model.Program("0", self._nodes)

    def _add(self, name: str, verb: twiml.Verb, after: str | None) -> None:
        then = {} if after is None else {"": after}
        match verb:
            case twiml.Say() | twiml.Play() | twiml.Pause():
                made: model.Verb = self._prompt(verb)
            case twiml.Gather():
                made = self._gather(verb)
                action = self._action(name, verb)
                then = {"": action} if verb.action_on_empty_result else {"digits": action, **then}
            case twiml.Dial():
                made = self._dial(verb)
                if verb.action is not None:
                    then = {"": self._action(name, verb)}
            case twiml.Record():
                made = model.Record(
                    max_seconds=verb.max_length,
                    silence_seconds=float(verb.timeout),
                    finish_key=verb.finish_on_key,
                    beep=verb.play_beep,
                )
                then = {"done": self._action(name, verb), **then}
            case twiml.Redirect(flow=UUID() as flow):
                made, then = model.Fetch("", flow=flow), {}
            case twiml.Redirect():
                made, then = model.Fetch(self._absolute(verb.url, verb.line), verb.method), {}
            case twiml.Reject():
                status = _BUSY if verb.reason == "busy" else _DECLINE
                made, then = model.Reject(status), {}
            case twiml.Hangup():
                made, then = model.Hangup(), {}
            case twiml.Tag():
                made = model.Tag(verb.name, verb.value)
            case twiml.Hold():
                source = "silence" if verb.music is None else self._audio(verb.music, verb.line)
                made = model.Hold(source, verb.length)
        self._nodes[name] = model.Node(made, then)

    def _action(self, name: str, verb: twiml.Gather | twiml.Dial | twiml.Record) -> str:
        """Add the request that follows a verb; gives its node."""
        url = self._absolute(verb.action or "", verb.line)
        node = f"{name}.action"
        self._nodes[node] = model.Node(model.Fetch(url, verb.method))
        return node

    def _gather(self, verb: twiml.Gather) -> model.Gather:
        return model.Gather(
            prompts=self._prompts(verb.prompts),
            min_digits=verb.min_digits,
            max_digits=verb.num_digits or _UNLIMITED_DIGITS,
            seconds=float(verb.timeout),
            digit_seconds=float(verb.timeout),
            finish_key=verb.finish_on_key,
            retries=verb.retries,
        )

    def _dial(self, verb: twiml.Dial) -> model.Dial:
        if verb.caller_id is not None and not self._may_present(verb.caller_id):
            message = "<Dial callerId> is neither a number of yours nor the caller's"
            raise TwimlError(verb.line, message, "caller_id")
        whisper = verb.whisper or twiml.Whisper(())
        ringback = "ringback:us"
        if verb.ringback is not None:
            ringback = self._audio(verb.ringback, verb.line)
        return model.Dial(
            targets=tuple(map(self._target, verb.nouns)),
            mode="sequential" if verb.sequential else "parallel",
            timeout_seconds=verb.timeout,
            caller_id=verb.caller_id,
            ringback=ringback,
            music="" if verb.music is None else self._audio(verb.music, verb.line),
            whisper=self._prompts(whisper.prompts),
            confirm=whisper.confirm,
            confirm_seconds=float(whisper.timeout),
            max_seconds=verb.time_limit,
        )

    def _target(self, noun: twiml.Noun) -> model.DialTarget:
        match noun:
            case twiml.Number(number=number):
                trunk = self._trunk_for(number)
                if trunk is None:
                    message = "there is no trunk that numbers can be dialled through"
                    raise TwimlError(noun.line, message, "destination")
                return model.TrunkTarget(trunk, number)
            case twiml.Sip(uri=uri):
                return model.SipTarget(uri)
            case twiml.Client(identity=identity):
                device = self._device_for(identity)
                if device is None:
                    raise TwimlError(noun.line, "<Client> is no user of yours", "destination")
                return model.DeviceTarget(device, identity)

    def _prompts(self, prompts: tuple[twiml.Prompt, ...]) -> tuple[model.Prompt, ...]:
        spoken = (p for p in prompts if not (isinstance(p, twiml.Say) and not p.text))
        return tuple(map(self._prompt, spoken))

    def _prompt(self, prompt: twiml.Prompt) -> model.Prompt:
        match prompt:
            case twiml.Say():
                text = prompt.text.replace("{", "{{").replace("}", "}}")
                voice = "" if _THEIR_VOICE.fullmatch(prompt.voice) else prompt.voice
                # whoever wrote the document was told who calls
                return model.Say(text, voice, prompt.language, prompt.loop, personal=True)
            case twiml.Play():
                return model.Play(self._audio(prompt.url, prompt.line), prompt.loop)
            case twiml.Pause():
                return model.Pause(float(prompt.length))

    def _audio(self, url: str, line: int) -> str:
        return REMOTE + self._absolute(url, line)

    def _absolute(self, url: str, line: int) -> str:
        """RFC 3986 section 5; empty: the document's own URL."""
        try:
            joined = urljoin(self._base, url)
            good = urlsplit(joined).scheme in ("http", "https")
        except ValueError:
            good = False
        if not good:
            raise TwimlError(line, "a URL in the document is none of http or https", "url")
        return joined
