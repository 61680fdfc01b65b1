"""XML as a tree, of the little that a document needs: no DTD, no entities of its own, nothing
external, and bounded in size, depth and number.

The character encoding is that of the byte order mark, else of the Content-Type, else of the XML
declaration, else UTF-8 (RFC 7303 section 3).
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from xml.parsers import expat

from ringfence.protocols.twiml.model import TwimlError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16
MAX_ELEMENTS = 1000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like that of UTF-16: asked first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BARE = ((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"))
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,100}?\bencoding\s*=\s*[\"']([A-Za-z0-9._:-]{1,40})[\"']")
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
_KNOWN = re.compile(
    r"ascii|utf-(8|16|32)(-[lb]e)?|iso8859-\d+|cp125\d|koi8-[ru]|shift_jis|euc_jp|euc_kr"
    r"|gb2312|gbk|gb18030|big5"
)
"""Python's codecs hold more than character encodings."""


@dataclass(slots=True)
class Element:
    """An element; ``children`` are elements and texts in their order."""

    name: str
    attributes: dict[str, str]
    line: int
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text inside, with runs of white space as one space."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> list[str]:
        return [each if isinstance(each, str) else each.text_raw for each in self.children]

    @property
    def text_raw(self) -> str:
        """All text inside, as it stands; around an element inside there is a space."""
        return " " + "".join(self._texts()) + " "

    @property
    def elements(self) -> list[Element]:
        return [each for each in self.children if isinstance(each, Element)]

    @property
    def own_text(self) -> str:
        """The text that stands in it directly."""
        return " ".join(
            "".join(each if isinstance(each, str) else " " for each in self.children).split()
        )


def read(document: bytes, content_type: str | None) -> Element:
    """The root element of a document. Raises TwimlError."""
    if len(document) > MAX_BYTES:
        raise TwimlError(1, f"the document has more than {MAX_BYTES} bytes", "too_large")
    builder = _Builder()
    try:
        builder.parser.Parse(_text(document, content_type).encode(), True)
    except expat.ExpatError as error:
        raise TwimlError(error.lineno, f"not XML: {expat.ErrorString(error.code)}", "xml") from None
    return builder.root


def _text(document: bytes, content_type: str | None) -> str:
    for bom, encoding in _BOMS:
        if document.startswith(bom):
            return _decoded(document[len(bom) :], encoding)
    for start, encoding in _BARE:
        if document.startswith(start):
            return _decoded(document, encoding)
    said = _CHARSET.search(content_type or "")
    declared = _DECLARED.match(document)
    name = said[1] if said else declared[1].decode() if declared else "utf-8"
    try:
        encoding = codecs.lookup(name).name
    except LookupError:
        encoding = ""
    if not _KNOWN.fullmatch(encoding):
        raise TwimlError(1, "the character encoding is not known", "charset")
    return _decoded(document, encoding)


def _decoded(document: bytes, encoding: str) -> str:
    try:
        return document.decode(encoding)
    except UnicodeDecodeError:
        message = f"the document is not in the encoding that it says it is in: {encoding}"
        raise TwimlError(1, message, "charset") from None


class _Builder:
    """Handlers of expat, which gets UTF-8 whatever the document declares."""

    def __init__(self) -> None:
        self.root = Element("", {}, 1)
        self._open = [self.root]
        self._count = 0
        self.parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        self._count += 1
        if len(self._open) > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise TwimlError(line, "too many elements, or too deep", "too_large")
        element = Element(name, attributes, line)
        self._open[-1].children.append(element)
        self._open.append(element)
        if len(self._open) == 2:
            self.root = element

    def _end(self, name: str) -> None:
        self._open.pop()

    def _data(self, text: str) -> None:
        self._open[-1].children.append(text)

    def _doctype(self, *_: object) -> None:
        line = self.parser.CurrentLineNumber
        raise TwimlError(line, "a document type declaration is not accepted", "forbidden")
