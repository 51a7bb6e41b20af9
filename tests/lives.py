"""Random lives: histories of a pool of Values, in which nodes are made, kept, dropped, copied, pickled and assigned,
and sweeps go from any of them. Each engine lives the same life and tells what it sees, as bits, to be compared."""

import copy
import operator
import pickle
import random
import struct

MOST = 40  # Values in the pool
ONE = ("sin", "relu", "sqrt", "neg", "erf", "float_of_python")
TWO = ("add", "sub", "mul", "div", "maximum")


def bits(x):
    return struct.pack("d", float("nan") if x != x else x)


class Life:
    """What one engine makes of the numbers that ``source`` gives."""

    def __init__(self, package, source):
        self.package, self.mine, self.source = package, mine(package), source
        self.serving = package.core.serving
        self.start = self.serving.new_epoch()
        self.pool = [package.Value(source.uniform(-2, 2)) for _ in range(5)]

    def live(self, steps):
        """What was seen at each step."""
        seen = [self.told(self.source.choices(*zip(*EVENTS, strict=True))[0]) for _ in range(steps)]
        return [*seen, [x._epoch - self.start for x in self.pool]]

    def told(self, event):
        try:
            return event.__name__, event(self)
        except (ArithmeticError, ValueError, self.package.StaleGraphError) as error:
            return event.__name__, type(error).__name__, str(error)

    def any(self):
        """One of the pool, mostly a younger one."""
        return self.pool[int(len(self.pool) * self.source.random() ** 0.5)]

    def some(self, most):
        return [self.any() for _ in range(self.source.randint(1, most))]

    def add(self, node):
        self.pool.append(node)
        if len(self.pool) > MOST:
            del self.pool[self.source.randrange(len(self.pool))]
        return bits(node.data)

    # ---- What may happen. ----

    def unary(self):
        name = self.source.choice(ONE)
        x = self.any()
        function = {"neg": operator.neg, "float_of_python": self.mine}.get(name) or getattr(self.package, name)
        return self.add(function(x))

    def binary(self):
        name = self.source.choice(TWO)
        x, y = self.any(), self.any() if self.source.random() < 0.8 else self.source.uniform(-2, 2)
        if name == "maximum":
            return self.add(self.package.maximum(x, y))
        return self.add({"add": x + y, "sub": x - y, "mul": x * y}[name] if name != "div" else x / y)

    def many(self):
        n = self.source.randint(1, 6)
        p, q = ([self.any() for _ in range(n)] for _ in range(2))
        return self.add(self.package.sumprod(p, q) if self.source.random() < 0.5 else self.package.sum(p))

    def chain(self):
        """Many nodes of which one is kept."""
        x = self.any()
        for _ in range(self.source.randint(10, 600)):
            x = x * 0.999 + 0.001
        return self.add(x)

    def leaf(self):
        return self.add(self.package.Value(self.source.uniform(-2, 2)))

    def silent(self):
        with self.package.no_grad():
            return self.add(self.any() * self.any())

    def drop(self):
        for _ in range(self.source.randint(1, len(self.pool) - 2)):
            del self.pool[self.source.randrange(len(self.pool))]

    def assign(self):
        leaves = [x for x in self.pool if not x.args]
        if leaves:
            self.source.choice(leaves).data = self.source.uniform(-2, 2)

    def copied(self):
        return self.add(copy.copy(self.any()))

    def deeply_copied(self):
        return list(map(self.add, copy.deepcopy(self.some(3))))

    def pickled(self):
        return list(map(self.add, pickle.loads(pickle.dumps(self.some(3)))))

    def backward(self):
        self.any().backward(self.source.choice((1.0, -0.5)))
        return self.gradients()

    def zero_grad(self):
        self.any().zero_grad()
        return self.gradients()

    def gradients(self):
        return [bits(x.grad) for x in self.pool]

    def listing(self):
        return [bits(x.data) for x in self.serving.topological_order(*self.some(3), check=False)]

    def pull(self):
        roots, inputs = self.some(3), self.some(4)
        weights = [self.source.uniform(-1, 1) for _ in roots]
        since = self.any()._epoch if self.source.random() < 0.5 else -(2**63)
        on_values = self.source.random() < 0.3
        found = self.serving.pull(roots, weights, inputs, since, on_values)
        if on_values:
            return list(map(self.add, found))
        return list(map(bits, found))

    def gradient(self):
        """Of a function that captures some of the pool."""
        captured = self.some(3)

        def f(x):
            for a in captured:
                x = self.package.sin(x * a) + a
            return x

        return bits(self.package.grad(lambda x: self.package.grad(f)(x) * f(x))(0.5))


EVENTS = [
    (Life.unary, 5), (Life.binary, 12), (Life.many, 3), (Life.chain, 2), (Life.leaf, 2), (Life.silent, 1),
    (Life.drop, 1), (Life.assign, 1), (Life.copied, 1), (Life.deeply_copied, 1), (Life.pickled, 1), (Life.backward, 5),
    (Life.zero_grad, 1), (Life.listing, 2), (Life.pull, 5), (Life.gradient, 2),
]  # fmt: skip


def mine(package):
    """An operation that Python computes, entered in a package's table, or entered again."""

    def cube(x):
        return x * x * x

    cube.__module__ = "lives"
    cube.__qualname__ = "cube"
    return package.operation(partials=(lambda out, x: 3.0 * x * x,), text="cube({})")(cube)


def live(package, seed, steps):
    return Life(package, random.Random(seed)).live(steps)


def both(packages, seed, steps):
    """The same life on two engines. They begin in the same epoch, as pickles tell ages."""
    epochs = [package.core.serving.new_epoch() for package in packages]
    for package, epoch in zip(packages, epochs, strict=True):
        for _ in range(epoch, max(epochs)):
            package.core.serving.new_epoch()
    return [live(package, seed, steps) for package in packages]
