"""The mutation command: every mutant changes the package, and a changed package is noticed."""

import pytest
from mutants import MUTANTS, PACKAGE, kill


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_every_mutant_replaces_a_text_that_is_there_once(mutant):
    assert (PACKAGE / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1
    assert mutant.old != mutant.new


def test_there_are_mutants_enough_and_each_has_a_name_of_its_own():
    assert len({mutant.what for mutant in MUTANTS}) == len(MUTANTS) >= 40


def test_a_mutant_is_killed_by_a_property_that_is_named():
    pytest.importorskip("mpmath", reason="needs the extra test")
    mutant = next(m for m in MUTANTS if m.what == "relu of NaN is 0")
    assert kill(mutant).startswith("test_")
