"""Backups of an installation, and its way back from one.

A backup directory holds ``base/<time>/`` (``manifest.json``, ``database/``, ``keys.sqlite``,
``objects/``) and ``wal/``, the archived write-ahead log.
"""
