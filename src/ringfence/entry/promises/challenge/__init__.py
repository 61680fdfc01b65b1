"""``ringfence promises challenge``: a subject of the auditor's own is erased and attacked."""
