"""An append-only, crash-safe log of records in a directory: one writer process, any readers."""

from ringfence.platform.spool.format import MAX_RECORD, Position, SpoolCorrupt, SpoolError
from ringfence.platform.spool.reader import SpoolReader
from ringfence.platform.spool.writer import SpoolWriter

__all__ = ["MAX_RECORD", "Position", "SpoolCorrupt", "SpoolError", "SpoolReader", "SpoolWriter"]
