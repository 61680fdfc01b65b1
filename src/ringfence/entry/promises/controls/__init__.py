"""The controls. A new one is a module here and a line below; see docs/guides/promises.md."""

from ringfence.entry.promises.control import Control
from ringfence.entry.promises.controls.audit_trail import AUDIT_TRAIL
from ringfence.entry.promises.controls.calls_recorded import CALLS_RECORDED
from ringfence.entry.promises.controls.children_kept_out import CHILDREN_KEPT_OUT
from ringfence.entry.promises.controls.closed_gone import CLOSED_GONE
from ringfence.entry.promises.controls.consent_evidence import CONSENT_EVIDENCE
from ringfence.entry.promises.controls.custody_holds import CUSTODY_HOLDS
from ringfence.entry.promises.controls.expired_gone import EXPIRED_GONE
from ringfence.entry.promises.controls.files_clear import FILES_CLEAR
from ringfence.entry.promises.controls.ledger_complete import LEDGER_COMPLETE
from ringfence.entry.promises.controls.nothing_leaves import NOTHING_LEAVES
from ringfence.entry.promises.controls.opt_outs_hold import OPT_OUTS_HOLD
from ringfence.entry.promises.controls.periods_as_promised import PERIODS_AS_PROMISED
from ringfence.entry.promises.controls.policy_published import POLICY_PUBLISHED
from ringfence.entry.promises.controls.recordings_asked_for import RECORDINGS_ASKED_FOR
from ringfence.entry.promises.controls.recordings_sealed import RECORDINGS_SEALED
from ringfence.entry.promises.controls.records_end import RECORDS_END
from ringfence.entry.promises.controls.rights_answered import RIGHTS_ANSWERED
from ringfence.entry.promises.controls.told_before_end import TOLD_BEFORE_END
from ringfence.entry.promises.controls.values_sealed import VALUES_SEALED

CONTROLS: tuple[Control, ...] = (
    FILES_CLEAR,  # first: what others plant and roll back stays in files for a while
    AUDIT_TRAIL,
    CALLS_RECORDED,
    CHILDREN_KEPT_OUT,
    CLOSED_GONE,
    CONSENT_EVIDENCE,
    CUSTODY_HOLDS,
    EXPIRED_GONE,
    LEDGER_COMPLETE,
    NOTHING_LEAVES,
    OPT_OUTS_HOLD,
    PERIODS_AS_PROMISED,
    POLICY_PUBLISHED,
    RECORDINGS_ASKED_FOR,
    RECORDINGS_SEALED,
    RECORDS_END,
    TOLD_BEFORE_END,
    RIGHTS_ANSWERED,
    VALUES_SEALED,
)
