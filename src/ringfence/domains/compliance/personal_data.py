"""Classification of every stored field of compliance."""

from ringfence.domains.privacy.api import not_personal, register
from ringfence.domains.privacy.contracts import Category, Erasure, FieldClass, PersonId, Purpose
from ringfence.kernel.fields import CPNI_CONTACTS, SealedFieldNumber

ACCOUNT, CONTACT, CASE, DISCLOSURE, NOTICE = (
    "compliance.Account",
    "compliance.Contact",
    "compliance.Case",
    "compliance.Disclosure",
    "compliance.Notice",
)
_RANDOM = "random id of a row, a person or a business customer"
_COURSE = "time or outcome of a decision, naming random ids alone"


def _secret(model: str, field: str) -> FieldClass:
    return FieldClass(
        model=model,
        field=field,
        category=Category.SECRET,
        purposes=frozenset({Purpose.SECURITY}),
        retention="account",
        export=False,
        erasure=Erasure.NOT_SUBJECT,
    )


not_personal(ACCOUNT, "random id of the business customer", "tenant_id")
not_personal(ACCOUNT, _COURSE, "password_set_at", "answer_set_at", "failures", "locked_until")
not_personal(ACCOUNT, "which of a fixed list of prompts", "question")
not_personal(ACCOUNT, "what a contract of the business customer says", "contract_regime")
not_personal(ACCOUNT, "what a contract of the business customer says", "contract_reason")
not_personal(ACCOUNT, _COURSE, "contract_set_by", "contract_set_at")
register(_secret(ACCOUNT, "password_hash"), _secret(ACCOUNT, "answer_hash"))
not_personal(CONTACT, _RANDOM, "id", "tenant_id")
not_personal(CONTACT, "what kind of contact, and since when", "kind", "since", "with_account")
not_personal(CONTACT, "what kind of contact, and since when", "replaced_at")
register(
    PersonId(CONTACT, "holder_id", "holder"),
    FieldClass(
        model=CONTACT,
        field="value_sealed",
        category=Category.IDENTIFIER,
        purposes=frozenset({Purpose.SERVICE, Purpose.SUPPORT, Purpose.SECURITY}),
        retention=CPNI_CONTACTS,
        export=True,
        erasure=Erasure.DELETE_VALUE,
        role="holder",
        number=SealedFieldNumber.CPNI_CONTACT,
    ),
)
not_personal(CASE, _RANDOM, "id", "tenant_id", "opened_by", "callback_by", "code_by", "mail_by")
not_personal(CASE, _COURSE, "channel", "state", "opened_at", "proved_at", "failures", "misses")
not_personal(CASE, _COURSE, "code_at", "wrong_codes", "mail_since", "mail_until", "closed_at")
register(_secret(CASE, "code_hash"))
not_personal(DISCLOSURE, _RANDOM, "id", "tenant_id", "case_id", "actor", "calls")
not_personal(DISCLOSURE, _COURSE, "kind", "basis", "at")
not_personal(NOTICE, _RANDOM, "id", "tenant_id", "contact_id", "actor", "sent_by")
not_personal(NOTICE, _COURSE, "what", "channel", "changed_at", "sent_at")
