"""Operations of users: how they are named, what they look like, and that they leave built-in ones alone."""

import copy
import inspect
import math
import pickle

import pytest

import autograd_mini as ag
from autograd_mini.ops import FUNCTIONS, TABLE


@pytest.fixture(autouse=True)
def the_table_stays_as_it_was():
    before = dict(TABLE)
    yield
    TABLE.clear()
    TABLE.update(before)


def exp(x):
    """Ten to the x."""
    return 10.0**x


TENFOLD = {"partials": (lambda out, x: math.log(10.0) * out,)}
OWN = f"{__name__}.exp"


def test_an_operation_that_is_named_as_a_built_in_one_replaces_nothing():
    before = TABLE["exp"], FUNCTIONS["exp"]
    mine = ag.operation(**TENFOLD)(exp)
    assert (TABLE["exp"], FUNCTIONS["exp"]) == before
    assert (mine(2.0), mine(ag.Value(2.0)).op, ag.exp(ag.Value(2.0)).op) == (100.0, TABLE[OWN], before[0])
    assert ag.grad(ag.grad(mine))(0.0) == pytest.approx(math.log(10.0) ** 2)
    assert ag.Value(0.0).exp().op is before[0]


def test_an_operation_has_the_name_docstring_and_signature_of_its_function():
    mine = ag.operation(**TENFOLD)(exp)
    assert (mine.__name__, mine.__doc__, str(inspect.signature(mine))) == ("exp", "Ten to the x.", "(x)")
    row = TABLE[OWN]
    assert (row.name, row.text, row.role, row.domain) == (OWN, "exp({})", "function", ((-5.0, 5.0),))


def test_entered_again_it_takes_the_place_of_the_former_one_which_nodes_keep():
    old = ag.operation(**TENFOLD)(exp)(ag.Value(1.0))
    again = ag.operation(partials=(None,), text="ten^{}")(exp)
    assert TABLE[OWN].text == "ten^{}"
    old.backward()
    assert old.args[0].grad == pytest.approx(10.0 * math.log(10.0))
    assert ag.grad(again)(1.0) == 0.0


def test_copies_find_it_by_its_name():
    node = ag.operation(**TENFOLD)(exp)(ag.Value(2.0))
    for clone in (copy.deepcopy(node), pickle.loads(pickle.dumps(node))):
        assert clone.op is TABLE[OWN]
    text = pickle.dumps(node)
    del TABLE[OWN]
    with pytest.raises(
        KeyError, match=f"no operation is named '{OWN}'; import the module that defines it, or it may co"
    ):
        pickle.loads(text)


def spread(xs):
    """The sum of squares of the distances from the mean."""
    mean = math.fsum(xs) / len(xs)
    return math.fsum((x - mean) ** 2 for x in xs)


def test_a_function_of_a_list_has_its_partials_all_at_once():
    def slopes(out, *xs):
        mean = ag.sum(xs) / len(xs)
        return [2.0 * (x - mean) for x in xs]

    mine = ag.operation(partials=slopes)(spread)
    assert TABLE[f"{__name__}.spread"].text == "spread({})"
    assert mine([1.0, 3.0]) == mine(xs=[1.0, 3.0]) == 2.0
    xs = [ag.Value(1.0), 3.0, ag.Value(8.0)]
    mine(xs).backward()
    assert [xs[0].grad, xs[2].grad] == [-6.0, 8.0]
    ag.testing.check_grads(mine, ([1.0, 3.0, 8.0],))


def test_an_operation_that_does_not_fit_is_not_entered():
    with pytest.raises(
        TypeError, match=rf"the function of {OWN} takes \(x\), but there are partials for 2; it is to ta"
    ):
        ag.operation(partials=(None, None))(exp)
    assert OWN not in TABLE


@pytest.mark.parametrize("value", [lambda x: x, ag.nn.ReLU()])
def test_what_has_no_name_is_refused(value):
    with pytest.raises(TypeError, match=r"an operation is found again by its name, but .* has none; write it with def"):
        ag.operation(partials=(lambda out, x: 1.0,))(value)
