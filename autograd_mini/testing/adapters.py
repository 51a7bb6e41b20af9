"""Adapters: how the code of an engine is written, so that conformance properties can be run against it."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..core.serving import functions
from ..ops import TABLE
from .program import operands, python


@dataclass(frozen=True)
class Adapter:
    """How an engine's code is written, so that properties can be run against it.

    Attributes:
        name: the engine's name on the package index.
        imports: statements that make the names in the other texts known.
        leaf: an expression that makes a leaf of the number ``{x}``; None for engines that only differentiate functions.
        value: an expression for the number of the node ``{v}``.
        grad: an expression for the gradient of the leaf ``{v}``.
        backward: a statement that runs the backward pass from ``{v}``.
        assign: a statement that gives the leaf ``{v}`` the new number ``{x}``; None if that is not possible.
        gradient: for engines that only differentiate functions, an expression for the pair of value and list of
            gradients of the function ``f`` of ``{n}`` numbers at ``{inputs}``.
        functions: the functions of the table's rows by name, each a text with one ``{}`` for all operands or one for
            each. Operators are Python's; what has no entry, no operator and no namesake that runs is lacking.
        namesakes: how the engine's function ``{name}`` of the operands ``{}`` is called, where one is named as a row.
        scalar: whether nodes hold one number each, so that arrays must not become data.

    >>> Adapter("micrograd", "from micrograd.engine import Value", functions={"relu": "{}.relu()"}).leaf
    'Value({x})'
    """

    name: str
    imports: str
    leaf: str | None = "Value({x})"
    value: str = "{v}.data"
    grad: str = "{v}.grad"
    backward: str = "{v}.backward()"
    assign: str | None = "{v}.data = {x}"
    gradient: str | None = None
    functions: Mapping[str, str] = field(default_factory=dict)
    scalar: bool = True
    namesakes: str | None = None

    def spell(self, op: str, args: Sequence[str]) -> str:
        """The text of an operation; see ``program.python``."""
        template = self.functions.get(op)
        if template is None and self.may_have_namesake(op):
            template = str(self.namesakes).replace("{name}", op)
        if template is None:
            return python(op, args)
        if template.startswith("{}."):
            args = [a if re.fullmatch(r"\w+", a) else f"({a})" for a in args]
        return template.format(operands(op, args)) if template.count("{}") == 1 else template.format(*args)

    def may_have_namesake(self, op: str) -> bool:
        """Whether the engine may have a function named as a row; only a trial shows whether it has."""
        return self.namesakes is not None and op in functions and TABLE[op].arity > 0

    def __hash__(self) -> int:
        return hash(self.name)


ADAPTERS = {
    adapter.name: adapter
    for adapter in (
        Adapter(
            "autograd_mini",
            "import autograd_mini as ag",
            leaf="ag.Value({x})",
            functions={name: f"ag.{name}({{}})" for name in functions},
        ),
        Adapter("micrograd", "from micrograd.engine import Value", functions={"relu": "{}.relu()"}),
        Adapter(
            "torch",
            "import torch",
            leaf="torch.tensor({x}, dtype=torch.float64, requires_grad=True)",
            value="{v}.item()",
            grad="0.0 if {v}.grad is None else {v}.grad.item()",
            backward="{v}.backward(retain_graph=True)",
            assign="with torch.no_grad(): {v}.fill_({x})",
            functions={"softplus": "torch.nn.functional.softplus({})"},
            scalar=False,
            namesakes="torch.{name}({})",
        ),
        Adapter(
            "autograd",
            "import autograd.numpy as np\nfrom autograd import value_and_grad",
            leaf=None,
            gradient="value_and_grad(f, argnum=tuple(range({n})))({inputs})",
            functions={"softplus": "np.logaddexp(0.0, {})"},
            scalar=False,
            namesakes="np.{name}({})",
        ),
        Adapter(
            "tinygrad",
            "from tinygrad import Tensor, dtypes",
            leaf="Tensor([{x}], dtype=dtypes.float64)",
            value="{v}.item()",
            grad="0.0 if {v}.grad is None else {v}.grad.item()",
            backward="{v}.sum().backward()",
            assign=None,
            scalar=False,
            namesakes="{}.{name}()",
        ),
    )
}
"""The engines known by name."""


def adapter(name: str) -> Adapter:
    """The adapter of that name, or the one that ``module:attribute`` names.

    Raises:
        ValueError: if there is none, or the engine is not installed.
        TypeError: if the attribute is no ``Adapter``.
    """
    module, colon, attribute = name.partition(":")
    if colon:
        sys.path.insert(0, "")
        try:
            found = getattr(importlib.import_module(module), attribute, None)
        except ImportError as error:
            raise ValueError(f"cannot import {module}: {error}; run from the folder it is in") from None
        if not isinstance(found, Adapter):
            raise TypeError(f"{name} is {found!r}, not an Adapter; see autograd_mini.testing.Adapter")
        return found
    if name not in ADAPTERS:
        raise ValueError(f"no engine is known as {name!r}; known are {', '.join(ADAPTERS)}; others as module:adapter")
    if importlib.util.find_spec(name) is None:
        raise ValueError(f"{name} is not installed: pip install {name}")
    return ADAPTERS[name]
