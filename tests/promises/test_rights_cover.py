"""Every value that is classified as exportable has a way into its person's package."""

from __future__ import annotations

import pytest

from ringfence.domains.privacy import api as privacy
from ringfence.domains.privacy.contracts import (
    Category,
    ClassificationError,
    Erasure,
    FieldClass,
    PersonId,
    Purpose,
    RowLink,
)
from ringfence.domains.privacy.rules.exporting import exports

OF_ACCOUNTS = {
    ("identity.AgeAttestation", "attested_at"),
    ("identity.KnownDevice", "created_at"),
    ("identity.KnownDevice", "last_used_at"),
    ("identity.Membership", "work_location"),
    ("identity.User", "email"),
    ("identity.User", "last_login"),
}
"""Of people who sign in to the console: the operator's, in no tenant's rows and no data subject of
one. No package has them."""
EXPORTABLE = [
    entry
    for entry in privacy.all_classifications()
    if isinstance(entry, FieldClass) and entry.export
]


def test_there_is_what_to_export() -> None:
    assert len(EXPORTABLE) > 50
    assert {(e.model, e.field) for e in EXPORTABLE if e.role is None} == OF_ACCOUNTS


@pytest.mark.parametrize(
    "entry",
    [entry for entry in EXPORTABLE if entry.role is not None],
    ids=lambda entry: f"{entry.model}.{entry.field}",
)
def test_it_is_in_the_walk(entry: FieldClass) -> None:
    plan = exports(privacy.all_classifications(), privacy.row_links())
    (found,) = [one for one in plan if one.model == entry.model]
    assert entry in found.fields
    roles = {role for role, _ in found.roles}
    assert roles
    assert entry.role == "either" or entry.role in roles


def field(role: str | None, model: str = "x.Row") -> FieldClass:
    return FieldClass(
        model=model,
        field="value",
        category=Category.TRAFFIC,
        purposes=frozenset({Purpose.SERVICE}),
        retention="account",
        export=True,
        erasure=Erasure.KEEP_UNLINKED,
        role=role,
    )


def test_a_value_that_no_way_leads_to_is_refused() -> None:
    other = PersonId("x.Other", "person_id", "caller")
    for role in ("either", "caller"):
        with pytest.raises(ClassificationError, match="no way"):
            exports([field(role), other], [])
        (by_link,) = [
            one
            for one in exports([field(role), other], [RowLink("x.Row", "o", "x.Other", "id")])
            if one.model == "x.Row"
        ]
        assert by_link.roles == (("caller", "person_id"),)
    with pytest.raises(ClassificationError, match="no way"):
        exports([field("callee"), PersonId("x.Row", "person_id", "caller")], [])


def test_a_table_has_one_way() -> None:
    link = privacy.row_links()[0]
    privacy.link_rows(link)
    with pytest.raises(ClassificationError, match="twice"):
        privacy.link_rows(RowLink(link.model, link.field, "x.Other", "id"))
