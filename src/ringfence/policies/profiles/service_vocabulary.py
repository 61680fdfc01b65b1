"""Words of the values of ``service``; those of a Rank go from loosest to strictest."""

from enum import StrEnum


class Region(StrEnum):
    US_EAST = "us-east"
    US_WEST = "us-west"
    CA = "ca"
    EU_WEST = "eu-west"
    AP_SOUTHEAST = "ap-southeast"


class Safeguard(StrEnum):
    """What makes a transfer abroad lawful."""

    SCC = "scc"
    DPF = "dpf"
    ADEQUACY = "adequacy"
    BCR = "bcr"
    CONSENT = "consent"


class MediaMode(StrEnum):
    HOP = "hop"
    """Encrypted to this server and from it."""
    E2EE = "e2ee"
    """The server has no key."""


class Srtp(StrEnum):
    """The weakest media cipher that is accepted."""

    NONE = "none"
    AES_128 = "aes_128"
    AES_256 = "aes_256"


class Tls(StrEnum):
    V1_2 = "1.2"
    V1_3 = "1.3"


class Edge(StrEnum):
    """Where the floor of transport does not hold."""

    CARRIER_UDP = "carrier_udp"
    CARRIER_TLS_1_2 = "carrier_tls_1_2"
    DEVICE_UDP = "device_udp"
    WEBRTC_DTLS_1_2 = "webrtc_dtls_1_2"


class Custody(StrEnum):
    """Who holds the keys of recordings."""

    PLATFORM = "platform"
    CUSTOMER = "customer"


class Feature(StrEnum):
    """What the server does with the sound of a call."""

    RECORDING = "recording"
    LIVE_TRANSCRIPTION = "live_transcription"
    STORED_TRANSCRIPTION = "stored_transcription"
    """Of recordings, after the call."""
    SEARCH = "search"
    VOICE_AI = "voice_ai"
    COACHING = "coaching"
    SENTIMENT = "sentiment"
    FRAUD_AUDIO = "fraud_audio"


class Training(StrEnum):
    """What models may learn from content, from most to least."""

    PLATFORM = "platform"
    ANONYMISED = "anonymised"
    OPT_IN = "opt_in"
    PER_ACCOUNT = "per_account"
    NONE = "none"


class Owner(StrEnum):
    PLATFORM = "platform"
    CUSTOMER = "customer"


class Playback(StrEnum):
    """When the operator's staff may listen."""

    GRANT = "grant"
    """With a grant of the tenant that ends."""
    NEVER = "never"


class PingField(StrEnum):
    """What a buyer learns before it bids."""

    STATE = "state"
    ZIP = "zip"
    ZIP3 = "zip3"
    VERTICAL = "vertical"
    AREA_CODE = "area_code"


class Evidence(StrEnum):
    """Claims that only a document can show."""

    SOC2 = "soc2"
    ISO27001 = "iso27001"
    PEN_TEST = "pen_test"
    DPF = "dpf"
    HIPAA = "hipaa"
    BCR = "bcr"
    DATA_CENTRES = "data_centres"
    STAFF = "staff"
    """Training, background checks."""
    AI_CONTRACTS = "ai_contracts"
    SUPPORT_ROTA = "support_rota"


class SupportHours(StrEnum):
    BUSINESS = "business"
    BUSINESS_AND_SECURITY = "business_and_security"
    """Office hours, and a line for urgent security at any time."""
    ALWAYS = "always"
