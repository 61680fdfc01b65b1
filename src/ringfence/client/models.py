"""What the API answers and takes.

Made by `python tools/generate_client.py`; not to be edited.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct


class Health(Struct, frozen=True, kw_only=True):
    """`Health` of the API."""

    status: str


class Tenant(Struct, frozen=True, kw_only=True):
    """A business customer of the installation, or a reseller."""

    id: str
    name: str
    kind: str
    parent: str | None
    plan: str
    status: str
    created_at: datetime
    closed_at: datetime | None
    ends_at: datetime | None
    ended_at: datetime | None
    requests_per_minute: int | None
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class ApiKey(Struct, frozen=True, kw_only=True):
    """An API key, without its secret."""

    id: str
    name: str
    last4: str
    scopes: list[str]
    purposes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    allowed_networks: list[str]
    requests_per_minute: int | None
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class ApiKeyList(Struct, frozen=True, kw_only=True):
    """Keys, newest first; pass ``next`` as ``before`` for the page after this one."""

    keys: list[ApiKey]
    next: str | None


class NewApiKey(Struct, frozen=True, kw_only=True):
    """A key just made: ``secret`` is shown here and never again."""

    id: str
    name: str
    last4: str
    scopes: list[str]
    purposes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    allowed_networks: list[str]
    requests_per_minute: int | None
    secret: str


class Settings(Struct, frozen=True, kw_only=True):
    """What a tenant settled for itself."""

    time_zone: str
    staff_access: str
    us_staff_only: bool
    mfa_required: bool
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a tenant may subscribe to."""

    code: str
    name: str
    created_at: datetime


class PlanList(Struct, frozen=True, kw_only=True):
    """All plans; ``standard`` exists without being listed."""

    plans: list[Plan]


class TenantList(Struct, frozen=True, kw_only=True):
    """Tenants, newest first; pass ``next`` as ``before`` for the page after this one."""

    tenants: list[Tenant]
    next: str | None


class Use(Struct, frozen=True, kw_only=True):
    """One use of personal values. ``outcome`` is ``ok`` or the code of the first error."""

    id: str
    at: datetime
    credential: str
    actor: str
    action: str
    purpose: str
    objects: list[str]
    outcome: str


class UseList(Struct, frozen=True, kw_only=True):
    """Newest first; ``next`` is the cursor of the next page."""

    uses: list[Use]
    next: str | None


class CallSummary(Struct, frozen=True, kw_only=True):
    """A call record. Times are UTC; ``disposition`` is null while the call lives.

    A number that cannot be opened is null, and ``from_error`` or ``to_error`` says why:
    ``key_destroyed`` (erased or expired), ``key_refused`` (the person forbids this
    purpose), ``key_unknown``, ``unreadable_value``. A withheld number is empty.
    """

    id: str
    direction: str
    from_number: str | None
    from_error: str | None
    to_number: str | None
    to_error: str | None
    country_code: str | None
    area: str | None
    trunk_id: str | None
    number_id: str | None
    flow_id: str | None
    flow_version: int | None
    tags: dict[str, str]
    started_at: datetime
    routed_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    disposition: str | None
    end_reason: str | None
    ended_by: str | None
    sip_status: int | None
    q850: int | None
    billed_seconds: int
    duration_ms: int | None
    unrecorded: str | None


class CallList(Struct, frozen=True, kw_only=True):
    """Calls, newest first; pass ``next`` as ``before`` for the page after this one."""

    calls: list[CallSummary]
    next: str | None


class CallAccepted(Struct, frozen=True, kw_only=True):
    """The call, and what is happening to it: ``started``, ``redirected`` or ``ended``."""

    id: str
    state: str


class Leg(Struct, frozen=True, kw_only=True):
    """One leg: a SIP dialog and its media. ``number`` is that of its party."""

    id: str
    role: str
    trunk_id: str | None
    number: str | None
    number_error: str | None
    transport: str | None
    cipher: str | None
    codec: str | None
    created_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    bridged_at: datetime | None
    ended_at: datetime | None
    sip_status: int | None
    q850: int | None
    ended_by: str | None
    rx_packets: int | None
    tx_packets: int | None
    lost_packets: int | None
    jitter_ms: float | None
    rtt_ms: float | None
    mos: float | None


class Call(Struct, frozen=True, kw_only=True):
    """A call record with its legs, and what its flow captured, by variable; ``captured_error``
    says why that does not open.
    """

    id: str
    direction: str
    from_number: str | None
    from_error: str | None
    to_number: str | None
    to_error: str | None
    country_code: str | None
    area: str | None
    trunk_id: str | None
    number_id: str | None
    flow_id: str | None
    flow_version: int | None
    tags: dict[str, str]
    started_at: datetime
    routed_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    disposition: str | None
    end_reason: str | None
    ended_by: str | None
    sip_status: int | None
    q850: int | None
    billed_seconds: int
    duration_ms: int | None
    unrecorded: str | None
    captured: dict[str, str] | None
    captured_error: str | None
    legs: list[Leg]
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class Event(Struct, frozen=True, kw_only=True):
    """One journal event of a call. Where it names persons, ``data`` has ``caller`` and
    ``callee``: ``person`` (a random id), and their ``number``, what they gave
    (``captured``) or an ``error``.
    """

    call_id: str
    seq: int
    at: datetime
    kind: str
    data: dict[str, Any]
    position: int


class EventList(Struct, frozen=True, kw_only=True):
    """`EventList` of the API."""

    events: list[Event]


class JournalList(Struct, frozen=True, kw_only=True):
    """Events of all calls, oldest first; pass ``last`` as ``after`` to read on, now or later."""

    events: list[Event]
    last: int


class Ticket(Struct, frozen=True, kw_only=True):
    """Opens live streams until ``expires_at``."""

    ticket: str
    expires_at: datetime


class Client(Struct, frozen=True, kw_only=True):
    """An OAuth client, without its secrets; ``id`` is its ``client_id``."""

    id: str
    name: str
    last4: str
    previous_last4: str | None
    previous_until: datetime | None
    scopes: list[str]
    purposes: list[str]
    allowed_networks: list[str]
    requests_per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class ClientList(Struct, frozen=True, kw_only=True):
    """Clients, newest first; pass ``next`` as ``before`` for the page after this one."""

    clients: list[Client]
    next: str | None


class NewClient(Struct, frozen=True, kw_only=True):
    """``secret`` is shown here and never again."""

    id: str
    name: str
    last4: str
    previous_last4: str | None
    previous_until: datetime | None
    scopes: list[str]
    purposes: list[str]
    allowed_networks: list[str]
    requests_per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    secret: str


class Request(Struct, frozen=True, kw_only=True):
    """What is kept of one request: nothing that the client wrote."""

    id: str
    at: datetime
    kind: str
    credential: str
    method: str
    route: str
    objects: list[str]
    status: int
    duration_ms: int
    error_code: str | None
    network: str | None


class RequestList(Struct, frozen=True, kw_only=True):
    """Requests, newest first; pass ``next`` as ``before`` for the page after this one."""

    requests: list[Request]
    next: str | None


class Consent(Struct, frozen=True, kw_only=True):
    """A piece of evidence; nothing of it ever changes."""

    id: str
    person: str
    sequence: int
    scope: str
    state: str
    method: str
    wording: str | None
    wording_hash: str | None
    source: str | None
    recorded_at: datetime
    recorded_by: str
    digest: str


class ConsentList(Struct, frozen=True, kw_only=True):
    """`ConsentList` of the API."""

    consents: list[Consent]
    next: int | None


class ConsentStateOut(Struct, frozen=True, kw_only=True):
    """What holds of one scope now."""

    scope: str
    allowed: bool
    state: str | None
    default: str
    since: datetime | None
    consent: str | None


class ConsentStates(Struct, frozen=True, kw_only=True):
    """`ConsentStates` of the API."""

    person: str | None
    states: list[ConsentStateOut]


class Wording(Struct, frozen=True, kw_only=True):
    """`Wording` of the API."""

    id: str
    scope: str
    language: str
    version: int
    text: str
    hash: str
    created_at: datetime
    created_by: str
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class WordingList(Struct, frozen=True, kw_only=True):
    """`WordingList` of the API."""

    wordings: list[Wording]


class Contact(Struct, frozen=True, kw_only=True):
    """A contact on file; ``of_record``: for long enough to be called or written to. ``value``
    is masked for everybody but the owner.
    """

    value: str | None
    since: datetime
    of_record: bool


class Contract(Struct, frozen=True, kw_only=True):
    """How the contract says that callers are authenticated, and why that was noted."""

    regime: str
    reason: str
    set_by: str
    set_at: datetime


class Account(Struct, frozen=True, kw_only=True):
    """What authenticates an account. Secrets are never told. ``questions``: what the backup
    may ask, by its code.
    """

    tenant: str
    password_set_at: datetime | None
    question: str | None
    answer_set_at: datetime | None
    locked_until: datetime | None
    email: Contact | None
    number: Contact | None
    address: Contact | None
    contract: Contract | None
    questions: dict[str, str]
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class Device(Struct, frozen=True, kw_only=True):
    """A desk phone or softphone. ``username`` is what it registers as."""

    id: str
    name: str
    username: str
    enabled: bool
    created_at: datetime
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class DeviceList(Struct, frozen=True, kw_only=True):
    """`DeviceList` of the API."""

    devices: list[Device]
    next: str | None


class DeviceSecret(Struct, frozen=True, kw_only=True):
    """``password`` is there only where it was made up now, and is never shown again."""

    id: str
    name: str
    username: str
    enabled: bool
    created_at: datetime
    password: str | None


class FlowSummary(Struct, frozen=True, kw_only=True):
    """A flow. ``published_version`` is what calls get; null: it was never published."""

    id: str
    name: str
    published_version: int | None
    created_at: datetime
    updated_at: datetime


class FlowList(Struct, frozen=True, kw_only=True):
    """Flows without drafts, newest first; pass ``next`` as ``before`` for the next page."""

    flows: list[FlowSummary]
    next: str | None


class Flow(Struct, frozen=True, kw_only=True):
    """A flow and its draft, which calls do not get before it is published."""

    id: str
    name: str
    published_version: int | None
    created_at: datetime
    updated_at: datetime
    draft: dict[str, Any]
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class ProblemOut(Struct, frozen=True, kw_only=True):
    """Why a flow cannot be published.

    ``flow``: another flow that would break; null: the one at hand. ``node``: null: the flow
    itself.
    """

    flow: str | None
    node: str | None
    field: str
    code: str
    message: str


class Validate(Struct, frozen=True, kw_only=True):
    """`Validate` of the API."""

    valid: bool
    problems: list[ProblemOut]


class Version(Struct, frozen=True, kw_only=True):
    """A flow as it was published; it never changes."""

    flow: str
    version: int
    note: str
    published_at: datetime
    graph: dict[str, Any]
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class VersionSummary(Struct, frozen=True, kw_only=True):
    """A version of a flow; versions are 1, 2, 3 … without gaps."""

    flow: str
    version: int
    note: str
    published_at: datetime


class VersionList(Struct, frozen=True, kw_only=True):
    """Versions without graphs, newest first; pass ``next`` as ``before`` for the next page."""

    versions: list[VersionSummary]
    next: int | None


class Diff(Struct, frozen=True, kw_only=True):
    """Nodes by id. ``changed``: the fields of each; ``graph``: those of the flow itself. Where
    nodes are drawn is no change.
    """

    added: list[str]
    removed: list[str]
    changed: dict[str, list[str]]
    graph: list[str]


class Wallet(Struct, frozen=True, kw_only=True):
    """A wallet in one currency. Amounts are millionths of its unit.

    ``low_balance_micros``: falling below it is an event; null: never.
    """

    currency: str
    balance_micros: int
    credit_limit_micros: int
    low_balance_micros: int | None
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class WalletList(Struct, frozen=True, kw_only=True):
    """`WalletList` of the API."""

    tenant: str
    wallets: list[Wallet]
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class Balance(Struct, frozen=True, kw_only=True):
    """What stands on an account, in millionths of its currency."""

    account: str
    currency: str
    balance_micros: int


class BalanceList(Struct, frozen=True, kw_only=True):
    """`BalanceList` of the API."""

    tenant: str
    balances: list[Balance]


class Reference(Struct, frozen=True, kw_only=True):
    """`Reference` of the API."""

    type: str
    id: str


class Step(Struct, frozen=True, kw_only=True):
    """One step of a calculation."""

    what: str
    seconds: int
    micros: int


class Explanation(Struct, frozen=True, kw_only=True):
    """Why the amount is what it is: the rule and its version, and for a call its rate."""

    rule: str
    call: str | None
    leg: str | None
    deck: str | None
    rate: str | None
    billed_seconds: int | None
    steps: list[Step]


class Line(Struct, frozen=True, kw_only=True):
    """What an account gains (positive) or gives (negative), in millionths of the currency."""

    account: str
    amount_micros: int
    currency: str


class Entry(Struct, frozen=True, kw_only=True):
    """An entry of the books. It never changes; its lines add up to zero in each currency."""

    id: str
    occurred_at: datetime
    kind: str
    idempotency_key: str
    reference: Reference
    explanation: Explanation
    lines: list[Line]


class EntryList(Struct, frozen=True, kw_only=True):
    """Entries, newest first; pass ``next`` as ``before`` for the page after this one."""

    entries: list[Entry]
    next: str | None


class Unrated(Struct, frozen=True, kw_only=True):
    """A leg of a call that could not be rated by a kind of decks, and why."""

    id: str
    call: str
    leg: str
    kind: str
    direction: str
    reason: str
    attempts: int
    first_seen_at: datetime
    last_seen_at: datetime
    state: str
    note: str | None


class UnratedList(Struct, frozen=True, kw_only=True):
    """Oldest first; pass ``next`` as ``after`` for the page after this one."""

    unrated: list[Unrated]
    next: str | None


class Retried(Struct, frozen=True, kw_only=True):
    """How many were rated now, and how many stay in the queue."""

    rated: int
    unrated: int


class Member(Struct, frozen=True, kw_only=True):
    """Somebody who works for the tenant. ``role``: a built-in role, or the id of one of the
    tenant's own.
    """

    id: str
    user: str
    email: str
    name: str | None
    role: str
    role_name: str
    mfa: bool
    last_sign_in_at: datetime | None
    created_at: datetime
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class MemberList(Struct, frozen=True, kw_only=True):
    """The members, oldest first."""

    members: list[Member]


class Invitation(Struct, frozen=True, kw_only=True):
    """An invitation that may still be accepted; who has the mail has the link."""

    id: str
    email: str | None
    role: str
    role_name: str
    invited_by: str
    created_at: datetime
    expires_at: datetime


class InvitationList(Struct, frozen=True, kw_only=True):
    """Invitations that may still be accepted, newest first."""

    invitations: list[Invitation]


class Role(Struct, frozen=True, kw_only=True):
    """A role: built in (``id`` is its name), or one that the tenant made."""

    id: str
    name: str
    built_in: bool
    permissions: list[str]
    purposes: list[str]
    mfa_required: bool
    description: str
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class RoleList(Struct, frozen=True, kw_only=True):
    """The roles that members may have: the built-in ones, then the tenant's own by name."""

    roles: list[Role]


class DialTarget(Struct, frozen=True, kw_only=True):
    """Either ``trunk`` and ``number``, or ``sip``."""

    trunk: str | None = None
    number: str | None = None
    sip: str | None = None


class Number(Struct, frozen=True, kw_only=True):
    """A telephone number and where its calls go: to a flow, or target after target."""

    id: str
    e164: str
    label: str
    dial: list[DialTarget]
    flow: str | None
    dial_timeout_seconds: int
    caller_id: str | None
    max_seconds: int | None
    status: str
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class NumberList(Struct, frozen=True, kw_only=True):
    """Numbers, newest first; pass ``next`` as ``before`` for the page after this one."""

    numbers: list[Number]
    next: str | None


class Examination(Struct, frozen=True, kw_only=True):
    """An examination of the installation's promises; what it saw stands on ``/policy/board/``."""

    profile: str
    ordered_at: datetime
    step: str
    ended_at: datetime | None
    failed: str
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class PolicyChange(Struct, frozen=True, kw_only=True):
    """A clause ``added`` or ``removed``, or a value ``changed``; ``reduces``: for the worse."""

    kind: str
    what: str
    before: str | None
    after: str | None
    reduces: bool


class PolicyVersion(Struct, frozen=True, kw_only=True):
    """A published version of the privacy policy; its page is ``/policy/versions/{number}/``."""

    number: int
    profile: str
    profile_hash: str
    digest: str
    published_at: datetime
    effective_at: datetime
    needs_consent: bool
    changes: list[PolicyChange]


class PolicyBinding(Struct, frozen=True, kw_only=True):
    """Which version binds the tenant."""

    tenant: str
    bound: PolicyVersion | None
    awaits: PolicyVersion | None
    coming: PolicyVersion | None
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class Portal(Struct, frozen=True, kw_only=True):
    """The tenant's privacy portal, where its data subjects ask."""

    url: str
    slug: str
    caller_id: str | None
    officer_confirms: bool
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class Erasure(Struct, frozen=True, kw_only=True):
    """How far an erasure is: ``ordered``, ``destroyed`` (no key exists any more), ``cleaned``."""

    id: str
    state: str
    ordered_at: datetime
    destroyed_at: datetime | None
    cleaned_at: datetime | None
    items: int
    rows: int
    escrowed: int
    certificate: dict[str, Any] | None
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class OnBehalf(Struct, frozen=True, kw_only=True):
    """By what right somebody else asks for the person."""

    authority: str
    document_sha256: str
    expires_at: datetime | None
    confirmed_at: datetime | None
    awaits_confirmation: bool


class Rights(Struct, frozen=True, kw_only=True):
    """A request and how far it is."""

    id: str
    kind: str
    person: str | None
    jurisdiction: str
    channel: str
    state: str
    received_at: datetime
    acknowledge_by: datetime
    due_at: datetime
    extended_until: datetime | None
    extension_reason: str | None
    urgency: str
    verified_at: datetime | None
    verified_by: str | None
    method: str | None
    refusal: str | None
    completed_at: datetime | None
    on_behalf: OnBehalf | None
    statement_use: str | None
    lifted_at: datetime | None
    lifted_document_sha256: str | None
    appeal_of: str | None
    follows_appeal: str | None
    erasure: str | None
    consent: str | None
    package_bytes: int | None
    receipt: dict[str, Any] | None
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class OnBehalfIn(Struct, frozen=True, kw_only=True):
    """By what right somebody else asks for the person, and the document that shows it."""

    authority: Literal["power_of_attorney", "signed_permission"]
    document_sha256: str = ""
    expires_at: datetime | None = None
    agent: str = ""
    reference: str = ""


class RightsList(Struct, frozen=True, kw_only=True):
    """`RightsList` of the API."""

    requests: list[Rights]
    next: str | None


class Processor(Struct, frozen=True, kw_only=True):
    """A third party that may receive personal data."""

    name: str
    hosts: list[str]
    purposes: list[str]
    templates: list[str]
    fields: dict[str, list[str]]
    country: str
    safeguard: str
    agreement_sha256: str | None
    signed_on: str | None
    expires_on: str | None
    state: str


class ProcessorList(Struct, frozen=True, kw_only=True):
    """`ProcessorList` of the API."""

    processors: list[Processor]


class Sent(Struct, frozen=True, kw_only=True):
    """Something that left, or was refused: names of fields, never a value."""

    id: str
    at: datetime
    receiver: str
    template: str
    purpose: str
    host: str
    fields: list[str]
    bytes: int
    outcome: str
    refusal: str | None
    status: int | None


class SentList(Struct, frozen=True, kw_only=True):
    """Newest first; ``next`` is the cursor of the next page."""

    sent: list[Sent]
    next: str | None


class Prompt(Struct, frozen=True, kw_only=True):
    """An audio file, kept as WAV of 8 kHz, mono, 16 bit; ``sha256`` and ``bytes`` are of that."""

    id: str
    name: str
    sha256: str
    bytes: int
    seconds: float
    created_at: datetime
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class PromptList(Struct, frozen=True, kw_only=True):
    """Prompts, newest first; pass ``next`` as ``before`` for the next page."""

    prompts: list[Prompt]
    next: str | None


class Deck(Struct, frozen=True, kw_only=True):
    """A price list. It never changes: new prices are a new one."""

    id: str
    name: str
    kind: str
    direction: str
    currency: str
    effective_from: datetime
    created_at: datetime
    rates: int
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class DeckList(Struct, frozen=True, kw_only=True):
    """`DeckList` of the API."""

    tenant: str
    decks: list[Deck]


class Rate(Struct, frozen=True, kw_only=True):
    """What calls to numbers of a prefix cost during a time, in millionths of the currency."""

    id: str
    prefix: str
    currency: str
    price_per_minute_micros: int
    connection_fee_micros: int
    minimum_seconds: int
    first_seconds: int
    next_seconds: int
    effective_from: datetime
    effective_to: datetime | None


class RateList(Struct, frozen=True, kw_only=True):
    """Rates by prefix and time; pass ``next`` as ``after`` for the page after this one."""

    deck: str
    rates: list[Rate]
    next: str | None


class Quote(Struct, frozen=True, kw_only=True):
    """What it would cost by the decks of a kind; ``reason`` where it could not be rated."""

    kind: str
    amount_micros: int | None
    currency: str | None
    prefix: str | None
    explanation: Explanation | None
    reason: str | None


class QuoteList(Struct, frozen=True, kw_only=True):
    """One quote for each kind of decks that the tenant has; none: calls are not billed."""

    tenant: str
    quotes: list[Quote]


class RateIn(Struct, frozen=True, kw_only=True):
    """A line of a price list: amounts are decimal texts of units of the currency."""

    prefix: str
    price_per_minute: str
    connection_fee: str = "0"
    minimum_seconds: int = 0
    first_seconds: int = 60
    next_seconds: int = 60
    effective_from: datetime
    effective_to: datetime | None = None


class Track(Struct, frozen=True, kw_only=True):
    """What one speaker said."""

    track: str
    leg_id: str
    state: str
    duration_ms: int | None
    complete: bool | None
    bytes: int | None


class Recording(Struct, frozen=True, kw_only=True):
    """A recording of one call."""

    id: str
    call_id: str
    started_at: datetime
    ended_at: datetime | None
    state: str
    basis: str | None
    duration_ms: int | None
    gap: str
    pauses: list[tuple[int, int | None]]
    customer_keys: list[str]
    custody: str
    analysis_until: datetime | None
    deletion_reason: str | None
    tracks: list[Track]
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class RecordingList(Struct, frozen=True, kw_only=True):
    """`RecordingList` of the API."""

    recordings: list[Recording]
    next: str | None


class Accepted(Struct, frozen=True, kw_only=True):
    """It is on its way; the object tells when it is done."""

    id: str
    state: str


class RecordingSettings(Struct, frozen=True, kw_only=True):
    """Whether and how calls are recorded, from the next call on."""

    enabled: bool
    gap: str = "silence"
    consent_override: str | None = None
    prompt: str = "recording-notice-en"
    customer_key: str | None = None
    analysis_hours: int = 24
    custody: str | None = None
    unrecorded: str | None = None
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class Kept(Struct, frozen=True, kw_only=True):
    """Whole days after the day that something is of: between ``least`` and ``most`` the tenant
    may choose; ``days`` is what holds.
    """

    days: int
    chosen: int | None
    clamped: bool
    installed: int
    least: int
    most: int


class Retention(Struct, frozen=True, kw_only=True):
    """How long each kind of data is kept."""

    call_records: Kept
    recordings: Kept
    customer_recordings: Kept
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class Domain(Struct, frozen=True, kw_only=True):
    """A domain, and the TXT record that proves that it is the tenant's."""

    domain: str
    verified: bool
    txt_name: str
    txt_value: str


class Sso(Struct, frozen=True, kw_only=True):
    """The tenant's identity provider. ``default_role``: of whom it brings without an
    invitation; null: it brings nobody.
    """

    id: str
    slug: str
    issuer: str
    client_id: str
    default_role: str | None
    trusts_mfa: bool
    enabled: bool
    domains: list[Domain]
    redirect_uri: str
    created_at: datetime
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class Target(Struct, frozen=True, kw_only=True):
    """A named destination: ``number`` through ``trunk``, or ``sip``, or ``device``. Calls pass
    over one that is not enabled.
    """

    id: str
    name: str
    kind: str
    trunk: str | None
    number: str | None
    sip: str | None
    device: str | None
    enabled: bool
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class TargetList(Struct, frozen=True, kw_only=True):
    """Targets, newest first; pass ``next`` as ``before`` for the next page."""

    targets: list[Target]
    next: str | None


class NumberFormat(Struct, frozen=True, kw_only=True):
    """How the trunk writes telephone numbers."""

    country_code: str
    national_prefix: str
    international_prefix: str
    strip_prefix: str
    style: str
    add_prefix: str


class Trunk(Struct, frozen=True, kw_only=True):
    """A trunk. Passwords are never returned."""

    id: str
    name: str
    sources: list[str]
    username: str | None
    peer_host: str | None
    peer_port: int
    peer_transport: str
    auth_username: str | None
    format: NumberFormat
    max_calls_per_second: int | None
    max_channels: int | None
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class TrunkList(Struct, frozen=True, kw_only=True):
    """`TrunkList` of the API."""

    trunks: list[Trunk]


class NumberFormatIn(Struct, frozen=True, kw_only=True):
    """How the trunk writes telephone numbers. ``style`` is how we write to it: + and digits,
    digits, or national within ``country_code``.
    """

    country_code: str = "1"
    national_prefix: str = "1"
    international_prefix: str = "011"
    strip_prefix: str = ""
    style: Literal["e164", "no_plus", "national"] = "e164"
    add_prefix: str = ""


class Viewer(Struct, frozen=True, kw_only=True):
    """One opening. ``who``: an e-mail, the name of a key, or a part of the software. ``grant``
    and ``reason``: of the operator's staff, why the tenant let them in. ``case``: the case
    in which somebody who proved to be the customer was told.
    """

    id: str
    at: datetime
    kind: str
    who: str
    actor: str
    purpose: str
    grant: str | None
    reason: str | None
    case: str | None
    outcome: str


class ViewerList(Struct, frozen=True, kw_only=True):
    """Newest first; ``next`` is the cursor of the next page."""

    viewers: list[Viewer]
    next: str | None


class Webhook(Struct, frozen=True, kw_only=True):
    """Where the tenant is told of events. ``disabled_reason``: ``request``, ``gone`` (it
    answered 410) or ``failing`` (nothing but failures for five days).
    """

    id: str
    url: str
    description: str
    events: list[str]
    enabled: bool
    disabled_reason: str | None
    failing_since: datetime | None
    rotating_until: datetime | None
    created_at: datetime
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class WebhookList(Struct, frozen=True, kw_only=True):
    """`WebhookList` of the API."""

    webhooks: list[Webhook]


class WebhookWithSecret(Struct, frozen=True, kw_only=True):
    """The secret is shown this once."""

    id: str
    url: str
    description: str
    events: list[str]
    enabled: bool
    disabled_reason: str | None
    failing_since: datetime | None
    rotating_until: datetime | None
    created_at: datetime
    secret: str


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt. ``bytes``: size of the answer, which is not kept."""

    at: datetime
    ms: int
    status: int | None
    code: str | None
    bytes: int


class Delivery(Struct, frozen=True, kw_only=True):
    """One event on its way to one webhook. ``id`` is the header ``webhook-id`` of each
    attempt.
    """

    id: str
    webhook_id: str
    type: str
    data: dict[str, Any]
    state: str
    attempts: int
    occurred_at: datetime
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_status: int | None
    last_error: str | None
    log: list[Attempt]
    etag: str | None = None
    """State that was read, for the update of it; None in a list."""


class Replay(Struct, frozen=True, kw_only=True):
    """`Replay` of the API."""

    replayed: int


class DeliveryList(Struct, frozen=True, kw_only=True):
    """Deliveries, newest first; pass ``next`` as ``before`` for the page after this one."""

    deliveries: list[Delivery]
    next: str | None
