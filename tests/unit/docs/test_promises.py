"""The generated page of clauses, controls and tests is the one that would be generated now."""

from tools import promises_reference


def test_the_page_is_of_today() -> None:
    assert promises_reference.PAGE.read_text() == promises_reference.page(), (
        "run tools/promises_reference.py"
    )


def test_controls_are_named_once_and_violations_too() -> None:
    names = [control.name for control in promises_reference.CONTROLS]
    names += [one.name for control in promises_reference.CONTROLS for one in control.violations]
    assert len(names) == len(set(names))
