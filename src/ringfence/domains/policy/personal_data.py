"""Nothing here is of a data subject: it is of the installation and of its business customers."""

from __future__ import annotations

from ringfence.domains.privacy.api import not_personal

not_personal(
    "policy.Version", "what is published for everybody",
    "number", "profile", "profile_hash", "values", "clauses", "changes", "notice_days",
    "needs_consent", "published_at", "effective_at", "published_by", "build", "report", "html",
    "digest",
)  # fmt: skip
_CONSENT = "evidence of what a business customer accepted: who of its people, by random id"
not_personal("policy.Acceptance", _CONSENT, "id", "tenant_id", "number", "digest")
not_personal("policy.Acceptance", _CONSENT, "accepted_at", "actor")
_TOLD = "evidence that somebody was told, by random id"
not_personal("policy.Notice", _TOLD, "id", "tenant_id", "number", "user_id", "told_at")
_SEEN = "what controls saw: names of things, never of persons"
not_personal("policy.Examined", _SEEN, "profile", "number", "ended_at", "report")
not_personal(
    "policy.Order", "who of the operator's staff ordered an examination, by random id",
    "profile", "run", "actor", "ordered_at", "begun_at", "step", "ended_at", "failed",
)  # fmt: skip
not_personal(
    "policy.Incident", _SEEN,
    "id", "profile", "control", "clauses", "state", "findings", "opened_at", "opened_report",
    "due_at", "closed_at", "closed_report",
)  # fmt: skip
