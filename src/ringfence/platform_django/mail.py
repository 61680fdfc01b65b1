"""Mails that the installation sends."""

from __future__ import annotations

from django.core.mail import send_mail


def queue_mail(to: str, subject: str, text: str) -> None:
    """Send a mail."""
    send_mail(subject, text, None, [to])
