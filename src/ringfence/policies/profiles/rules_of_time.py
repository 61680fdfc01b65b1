"""Rules of retention, deletion, deadlines and clocks."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.policies.profiles.period import Period, Unit
from ringfence.policies.profiles.profile import Profile
from ringfence.policies.profiles.retention import Keep, Retention
from ringfence.policies.profiles.rules import rule
from ringfence.policies.profiles.tree import shape
from ringfence.policies.profiles.vocabulary import Cascade, ChangeMode, Notice, Right, Trigger

CDR_FLOOR = Period.of("18 months")
CONSENT_FLOOR = Period.of("4 years")
CPNI_NOTICE_FLOOR = Period.of("1 year")
PROFILE_CEILING = Period.of("1 year")
POLICE_HOLD = Period.of("7 business days")
SUBJECT_RIGHTS = frozenset(
    {
        Right.ACCESS,
        Right.PORTABILITY,
        Right.CORRECTION,
        Right.DELETION,
        Right.OPT_OUT_SALE,
        Right.OPT_OUT_ADS,
        Right.OPT_OUT_PROFILING,
        Right.APPEAL,
    }
)
"""Of TDPSA, which every installation must expect."""


def categories(profile: Profile) -> Iterator[tuple[str, Keep]]:
    """Every category of data and how long it is kept."""
    for name in shape(Retention):
        yield name, getattr(profile.retention, name)


@rule(1, "below_legal_floor", "retention")
def _below_floor(p: Profile) -> Iterator[str]:
    for name, keep in categories(p):
        if min(keep.active, keep.tenant_min) < keep.legal_floor:
            yield f"{name}: the law keeps it {keep.legal_floor}"


@rule(1, "bounds_apart", "retention")
def _bounds(p: Profile) -> Iterator[str]:
    for name, keep in categories(p):
        if not keep.tenant_min <= keep.active <= keep.tenant_max:
            yield f"{name}: {keep.active} is not from {keep.tenant_min} to {keep.tenant_max}"


@rule(1, "kept_forever", "retention")
def _forever(p: Profile) -> Iterator[str]:
    for name, keep in categories(p):
        lengths = (keep.active, keep.tenant_max, keep.after_closure)
        if name != "aggregates" and Unit.FOREVER in [length.unit for length in lengths]:
            yield f"{name}: only anonymised aggregates are kept for ever"
        if keep.after_closure.unit == Unit.ACCOUNT_LIFE:
            yield f"{name}: a closed account has no life to keep it for"


@rule(1, "cdr_floor_below_law", "retention.cdr.legal_floor", "carrier")
def _cdr_floor(p: Profile) -> Iterator[str]:
    if p.carrier and p.retention.cdr.legal_floor < CDR_FLOOR:
        yield f"a carrier keeps toll records {CDR_FLOOR} (47 CFR 42.6)"


@rule(1, "cpni_notices_below_law", "retention.cpni_notices.legal_floor", "carrier")
def _cpni_notices(p: Profile) -> Iterator[str]:
    if p.carrier and p.retention.cpni_notices.legal_floor < CPNI_NOTICE_FLOOR:
        yield f"a carrier keeps notices {CPNI_NOTICE_FLOOR} (47 CFR 64.2008)"


@rule(2, "profile_kept_as_tax_record", "retention.account_profile.after_closure")
def _profile_as_tax(p: Profile) -> Iterator[str]:
    if p.retention.account_profile.after_closure > PROFILE_CEILING:
        yield "only the minimised tax record is kept for years"


@rule(
    2,
    "reactivation_after_purge",
    "deletion.reactivation",
    "retention.account_profile.after_closure",
)
def _reactivation(p: Profile) -> Iterator[str]:
    if p.deletion.reactivation > p.retention.account_profile.after_closure:
        yield "an account cannot come back once its profile is gone"


@rule(3, "tax_records_not_separate", "deletion.tax_records_separate", "notices.given", "retention")
def _tax_records(p: Profile) -> Iterator[str]:
    floor = max(p.retention.tax_record.legal_floor, p.retention.ledger.legal_floor)
    if floor <= p.retention.account_profile.after_closure:
        return
    if not p.deletion.tax_records_separate:
        yield f"tax records stay {floor} and are not told apart from what is deleted"
    elif Notice.TAX_RECORDS not in p.notices.given:
        yield f"tax records stay {floor} and the policy does not say so"


@rule(4, "transcript_outlives_recording", "deletion.transcript_cascade", "retention")
def _cascade(p: Profile) -> Iterator[str]:
    if (
        p.deletion.transcript_cascade == Cascade.ANY
        and p.retention.transcripts.active > p.retention.recordings.active
    ):
        yield "transcripts end with their recordings and cannot be promised longer"


@rule(5, "notice_without_days", "deletion.notice_days", "deletion.notice_promised")
def _notice(p: Profile) -> Iterator[str]:
    if p.deletion.notice_promised and p.deletion.notice_days == 0:
        yield "a notice before deletion is promised 0 days before it"


@rule(5, "notice_longer_than_retention", "deletion.notice_days", "retention")
def _notice_fits(p: Profile) -> Iterator[str]:
    notice = Period(p.deletion.notice_days, Unit.DAYS)
    for name in ("recordings", "voicemail", "transcripts", "sms_logs"):
        if p.deletion.notice_promised and getattr(p.retention, name).active <= notice:
            yield f"{name} are gone before their notice of {notice} is over"


@rule(
    6,
    "unrecoverable_with_backups",
    "deletion.unrecoverable",
    "deletion.crypto_erase",
    "deletion.backup_age",
    "deletion.on_request_within",
)
def _unrecoverable(p: Profile) -> Iterator[str]:
    d = p.deletion
    if d.unrecoverable and not d.crypto_erase and d.backup_age > d.on_request_within:
        yield f"backups of {d.backup_age} recover what was deleted in {d.on_request_within}"


@rule(7, "rights_below_law", "rights.granted", "carrier")
def _rights(p: Profile) -> Iterator[str]:
    needed = SUBJECT_RIGHTS | ({Right.OPT_OUT_CPNI} if p.carrier else set())
    if missing := needed - p.rights.granted:
        yield f"the law grants {', '.join(sorted(missing))}"


@rule(8, "breach_unsatisfiable", "breach")
def _satisfiable(p: Profile) -> Iterator[str]:
    for name in ("customers", "state_ag", "federal", "authority"):
        clock = getattr(p.breach, name)
        if clock.not_before > clock.not_after:
            yield f"{name}: not before {clock.not_before} and not after {clock.not_after}"
    if p.breach.police_hold > p.breach.customers.not_after and not p.breach.police_hold_published:
        yield (
            f"customers: told in {p.breach.customers.not_after}, but not for {p.breach.police_hold}"
            " after police was, and the policy does not say so"
        )


@rule(8, "breach_beyond_law", "breach", "carrier")
def _breach_law(p: Profile) -> Iterator[str]:
    b = p.breach
    if b.state_ag.not_after > Period.of("30 days") or b.state_ag.threshold > 250:
        yield "state_ag: 30 days, from 250 residents (Texas 521.053)"
    if (
        b.authority.not_after > Period.of("72 hours")
        or b.authority.trigger != Trigger.AWARENESS
        or b.authority.threshold > 1
    ):
        yield "authority: 72 hours from awareness, of each person (GDPR 33)"
    if p.carrier and b.federal.not_after > POLICE_HOLD:
        yield f"federal: {POLICE_HOLD} (47 CFR 64.2011)"
    if p.carrier and b.police_hold < POLICE_HOLD:
        yield f"customers of a carrier are not told for {POLICE_HOLD} after police was"
    if b.customers.threshold > 1:
        yield "customers: each is told"


@rule(10, "change_notice_without_days", "change.notice_days", "change.mode")
def _change(p: Profile) -> Iterator[str]:
    if p.change.mode in (ChangeMode.NOTICE, ChangeMode.CONSENT) and p.change.notice_days == 0:
        yield "a notice before a change is promised 0 days before it"


@rule(21, "consent_evidence_below_law", "retention.messaging_consents.legal_floor")
def _consents(p: Profile) -> Iterator[str]:
    if p.retention.messaging_consents.legal_floor < CONSENT_FLOOR:
        yield "evidence of consent is kept 4 years (TCPA limitation)"


@rule(21, "suppression_forgotten", "retention.suppression", "retention.messaging_consents")
def _suppression(p: Profile) -> Iterator[str]:
    if p.retention.suppression.legal_floor < p.retention.messaging_consents.legal_floor:
        yield "STOP is forgotten before the consent that it ended"
