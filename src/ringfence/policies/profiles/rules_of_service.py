"""Rules of content, transport, places and claims."""

from __future__ import annotations

from collections.abc import Iterator

from ringfence.policies.catalogue import load_catalogue
from ringfence.policies.profiles.profile import Profile
from ringfence.policies.profiles.rules import rule
from ringfence.policies.profiles.service_vocabulary import (
    Custody,
    Edge,
    Evidence,
    Feature,
    MediaMode,
    Owner,
    PingField,
    Playback,
    Safeguard,
    Srtp,
    Tls,
    Training,
)
from ringfence.policies.profiles.tree import leaves
from ringfence.policies.profiles.vocabulary import Cookies, Notice

MIN_GROUP = 10
MIN_ZIP_POPULATION = 20_000
NEEDS_KEYS = frozenset({Feature.STORED_TRANSCRIPTION, Feature.SEARCH})
UNSEALED = frozenset({Edge.CARRIER_UDP, Edge.DEVICE_UDP})
BY_DOCUMENT = {Safeguard.DPF: Evidence.DPF, Safeguard.BCR: Evidence.BCR}


@rule(11, "no_region", "residency.allowed")
def _somewhere(p: Profile) -> Iterator[str]:
    if not p.residency.allowed:
        yield "data has to be somewhere: no region is allowed"


@rule(11, "residency_and_transfers", "residency.transfers", "residency.allowed")
def _transfers(p: Profile) -> Iterator[str]:
    countries = {region.split("-")[0] for region in p.residency.allowed}
    if p.residency.transfers and len(countries) == 1:
        yield f"data stays in {countries.pop()} and may leave it"
    if not p.residency.transfers and len(countries) > 1:
        yield "regions of several countries need transfers"


@rule(11, "transfer_without_safeguard", "residency.safeguards", "residency.transfers")
def _safeguard(p: Profile) -> Iterator[str]:
    if p.residency.transfers and not p.residency.safeguards:
        yield "a transfer abroad needs a safeguard"


@rule(12, "e2ee_with_server_features", "media.mode", "media.features")
def _e2ee(p: Profile) -> Iterator[str]:
    if p.media.mode == MediaMode.E2EE and p.media.features:
        yield f"the server has no key, so it cannot do {', '.join(sorted(p.media.features))}"


@rule(12, "recording_untold", "notices.given", "media.features")
def _told(p: Profile) -> Iterator[str]:
    if Feature.RECORDING in p.media.features and Notice.RECORDING not in p.notices.given:
        yield "calls are recorded and nobody is told"


@rule(
    13,
    "customer_keys_with_stored_features",
    "recordings.key_custody",
    "recordings.key_agent",
    "recordings.operator_playback",
    "media.features",
)
def _custody(p: Profile) -> Iterator[str]:
    if p.recordings.key_custody != Custody.CUSTOMER or p.recordings.key_agent:
        return
    if impossible := p.media.features & NEEDS_KEYS:
        yield f"the server has no keys, so it cannot do {', '.join(sorted(impossible))}"
    if p.recordings.operator_playback != Playback.NEVER:
        yield "the customer holds the keys, so the staff cannot play recordings"


@rule(14, "tls_all_with_exceptions", "transport.claims_all", "transport.exceptions")
def _tls_all(p: Profile) -> Iterator[str]:
    if p.transport.claims_all and p.transport.exceptions:
        yield f"all is encrypted but {', '.join(sorted(p.transport.exceptions))}"


@rule(
    14,
    "tls_exceptions_unpublished",
    "transport.exceptions_published",
    "transport.exceptions",
    "transport.tls",
)
def _tls_published(p: Profile) -> Iterator[str]:
    below = (
        p.transport.exceptions if p.transport.tls == Tls.V1_3 else p.transport.exceptions & UNSEALED
    )
    if below and not p.transport.exceptions_published:
        yield f"the policy does not name {', '.join(sorted(below))}"


@rule(14, "media_keys_in_clear", "media.srtp", "transport.exceptions")
def _keys_in_clear(p: Profile) -> Iterator[str]:
    if p.media.srtp != Srtp.NONE and (edges := p.transport.exceptions & UNSEALED):
        yield f"keys of media would cross {', '.join(sorted(edges))} in clear"


@rule(15, "training_without_consent", "learning.mode", "learning.consent_basis")
def _training(p: Profile) -> Iterator[str]:
    if p.learning.mode in (Training.PLATFORM, Training.OPT_IN) and not p.learning.consent_basis:
        yield f"{p.learning.mode} training needs the subjects' consent"


@rule(15, "small_groups", "learning.min_group", "learning.mode", "disclosure.aggregates_shared")
def _groups(p: Profile) -> Iterator[str]:
    anonymised = p.learning.mode in (Training.PLATFORM, Training.ANONYMISED)
    if (anonymised or p.disclosure.aggregates_shared) and p.learning.min_group < MIN_GROUP:
        yield f"anonymised means {MIN_GROUP} persons or more behind a figure"


@rule(16, "owner_without_keys", "ownership.recordings", "recordings.key_custody")
def _owner(p: Profile) -> Iterator[str]:
    if p.ownership.recordings == Owner.PLATFORM and p.recordings.key_custody == Custody.CUSTOMER:
        yield "recordings belong to the platform, and their keys to the customer"


@rule(17, "cookies_without_banner", "cookies.banner", "cookies")
def _banner(p: Profile) -> Iterator[str]:
    c = p.cookies
    if not c.banner and {c.performance, c.functional, c.ads, c.session_replay} != {Cookies.OFF}:
        yield "where consent is asked for, something must ask"


@rule(18, "zip_identifies", "disclosure.min_zip_population", "disclosure.ping_fields")
def _zip(p: Profile) -> Iterator[str]:
    small = p.disclosure.min_zip_population < MIN_ZIP_POPULATION
    if PingField.ZIP in p.disclosure.ping_fields and small:
        yield f"a ZIP of fewer than {MIN_ZIP_POPULATION} people singles people out"


@rule(19, "coaching_without_supervisors", "recordings.supervisors", "media.features")
def _coaching(p: Profile) -> Iterator[str]:
    if Feature.COACHING in p.media.features and not p.recordings.supervisors:
        yield "coaching is done by supervisors, who may not listen"


@rule(19, "offshore_support_untold", "staff.offshore", "staff.us_transfer", "notices.given")
def _offshore(p: Profile) -> Iterator[str]:
    if p.staff.offshore and Notice.OFFSHORE_SUPPORT not in p.notices.given:
        yield "support sits abroad and nobody is told"


@rule(22, "replay_without_consent", "cookies.session_replay")
def _replay(p: Profile) -> Iterator[str]:
    if p.cookies.session_replay == Cookies.ON:
        yield "sessions are replayed with consent or not at all"


@rule(23, "evidence_missing", "evidence.claimed", "evidence.on_file")
def _evidence(p: Profile) -> Iterator[str]:
    if missing := p.evidence.claimed - p.evidence.on_file:
        yield f"no document on file for {', '.join(sorted(missing))}"


@rule(23, "safeguard_without_evidence", "residency.safeguards", "evidence.on_file")
def _documents(p: Profile) -> Iterator[str]:
    for safeguard, document in BY_DOCUMENT.items():
        if safeguard in p.residency.safeguards and document not in p.evidence.on_file:
            yield f"no document on file for {safeguard}"


@rule(0, "cpni_untold", "notices.given", "carrier")
def _cpni(p: Profile) -> Iterator[str]:
    if p.carrier and Notice.CPNI_RIGHTS not in p.notices.given:
        yield "customers of a carrier are told their rights in CPNI (47 CFR 64.2008)"


@rule(0, "emergency_limits_untold", "notices.given", "carrier")
def _emergency(p: Profile) -> Iterator[str]:
    if p.carrier and Notice.EMERGENCY_LIMITS not in p.notices.given:
        yield "customers of VoIP acknowledge the limits of emergency calls (47 CFR 9.11)"


@rule(0, "note_about_nothing", "notes")
def _notes(p: Profile) -> Iterator[str]:
    paths = leaves(Profile)
    for about, _ in sorted(p.notes):
        if not any(path == about or path.startswith(f"{about}.") for path in paths):
            yield f"{about} is no parameter"


@rule(0, "no_such_clause", "not_claimed")
def _clauses(p: Profile) -> Iterator[str]:
    for clause_id, _ in sorted(p.not_claimed):
        if clause_id not in load_catalogue().clauses:
            yield f"{clause_id} is no clause"
