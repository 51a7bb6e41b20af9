"""The textbook engine, behaviour by behaviour."""

import pytest

import autograd_mini as ag
from autograd_mini import Value


def test_shared_nodes_count_every_path():
    a = Value(3.0)
    b = a + a
    (b + b).backward()
    assert (a.grad, b.grad) == (4.0, 2.0)


def test_backward_twice_doubles_the_leaves_exactly():
    a, b = Value(0.3), Value(0.7)
    out = ag.tanh(a * b) * a
    out.backward()
    once = (a.grad, b.grad)
    out.backward()
    assert (a.grad, b.grad) == (2 * once[0], 2 * once[1])


def test_stale_graph_is_an_error():
    x = Value(1.0, label="x")
    y = x * x
    x.data = 2.0
    with pytest.raises(ag.StaleGraphError, match=r"Value\(2.0, label='x'\) was assigned after"):
        y.backward()
    assert x.grad == 0.0


def test_a_million_deep():
    x = Value(1.0)
    y = x
    for _ in range(1_000_000):
        y = y + 1.0
    y.backward()
    assert x.grad == 1.0


def test_domain_error_names_operand_and_remedy():
    with pytest.raises(ValueError, match=r"log\(Value\(-1.0, label='a'\)\): math domain error; keep its operands"):
        ag.log(Value(-1.0, label="a"))
