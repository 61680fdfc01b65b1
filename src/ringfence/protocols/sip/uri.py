"""SIP, SIPS and tel URIs (RFC 3261 section 19.1, RFC 3966)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from ringfence.protocols.sip.errors import SipError

_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?")
_USER = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,;?/%#\[\]{}|^`\\\"]*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_TEL = re.compile(r"\+?[0-9A-Fa-f*#().-]+")
_SPACE = re.compile(r"\s")
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9\-.!%*_+`'~\[\]:/&$()?@=^{}|#]+")


@dataclass(frozen=True, slots=True)
class SipUri:
    """A parsed URI. For ``tel:`` the number is the user and the host is empty."""

    scheme: str
    user: str
    host: str
    port: int | None = None
    params: dict[str, str | None] = field(default_factory=dict)
    headers: str = ""

    @property
    def transport(self) -> str | None:
        """The transport parameter in lower case, if any."""
        value = self.params.get("transport")
        return value.lower() if value else None

    @property
    def loose_route(self) -> bool:
        return "lr" in self.params

    def __str__(self) -> str:
        if self.scheme == "tel":
            text = f"tel:{self.user}"
        else:
            text = (
                f"{self.scheme}:{self.user}@{self.host}"
                if self.user
                else f"{self.scheme}:{self.host}"
            )
            if self.port is not None:
                text += f":{self.port}"
        text += format_params(self.params)
        return f"{text}?{self.headers}" if self.headers else text


def parse_params(text: str) -> dict[str, str | None]:
    """``a=1;b`` as a dict with lower-case names; quotes are removed."""
    params: dict[str, str | None] = {}
    for part in split_outside_quotes(text, ";") if '"' in text else text.split(";"):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not name:
            continue
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = unquote_pairs(value[1:-1])
        params[name] = value if equals else None
    return params


def format_params(params: dict[str, str | None]) -> str:
    """``;a=1;b``: the inverse of parse_params; a value that needs quotes gets them."""
    text = ""
    for name, value in params.items():
        if value is None:
            text += f";{name}"
        else:
            text += f";{name}={value if _PLAIN_VALUE.fullmatch(value) else quoted(value)}"
    return text


def quoted(value: str) -> str:
    """The value as a quoted-string (RFC 3261 25.1)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquote_pairs(text: str) -> str:
    """The inside of a quoted-string with its backslash pairs resolved."""
    return _PAIR.sub(r"\1", text) if "\\" in text else text


def split_outside_quotes(text: str, separator: str) -> list[str]:
    parts, start, quoted, escaped = [], 0, False, False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == separator and not quoted:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts


def parse_uri(text: str) -> SipUri:
    """Parse a URI. Raises SipError 416 for a scheme that SIP does not route, 400 for bad syntax."""
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        raise SipError("URI without scheme")
    if _SPACE.search(rest):
        raise SipError("white space in URI")
    scheme = scheme.lower()
    if scheme == "tel":
        number, _, params = rest.partition(";")
        if not _TEL.fullmatch(number):
            raise SipError("malformed tel URI")
        return SipUri("tel", number, "", None, parse_params(params))
    if scheme not in ("sip", "sips"):
        raise SipError("unsupported URI scheme", 416)
    rest, _, headers = rest.partition("?") if "@" not in rest.partition("?")[2] else (rest, "", "")
    user, at, hostpart = rest.rpartition("@")
    if at and not user:
        raise SipError("empty user in URI")
    user = user.partition(":")[0]
    if not _USER.fullmatch(user):
        raise SipError("malformed user in URI")
    hostport, _, params = hostpart.partition(";")
    host, port = parse_hostport(hostport)
    return SipUri(scheme, user, host, port, parse_params(params) if params else {}, headers)


def parse_hostport(text: str) -> tuple[str, int | None]:
    """``host``, ``host:port`` or ``[v6]:port``. Raises SipError for anything else."""
    text = text.strip()
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        host += bracket
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = text.partition(":")
    host, colon, port = host.strip(), colon.strip(), port.strip()
    if not _HOST.fullmatch(host) or (colon and colon != ":"):
        raise SipError("malformed host")
    if not colon:
        return host, None
    if not (port.isascii() and port.isdigit() and len(port) <= 5) or not 0 < int(port) < 65536:
        raise SipError("malformed port")
    return host, int(port)


def unescape_user(user: str) -> str:
    """The user part with its percent escapes resolved, without parameters (``;phone-context=``).

    Raises SipError when an escape stands for a control character.
    """
    text = unquote(user.partition(";")[0])
    if not text.isprintable():
        raise SipError("control character in user")
    return text
