"""Optimisers: they read ``grad`` of the parameters and assign ``data``, with PyTorch's names, defaults and arithmetic.

The update rules round as PyTorch's float64 CPU kernels do when these do not fuse a multiplication with an addition:
the same operations in the same order, and the exactly rounded square root (the one PyTorch takes from MKL is off by a
last bit now and then). One difference of the data model shows: a gradient here is 0.0 where PyTorch
may have None, so every parameter takes part in every step.

A new optimiser is a subclass of ``Optimizer`` that names its hyper-parameters and its ``_slots``, checks the former in
``_checked`` and does its arithmetic in ``_update``; assignment, saving and loading then work by themselves.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from ..arguments import (
    flag,
    no_parameters,
    number_within,
    same_names,
    saved_number,
    whole_number,
    wrong_type,
    wrong_value,
)
from ..core.serving import Value
from ..files import read_part
from ..ops.ieee import ieee_div

_PARTS = ("optimizer", "step", "hyper", "state")  # of a saved state


def hyper_parameter(name: str, meaning: str) -> Any:
    """A hyper-parameter as an attribute. Every assignment is checked, together with all others, before it counts."""

    def get(self: Any) -> Any:
        return self._hyper[name]

    def assign(self: Any, value: Any) -> None:
        self._hyper = self._checked({**self._hyper, name: value})

    return property(get, assign, doc=meaning)


def count(noun: str, value: object) -> int:
    """A number of steps in a saved state; powers and quotients of greater ones would not be exact."""
    return whole_number(noun, value, low=0, below=2**53)


class _Slot(NamedTuple):
    """One number that an optimiser keeps for each parameter."""

    initial: float | None  # before the first step; None if there is nothing yet, which then is a legal content
    low: float = -math.inf  # the smallest legal number; NaN is always legal, because a NaN gradient makes it

    def checked(self, noun: str, content: object) -> float | None:
        """``content`` as this slot keeps it, or TypeError or ValueError with ``noun`` for its name."""
        if content is None and self.initial is None:
            return None
        number = saved_number(noun, content)
        if number < self.low:
            raise wrong_value(noun, content, f"it cannot be below {self.low:g}, the state is damaged")
        return number


class Optimizer(ABC):
    """The base of all optimisers.

    Args:
        params: the leaves to optimise, in an order that is the same in every run, as saved states rely on it.
        hyper: the hyper-parameters by name.

    Attributes:
        params: the parameters, a tuple.

    Raises:
        TypeError: if ``params`` is no ordered iterable of Values or a hyper-parameter has the wrong type.
        ValueError: if ``params`` is empty, names a Value twice or holds a computed one, or a hyper-parameter is out of
            its range.

    >>> optimizer = Adam([Value(1.0)], lr=0.1)
    >>> isinstance(optimizer, Optimizer), optimizer.params
    (True, (Value(1.0),))
    """

    _slots: ClassVar[dict[str, _Slot]] = {}
    _initial_lr: float | None = None  # what the first schedule of the learning rate found
    params: tuple[Value, ...]
    lr: float

    def __init__(self, params: Iterable[Value], **hyper: Any) -> None:
        self._hyper = self._checked(hyper)
        self.params = _parameters(params)
        self._steps = 0
        self._state: dict[str, list[Any]] = {
            name: [slot.initial] * len(self.params) for name, slot in self._slots.items()
        }

    @abstractmethod
    def _checked(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """All hyper-parameters as they are to be kept, or TypeError or ValueError; changes nothing."""

    @abstractmethod
    def _update(self) -> None:
        """Assign every parameter's ``data``; ``_steps`` already counts this step."""

    def step(self) -> None:
        """Change every parameter once, by its present ``grad``. A NaN there propagates.

        Graphs recorded before are out of date afterwards: compute the loss again before the next ``backward``.

        >>> x = Value(1.0)
        >>> x.grad = 2.0
        >>> SGD([x], lr=0.25).step()
        >>> x.data
        0.5
        """
        self._steps += 1
        self._update()

    def zero_grad(self) -> None:
        """Set ``grad`` of every parameter to 0.0; without it the gradients of several losses add up.

        >>> x = Value(1.0)
        >>> x.grad = 2.0
        >>> SGD([x]).zero_grad()
        >>> x.grad
        0.0
        """
        for p in self.params:
            p.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """A snapshot from which ``load_state_dict`` continues bit for bit; the parameters' data is not part of it.

        Returns:
            a dict of str, numbers, bools, None, lists and dicts, as JSON has them: ``optimizer`` is the name of the
            class, ``step`` the number of steps done, ``hyper`` the hyper-parameters, and ``state`` holds a list per
            slot with one entry per parameter.

        >>> SGD([Value(1.0)], momentum=0.5).state_dict()["state"]
        {'momentum_buffer': [None]}
        """
        return {
            "optimizer": type(self).__name__,
            "step": self._steps,
            "hyper": {name: list(h) if type(h) is tuple else h for name, h in self._hyper.items()},
            "state": {name: list(contents) for name, contents in self._state.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a snapshot, hyper-parameters included. Nothing is changed unless all of it is valid.

        Args:
            state: what ``state_dict`` returned, perhaps by way of JSON, for the same class of optimiser and the same
                number of parameters in the same order.

        Raises:
            TypeError: if a part has the wrong type.
            ValueError: if it is the state of another optimiser or of another number of parameters, if an entry is
                missing or unknown, or if a number is out of its range.

        >>> x = Value(1.0)
        >>> optimizer = SGD([x], lr=0.5)
        >>> optimizer.load_state_dict(SGD([x], lr=0.25).state_dict())
        >>> optimizer.lr
        0.25
        """
        same_names("state", state, _PARTS)
        kind, contents = type(self).__name__, state["state"]
        if state["optimizer"] != kind:
            raise ValueError(
                f"state belongs to the optimizer {state['optimizer']!r}, and this is {kind!r}; "
                "load it into an optimizer of its own class"
            )
        steps = count("state['step']", state["step"])
        same_names("state['hyper']", state["hyper"], self._hyper)
        hyper = self._checked(state["hyper"])
        same_names("state['state']", contents, self._slots)
        for name, entries in contents.items():
            if not isinstance(entries, list):
                raise wrong_type(name, entries, "a saved state holds a list here, with one entry for each parameter")
            if len(entries) != len(self.params):
                raise ValueError(
                    f"{name} is of {len(entries)} parameters, and this optimizer has {len(self.params)}; "
                    "load it for the parameters it was saved for"
                )
        checked = {
            name: [slot.checked(f"{name}[{i}]", entry) for i, entry in enumerate(contents[name])]
            for name, slot in self._slots.items()
        }
        self._hyper, self._steps, self._state = hyper, steps, checked

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take over what an optimiser had gathered, such as averages, from a checkpoint of ``fit``: to go on with
        another learning rate or other data than before. The hyper-parameters stay as they are.

        Args:
            path: the file. Its training had the same class of optimiser, and as many parameters in the same order.

        Raises:
            TypeError, ValueError: as ``load_state_dict``; if the file is damaged, no checkpoint, or from a newer
                version of this package.
            OSError: if it cannot be read.

        >>> import os.path, tempfile
        >>> from autograd_mini import fit, nn
        >>> model = nn.Neuron(1, nonlin=False)
        >>> optimizer, data = Adam(model.parameters(), lr=0.1), [([1.0], 2.0)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "run.json")
        ...     history = fit(model, nn.mse_loss, data, optimizer, epochs=3, checkpoint=path, progress=False)
        ...     slower = Adam(model.parameters(), lr=0.01)
        ...     slower.load(path)
        >>> slower.lr, slower.state_dict()["step"]
        (0.01, 3)
        """
        state = read_part(path, "optimizer", "name another file")
        same_names("state", state, _PARTS)
        self.load_state_dict({**state, "hyper": self._hyper})


class SGD(Optimizer):
    """Gradient descent, with momentum in PyTorch's form of Sutskever et al. 2013, "On the importance of initialization
    and momentum in deep learning": for the gradient g of the parameter x,

        g = g + weight_decay * x
        b = momentum * b + (1 - dampening) * g       (b = g the first time)
        x = x - lr * b                               (with nesterov: x - lr * (g + momentum * b))

    where the paper has the learning rate inside the velocity, ``v = momentum * v - lr * g; x = x + v``: the two differ
    only when ``lr`` changes on the way.

    Args:
        params: the leaves to optimise, in an order that is the same in every run.
        lr: the learning rate, at least 0, in units of parameter per gradient. May be assigned between steps, as may
            all that follow.
        momentum: how much of the previous step's direction remains, at least 0; a pure number. 0 turns it off.
        dampening: how much of the gradient is withheld from the direction, a pure number.
        weight_decay: the factor of the penalty ``weight_decay / 2 * x * x``, at least 0.
        nesterov: look ahead by one step of momentum; needs a momentum and no dampening.

    Raises:
        TypeError, ValueError: as ``Optimizer``.

    >>> x = Value(1.0)
    >>> optimizer = SGD([x], lr=0.5, momentum=0.5)
    >>> for _ in range(2):
    ...     x.grad = 1.0
    ...     optimizer.step()
    >>> x.data
    -0.25
    """

    _slots = {"momentum_buffer": _Slot(initial=None)}

    lr: float = hyper_parameter("lr", "The learning rate.")
    momentum: float = hyper_parameter("momentum", "How much of the previous direction remains.")
    dampening: float = hyper_parameter("dampening", "How much of the gradient is withheld.")
    weight_decay: float = hyper_parameter("weight_decay", "The factor of the quadratic penalty.")
    nesterov: bool = hyper_parameter("nesterov", "Whether it looks ahead.")

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov
        )

    def _checked(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        lr = number_within("lr", hyper["lr"], at_least=0)
        momentum = number_within("momentum", hyper["momentum"], at_least=0)
        dampening = number_within("dampening", hyper["dampening"])
        weight_decay = number_within("weight_decay", hyper["weight_decay"], at_least=0)
        nesterov = flag("nesterov", hyper["nesterov"])
        if nesterov and (momentum == 0.0 or dampening != 0.0):
            raise ValueError(
                "Nesterov momentum requires a momentum and zero dampening: "
                f"momentum is {momentum!r} and dampening {dampening!r}; choose momentum=0.9, dampening=0, say"
            )
        return {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
        }

    def _update(self) -> None:
        lr, momentum, weight_decay, nesterov = self.lr, self.momentum, self.weight_decay, self.nesterov
        share = 1.0 - self.dampening
        buffers = self._state["momentum_buffer"]
        for i, p in enumerate(self.params):
            x, g = p.data, p.grad
            if weight_decay:  # without decay an infinite x must not turn g into NaN
                g += weight_decay * x
            if momentum:
                b = buffers[i]
                buffers[i] = b = g if b is None else b * momentum + share * g
                g = g + momentum * b if nesterov else b
            p.data = x - lr * g


class Adam(Optimizer):
    """Adam, Algorithm 1 of Kingma & Ba 2015 (arXiv:1412.6980), as PyTorch has it: for the gradient g of the parameter
    x in step t

        g = g + weight_decay * x
        m = beta1 * m + (1 - beta1) * g              (exp_avg)
        v = beta2 * v + (1 - beta2) * g * g          (exp_avg_sq)
        x = x - lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps)

    Args:
        params: the leaves to optimise, in an order that is the same in every run.
        lr: the learning rate, at least 0, in units of the parameter: no early step is much longer. May be assigned
            between steps, as may all that follow.
        betas: how much of the averages of the gradient and of its square remains in each step; at least 0, below 1.
        eps: added to the root of the averaged square against division by zero, at least 0, in units of the gradient.
        weight_decay: the factor of the penalty ``weight_decay / 2 * x * x``, at least 0.

    Raises:
        TypeError, ValueError: as ``Optimizer``.

    >>> x = Value(1.0)
    >>> optimizer = Adam([x], lr=0.25)
    >>> x.grad = 1000.0
    >>> optimizer.step()
    >>> round(x.data, 6)
    0.75
    """

    _slots = {"exp_avg": _Slot(initial=0.0), "exp_avg_sq": _Slot(initial=0.0, low=0.0)}
    _decoupled: ClassVar[bool] = False  # whether weight decay goes past the averages

    lr: float = hyper_parameter("lr", "The learning rate.")
    betas: tuple[float, float] = hyper_parameter("betas", "How much of the two averages remains.")
    eps: float = hyper_parameter("eps", "What keeps the denominator from zero.")
    weight_decay: float = hyper_parameter("weight_decay", "The factor of the quadratic penalty.")

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def _checked(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        betas = hyper["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            wrong = wrong_value if isinstance(betas, (tuple, list)) else wrong_type
            raise wrong("betas", betas, "choose a pair of numbers, such as (0.9, 0.999)")
        return {
            "lr": number_within("lr", hyper["lr"], at_least=0),
            "betas": tuple(number_within(f"betas[{i}]", b, at_least=0, below=1) for i, b in enumerate(betas)),
            "eps": number_within("eps", hyper["eps"], at_least=0),
            "weight_decay": number_within("weight_decay", hyper["weight_decay"], at_least=0),
        }

    def _update(self) -> None:
        (beta1, beta2), eps, weight_decay = self.betas, self.eps, self.weight_decay
        minus_step_size = -(self.lr / (1.0 - beta1**self._steps))
        keep = 1.0 - self.lr * weight_decay if self._decoupled else None
        root_correction = (1.0 - beta2**self._steps) ** 0.5
        share1, share2 = 1.0 - beta1, 1.0 - beta2
        small, rest = share1 < 0.5, 1.0 - share1
        ms, vs = self._state["exp_avg"], self._state["exp_avg_sq"]
        sqrt = math.sqrt
        for i, p in enumerate(self.params):
            x, g = p.data, p.grad
            if keep is not None:
                x *= keep
            elif weight_decay:  # without decay an infinite x must not turn g into NaN
                g += weight_decay * x
            m = ms[i]
            # torch.lerp starts from the nearer end, so that it hits both ends exactly.
            ms[i] = m = m + share1 * (g - m) if small else g - (g - m) * rest
            vs[i] = v = vs[i] * beta2 + share2 * g * g
            denominator = sqrt(v) / root_correction + eps
            # With eps = 0 a parameter that never had a gradient becomes NaN, as in PyTorch.
            p.data = x + (
                minus_step_size * m / denominator if denominator else ieee_div(minus_step_size * m, denominator)
            )


class AdamW(Adam):
    """Adam with the weight decay of Loshchilov & Hutter 2019 (arXiv:1711.05101), which shrinks x by itself before each
    step instead of taking part in the averages:

        x = x - lr * weight_decay * x

    Args: as ``Adam``, but weights decay unless ``weight_decay`` is 0.

    Raises:
        TypeError, ValueError: as ``Optimizer``.

    >>> x = Value(1.0)
    >>> AdamW([x], lr=0.25, weight_decay=1.0).step()
    >>> x.data
    0.75
    """

    _decoupled = True

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)


class RMSprop(Optimizer):
    """Steps in units of the recent gradients' size, after Hinton's lecture 6 of 2012, as PyTorch has it: for the
    gradient g of the parameter x

        g = g + weight_decay * x
        v = alpha * v + (1 - alpha) * g * g          (square_avg)
        d = g / (sqrt(v) + eps)                      (with centered: v - m * m for v, m the average of g: grad_avg)
        b = momentum * b + d                         (momentum_buffer; b = d without momentum)
        x = x - lr * b

    A variance v - m * m that rounding takes below 0 counts as 0; in PyTorch the parameter becomes NaN.

    Args:
        params: the leaves to optimise, in an order that is the same in every run.
        lr: the learning rate, at least 0, in units of the parameter. May be assigned between steps, as may all that
            follow.
        alpha: how much of the averages remains in each step; at least 0, below 1.
        eps: added to the root against division by zero, at least 0, in units of the gradient.
        weight_decay: the factor of the penalty ``weight_decay / 2 * x * x``, at least 0.
        momentum: how much of the previous step's direction remains, at least 0; a pure number. 0 turns it off.
        centered: whether the gradient's variance takes the place of its mean square.

    Raises:
        TypeError, ValueError: as ``Optimizer``.

    >>> x = Value(1.0)
    >>> x.grad = 1000.0
    >>> RMSprop([x], lr=0.25, alpha=0.75).step()
    >>> round(x.data, 6)
    0.5
    """

    _slots = {
        "square_avg": _Slot(initial=0.0, low=0.0),
        "grad_avg": _Slot(initial=0.0),
        "momentum_buffer": _Slot(initial=0.0),
    }

    lr: float = hyper_parameter("lr", "The learning rate.")
    alpha: float = hyper_parameter("alpha", "How much of the averages remains.")
    eps: float = hyper_parameter("eps", "What keeps the denominator from zero.")
    weight_decay: float = hyper_parameter("weight_decay", "The factor of the quadratic penalty.")
    momentum: float = hyper_parameter("momentum", "How much of the previous direction remains.")
    centered: bool = hyper_parameter("centered", "Whether the variance takes the place of the mean square.")

    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered
        )

    def _checked(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "lr": number_within("lr", hyper["lr"], at_least=0),
            "alpha": number_within("alpha", hyper["alpha"], at_least=0, below=1),
            "eps": number_within("eps", hyper["eps"], at_least=0),
            "weight_decay": number_within("weight_decay", hyper["weight_decay"], at_least=0),
            "momentum": number_within("momentum", hyper["momentum"], at_least=0),
            "centered": flag("centered", hyper["centered"]),
        }

    def _update(self) -> None:
        lr, alpha, eps, weight_decay, momentum = self.lr, self.alpha, self.eps, self.weight_decay, self.momentum
        share, centered = 1.0 - alpha, self.centered
        small, rest = share < 0.5, 1.0 - share
        squares, means, buffers = (self._state[name] for name in self._slots)
        for i, p in enumerate(self.params):
            x, g = p.data, p.grad
            if weight_decay:  # without decay an infinite x must not turn g into NaN
                g += weight_decay * x
            squares[i] = v = squares[i] * alpha + share * g * g
            if centered:
                m = means[i]
                means[i] = m = m + share * (g - m) if small else g - (g - m) * rest  # torch.lerp, as in Adam
                v -= m * m
            root = (math.sqrt(v) if not v < 0.0 else 0.0) + eps
            if momentum:
                buffers[i] = b = buffers[i] * momentum + (g / root if root else ieee_div(g, root))
                p.data = x - lr * b
            else:
                p.data = x + (-lr * g / root if root else ieee_div(-lr * g, root))


def _parameters(params: Iterable[Value]) -> tuple[Value, ...]:
    """The parameters as a tuple, if they are distinct leaves."""
    if isinstance(params, (set, frozenset)):
        raise TypeError("params is a set, whose order changes from run to run; pass a list, as saved states need one")
    if not isinstance(params, Iterable) or hasattr(params, "parameters"):  # modules may be iterable
        raise no_parameters("params", params, "pass a list of Values, such as [w, b] or model.parameters()")
    found = tuple(params)
    if not found:
        raise ValueError(
            "params is empty: there is nothing to optimize; an iterator is used up after one pass, "
            "so pass a list, or call model.parameters() afresh"
        )
    first: dict[int, int] = {}  # by id: Values compare as their numbers
    for i, p in enumerate(found):
        if not isinstance(p, Value):
            raise no_parameters(f"params[{i}]", p, "pass a flat list of Values such as model.parameters()")
        if p.op is not None:
            raise ValueError(
                f"params[{i}] is {p!r}, not a leaf but computed by {p.op.name}; pass the leaves it was computed from, "
                "or optimize a copy made by .detach()"
            )
        if first.setdefault(id(p), i) != i:
            raise ValueError(
                f"params[{i}] is {p!r}, the same Value as params[{first[id(p)]}]; list it once, "
                "or each step would change it twice"
            )
    return found
