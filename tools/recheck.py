#!/usr/bin/env python3
"""Rechecks the evidence of ``ringfence promises verify`` and ``challenge`` without Ringfence.

    python recheck.py FOLDER [--key HEX]
    python recheck.py --certificate FILE [--key HEX]

FOLDER holds the bundles 000001.json, 000002.json ... as they lie in <data_dir>/promises or
<data_dir>/challenges. Checked: each signature (Ed25519) and that all are of one key, or of the one
given; that each bundle continues the one before it; and that what a report says of each clause, or
its verdict, follows from what it says was seen. A certificate is that of a destruction, or the
receipt of a rights request, as the API gives it.

Needs the package ``cryptography``. Exit status 1 and a line for each problem.
"""

import argparse
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", help="the public key that must have signed, 64 hex digits")
    arguments = parser.parse_args()
    if (arguments.folder is None) == (arguments.certificate is None):
        parser.error("give either a folder or a certificate")
    if arguments.certificate is not None:
        return _certificate(arguments.certificate, arguments.key)
    paths = sorted(arguments.folder.glob("[0-9]*.json"))
    problems = [] if paths else ["there are no bundles"]
    previous, key = "", arguments.key
    for number, path in enumerate(paths, 1):
        raw = path.read_bytes()
        try:
            bundle = json.loads(raw)
            key = key or bundle["key"]
            found = [*_chain(bundle, number, previous, key), *_report(bundle["report"])]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            found = [f"cannot be read: {error!r}"]
        problems += [f"{path.name}: {problem}" for problem in found]
        previous = hashlib.sha256(raw).hexdigest()
    for problem in problems:
        print(problem)
    if not problems:
        last = json.loads(paths[-1].read_bytes())["report"]
        counts = last.get("totals", {}).items()
        totals = last.get("verdict") or ", ".join(f"{n} {state}" for state, n in counts if n)
        print(f"{len(paths)} bundles signed by {key} are whole; the last one says: {totals}")
    return 1 if problems else 0


def _certificate(path, key):
    try:
        said = json.loads(path.read_bytes())
        good = _is_signed(said) and said["key"] == (key or said["key"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"cannot be read: {error!r}")
        return 1
    if not good:
        print("the signature is not of its content, or of another key")
        return 1
    if said.get("form") == "ringfence.rights/1":
        print(f"signed by {said['key']}: {said['request']}, {said['kind']} done")
        return 0
    print(f"signed by {said['key']}: {said['erasure']}, {said['rows_cleared']} rows cleared")
    return 0


def _is_signed(said):
    body = {name: value for name, value in said.items() if name != "signature"}
    text = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(said["key"]))
        public.verify(bytes.fromhex(said["signature"]), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def _chain(bundle, number, previous, key):
    if bundle["number"] != number:
        yield f"is number {bundle['number']}, not {number}"
    if bundle["previous"] != previous:
        yield "does not continue the bundle before it"
    if bundle["key"] != key:
        yield "is signed by another key"
    if not _is_signed(bundle):
        yield "the signature is not of its content"


def _report(report):
    if report.get("form") == "ringfence.challenge/1":
        return _challenge(report)
    return _examinations(report)


def _challenge(report):
    expected = _verdict(report)
    if report["verdict"] != expected:
        yield f"is said to have been {report['verdict']}; what was seen makes it {expected}"
    if not report["began_at"] <= report["ended_at"]:
        yield "ended before it began"


def _verdict(report):
    before, after = report["before"], report["after"]
    if report["clear"] or any(after.get("erased", {}).values()):
        return "broken"
    held = report.get("customer_keys", False)
    if held and any(one["objects"] for one in (*before.values(), *after.values())):
        return "broken"
    both = {"erased", "control"}
    if report["error"] or report["missed"] or set(before) != both or set(after) != both:
        return "unknown"
    needed = {"copy": 2, "files": 1, "objects": int(not held), "credentials": 2, "key_store": 1}
    if any(len(before[who][where]) < count for who in both for where, count in needed.items()):
        return "unknown"
    for where, names in after["control"].items():
        gone = set(before["control"][where]) - set(names)
        if gone and (where not in ("files", "today") or not names):
            return "unknown"
    return "held" if after["control"]["today"] else "unknown"


def _examinations(report):
    seen = {one["control"]: one for one in report["examinations"]}
    if len(seen) != len(report["examinations"]):
        yield "a control was examined twice"
    for clause in report["clauses"]:
        state = clause["state"]
        if state in ("planned", "not_claimed"):
            continue
        backing = [
            one
            for one in seen.values()
            if _tried(one, clause["id"]) or clause["id"] in one["demonstrates"]
        ]
        expected = _worst([_judged(one, clause["id"]) for one in backing])
        errors = [seen[name]["error"] for name in clause["control"]]
        if state != expected and not (state == "unknown" and any(errors)):
            yield f"{clause['id']} is said to be {state}; what was seen makes it {expected}"
    counted = Counter(clause["state"] for clause in report["clauses"])
    if any(counted[state] != count for state, count in report["totals"].items()):
        yield "the totals are not those of the clauses"
    if sum(report["totals"].values()) != len(report["clauses"]):
        yield "the totals are not those of the clauses"
    if not report["began_at"] <= report["ended_at"]:
        yield "ended before it began"


def _tried(examination, clause):
    return [one for one in examination["attempts"] if clause in one["clauses"]]


def _judged(examination, clause):
    if examination["error"]:
        return "unknown"
    if examination["finding_count"]:
        return "broken"
    if any(clause in one["clauses"] for one in examination.get("mutants", ()) if not one["killed"]):
        return "unproven"
    if clause in examination["demonstrates"] and examination["population"] > 0:
        return "demonstrated"
    caught = all(
        one["caught_at"] and one["undone"] and not one["error"]
        for one in _tried(examination, clause)
    )
    if not caught or not examination["population"] > 0:
        return "unproven"
    # of reports that were made before there was such a state: none
    return "configured" if examination.get("unforced") else "enforced"


def _worst(states):
    order = ["broken", "unknown", "unproven", "configured", "demonstrated", "enforced"]
    return min(states, key=order.index) if states else "planned"


if __name__ == "__main__":
    sys.exit(main())
