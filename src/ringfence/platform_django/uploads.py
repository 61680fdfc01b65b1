"""Uploaded files: in memory, and never more than an installation can bear."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler

from ringfence.kernel.errors import RingfenceError

MAX_UPLOAD_BYTES = 11_000_000
"""Of a request with files, whole. What each kind of file may have is less, and its domain's."""


class UploadTooLarge(RingfenceError):
    """The request has more bytes than any request may."""

    code = "upload_too_large"
    http_status = 413


class BoundedUpload(MemoryFileUploadHandler):
    """Refuses a request by its stated length, before any of it is read."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        if content_length > MAX_UPLOAD_BYTES:
            raise UploadTooLarge(f"a request has at most {MAX_UPLOAD_BYTES} bytes")
        self.activated = True
