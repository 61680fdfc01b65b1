"""The call engine: signalling, media, calls, journal. asyncio; knows no Django."""
