"""How often walks look at the nodes of a graph: the native engine counts by itself, the textbook's nodes are given
operands that count how often they are asked for."""

import autograd_mini as ag


class Counted(tuple):
    looks = 0

    def __iter__(self):
        Counted.looks += 1
        return super().__iter__()

    def __reversed__(self):
        Counted.looks += 1
        return reversed(tuple(self))


def counted(node):
    """Count looks at this node."""
    if ag.engine == "python":
        node.args = Counted(node.args)
    return node


def looks():
    """How many there were so far."""
    if ag.engine == "python":
        return Counted.looks
    from autograd_mini.core import native

    return native.counts()["looks"]
