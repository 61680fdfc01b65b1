"""The client."""

from __future__ import annotations

from types import TracebackType

from .operations import Operations
from .transport import Transport


class Client(Operations):
    """One API key at one installation. Safe to use from many threads.

    ``base_url``: where the installation serves, like ``https://ringfence.example.com``, without
    ``/api/v1``. ``purpose``: what personal data is opened for, one of the purposes of the API key;
    default: the key's first. ``timeout``: seconds that a call may take with all its attempts,
    ``attempt_timeout``: seconds that one attempt waits for the server to say something.
    ``connections``: how many are kept open. ``ca_file``: certificates (PEM) to trust instead of the
    system's.

    Every operation raises ApiError and ConnectionFailed, and ValueError for what cannot be sent.
    A POST is done once, however often it is sent: each call has its own ``Idempotency-Key``.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        purpose: str | None = None,
        timeout: float = 30.0,
        attempt_timeout: float = 15.0,
        connections: int = 10,
        ca_file: str | None = None,
    ) -> None:
        self._transport = Transport(
            base_url,
            api_key,
            purpose=purpose,
            timeout=timeout,
            attempt_timeout=attempt_timeout,
            connections=connections,
            ca_file=ca_file,
        )
        super().__init__(self._transport)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._transport.base_url!r})"
