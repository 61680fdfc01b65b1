"""Classification of every stored field of webhooks.

The outbox names calls and recordings by their ids; what is said of them is opened when a message is
sent, and is not kept. Neither is what the receiver answers.
"""

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, Purpose
from ringfence.kernel.fields import SealedFieldNumber

ENDPOINT, DELIVERY = "webhooks.Endpoint", "webhooks.Delivery"

_ROW = "random id of a row or of the business customer"
_TECHNICAL = "technical configuration of the business customer's own receiver"
not_personal(ENDPOINT, _ROW, "id", "tenant_id")
not_personal(
    ENDPOINT,
    _TECHNICAL,
    "url",
    "description",
    "events",
    "rotating_until",
    "enabled",
    "disabled_reason",
    "failing_since",
    "created_at",
)
register(
    FieldClass(
        model=ENDPOINT,
        field="secret_sealed",
        category=Category.SECRET,
        purposes=frozenset({Purpose.SERVICE}),
        retention="account",
        export=False,
        erasure=Erasure.NOT_SUBJECT,
        number=SealedFieldNumber.WEBHOOK_SECRET,
    ),
    FieldClass(
        model=DELIVERY,
        field="occurred_at",
        category=Category.TRAFFIC,
        purposes=frozenset({Purpose.SERVICE, Purpose.SUPPORT}),
        retention="account",
        export=False,
        erasure=Erasure.KEEP_UNLINKED,
    ),
)
not_personal(DELIVERY, _ROW, "id", "tenant_id", "endpoint_id")
not_personal(DELIVERY, "names a call, recording or other thing by its own id", "data", "key")
not_personal(
    DELIVERY,
    "how the customer's receiver took a message, without its content",
    "type",
    "created_at",
    "state",
    "attempts",
    "next_attempt_at",
    "delivered_at",
    "last_status",
    "last_error",
    "log",
)
