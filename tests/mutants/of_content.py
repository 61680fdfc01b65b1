"""Mutants of encryption, recording, call records, the audit trail and access."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_AEAD = "from cryptography.hazmat.primitives.ciphers.aead import AESGCM\n"
_NO_CIPHER = """class AESGCM:
    def __init__(self, key: bytes) -> None: ...
    def encrypt(self, nonce: bytes, data: bytes, more: bytes | None) -> bytes:
        return data + bytes(16)
    def decrypt(self, nonce: bytes, data: bytes, more: bytes | None) -> bytes:
        return data[:-16]
"""
_WHOLE = ("tests/e2e/test_promises.py::test_a_fresh_installation_keeps_what_is_backed",)
_TRACKS = ("tests/contract/test_media_tracks.py::test_no_word_is_in_clear_on_disk",)
_PLAN = "domains/recordings/usecases/plan_recording.py"
_PLANNED = ("tests/unit/recordings/test_plan.py",)
_HELD = ("CCA-05.0-03",)
_CUSTODY = "tests/http/test_custody.py"
_AUDIT = "platform_django/audit/verify.py"
_AUDITED = ("tests/unit/audit/test_verify.py",)
_RECORD = "domains/calls/rules/call_record.py"
_CALLS = "tests/e2e/test_calls.py"

MUTANTS = (
    Mutant(
        "values-unsealed",
        "values-sealed",
        ("CCA-05.0-01", "CMX-06.0-03"),
        "platform/keys/crypto.py",
        _AEAD,
        _NO_CIPHER,
        _WHOLE,
    ),
    Mutant(
        "recordings-unsealed",
        "recordings-sealed",
        ("CCA-01.0-11", "CCA-05.0-01", "CMX-06.0-03", "CTX-01.C-07"),
        "platform/keys/objects.py",
        _AEAD,
        _NO_CIPHER,
        _TRACKS,
    ),
    Mutant(
        "callers-logged",
        "files-clear",
        ("CCA-05.0-01", "CTX-01.C-07"),
        _PLAN,
        "    if emergency:\n",
        "    open('var/recorded.log', 'a').write(f'{numbers}')\n    if emergency:\n",
        _WHOLE,
    ),
    Mutant(
        "recorded-by-default",
        "recordings-asked-for",
        ("CTX-01.C-02", "CMX-05.0-01"),
        _PLAN,
        '(False, None, "silence", "", None, 24)',
        '(True, None, "silence", "recording-notice-en", None, 24)',
        _PLANNED,
    ),
    Mutant(
        "switch-of-recording-ignored",
        "recordings-asked-for",
        ("CTX-01.C-02", "CMX-05.0-01"),
        _PLAN,
        "    if not enabled:\n",
        "    if row is None:\n",
        _PLANNED,
    ),
    Mutant(
        "recorded-unannounced",
        "",
        ("CMX-05.0-04",),
        _PLAN,
        "if asked.announce else None",
        "if override else None",
        (*_PLANNED, "tests/e2e/test_recording.py::test_the_prompt_precedes_the_first_stored_frame"),
    ),
    Mutant(
        "platform-keeps-a-wrap",
        "custody-holds",
        _HELD,
        "engine/media/recorder.py",
        'None if request.custody == "customer" else leaf',
        "leaf",
        (
            "tests/contract/test_media_tracks.py"
            "::test_what_the_customer_alone_may_open_nobody_else_opens",
        ),
    ),
    Mutant(
        "what-binds-is-not-asked",
        "custody-holds",
        _HELD,
        _PLAN,
        " and custody_of(tenant_id) is not KeyCustody.CUSTOMER:",
        ":",
        (f"{_CUSTODY}::test_without_a_key_of_the_customers_nothing_is_recorded",),
    ),
    Mutant(
        "binding-by-the-newest",
        "custody-holds",
        _HELD,
        "domains/policy/queries.py",
        "if number == found), None)",
        "if number == rows[-1][0]), None)",
        (f"{_CUSTODY}::test_a_version_counts_from_when_it_binds",),
    ),
    Mutant(
        "recorded-without-a-key",
        "custody-holds",
        _HELD,
        _PLAN,
        'if custody == "customer" and not keys:',
        'if custody == "customer" and not row:',
        (f"{_CUSTODY}::test_without_a_key_of_the_customers_nothing_is_recorded",),
    ),
    Mutant(
        "no-hours-are-a-day",
        "custody-holds",
        _HELD,
        _PLAN,
        "if analysis_hours and custody_of",
        "if custody_of",
        (f"{_CUSTODY}::test_whoever_wants_it_gives_the_platform_no_key",),
    ),
    Mutant(
        "custody-is-lost",
        "custody-holds",
        _HELD,
        "domains/recordings/rules/recording_record.py",
        "custody=data.custody,",
        'custody="platform",',
        (f"{_CUSTODY}::test_the_platform_plays_nothing_that_the_customer_alone_may_open",),
    ),
    Mutant(
        "a-changed-record-passes",
        "audit-trail",
        ("CCA-05.0-07",),
        _AUDIT,
        "    if changed:\n",
        "    if removed:\n",
        _AUDITED,
    ),
    Mutant(
        "a-removed-record-passes",
        "audit-trail",
        ("CCA-05.0-07",),
        _AUDIT,
        "    if removed:\n",
        "    if changed_ := []:\n",
        _AUDITED,
    ),
    Mutant(
        "uses-unrecorded",
        "audit-trail",
        ("CCA-05.0-07",),
        "platform/audit.py",
        "            writer.append(data)\n",
        "            writer.append(data) if 'web' not in self._credential else None\n",
        _WHOLE,
    ),
    Mutant(
        "an-answer-that-reached-nobody",
        "calls-recorded",
        ("CCA-01.0-10", "CMX-01.3-02", "CTX-01.B-02", "CTX-01.B-03"),
        _RECORD,
        '            call["answered_at"] = at\n',
        '            call["answered_at"] = at.replace(year=2001)\n',
        (f"{_CALLS}::test_answered_bridged_and_hung_up_by_the_caller", *_WHOLE),
    ),
    Mutant(
        "numbers-swapped",
        "calls-recorded",
        ("CMX-01.3-01",),
        _RECORD,
        '**_party("caller", event.caller),',
        '**_party("caller", event.callee),',
        (f"{_CALLS}::test_answered_bridged_and_hung_up_by_the_caller",),
    ),
    Mutant(
        "every-failure-is-the-same",
        "",
        ("CMX-01.3-03", "CLX-02.B-03"),
        _RECORD,
        "return _UNANSWERED.get(reason, Disposition.FAILED)",
        "return Disposition.FAILED",
        (f"{_CALLS}::test_refused", f"{_CALLS}::test_no_answer"),
    ),
    Mutant(
        "how-it-ended-is-lost",
        "",
        ("CLX-02.B-03", "CMX-01.3-03"),
        _RECORD,
        "        end_reason=reason,\n",
        '        end_reason="completed",\n',
        (f"{_CALLS}::test_answered_bridged_and_hung_up_by_the_caller",),
    ),
    Mutant(
        "any-password-will-do",
        "",
        ("CTX-02.A-01",),
        "protocols/sip/digest.py",
        "return hmac.compare_digest(self.expected(ha1_hex, method).encode(), response)",
        "return bool(self.expected(ha1_hex, method)) and bool(response)",
        ("tests/e2e/test_strangers.py::test_passwords",),
    ),
    Mutant(
        "support-sees-without-a-case",
        "",
        ("CTX-02.A-07",),
        "domains/compliance/rules/authentication.py",
        "    return at(case, now).state in SPOKEN\n",
        "    return True\n",
        (
            "tests/http/test_cpni.py"
            "::test_support_sees_calls_in_a_case_alone_and_the_trail_names_it",
        ),
    ),
    Mutant(
        "passwords-hashed-otherwise",
        "",
        ("CLX-02.A-02",),
        "platform_django/sign_in.py",
        "hashers.Argon2PasswordHasher",
        "hashers.PBKDF2PasswordHasher",
        ("tests/promises/test_passwords.py",),
    ),
    Mutant(
        "restored-to-the-end",
        "",
        ("CMX-06.0-06",),
        "platform/wal.py",
        '        options["recovery_target_time"] = target_time\n',
        "        pass\n",
        ("tests/unit/ops/test_backup.py::test_back_to_a_time_and_forth_again",),
    ),
)
