"""Mails to an SMTP server."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Self
from urllib.parse import unquote, urlsplit

from ringfence.platform.gate.messages import MailAsk

_SECONDS = 20


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """``smtp://user:password@host:587`` (STARTTLS with a user) or ``smtps://…:465``."""

    host: str
    port: int
    secure: bool
    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Self:
        parts = urlsplit(url)
        secure = parts.scheme == "smtps"
        return cls(
            (parts.hostname or "").lower(),
            parts.port or (465 if secure else 587),
            secure,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    def send(self, sender: str, mail: MailAsk, now: datetime) -> None:
        """Blocking. Raises OSError and smtplib.SMTPException."""
        context = ssl.create_default_context()
        plain = smtplib.SMTP if not self.secure else None
        server = (
            plain(self.host, self.port, timeout=_SECONDS)
            if plain is not None
            else smtplib.SMTP_SSL(self.host, self.port, timeout=_SECONDS, context=context)
        )
        with server:
            if not self.secure and self.user:
                server.starttls(context=context)
            if self.user:
                server.login(self.user, self.password)
            server.send_message(compose(sender, mail.to, mail.subject, mail.text, now))


def compose(sender: str, to: str, subject: str, text: str, now: datetime) -> EmailMessage:
    """A mail that no one is to answer automatically. Raises ValueError for a line break in a
    header."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain="localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message
