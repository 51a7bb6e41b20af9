"""The README's first example: a small graph, its gradients checked by hand, and its picture."""

from common import command_line, save_graph

import autograd_mini as ag

command_line(__doc__).parse_args()

a = ag.Value(2.0, label="a")
b = ag.Value(-3.0, label="b")
c = a * b
c.label = "c"
d = c + a**2
d.label = "d"
out = ag.relu(-d)
out.label = "out"
out.backward()

# By hand: out = relu(-d) with -d = 2 > 0, so dout/dd = -1.
# d = c + a**2 and c = a*b, so dd/db = a = 2 and dd/da = b + 2a = -3 + 4 = 1, over the two paths from a to d.
# Hence dout/da = -1 and dout/db = -2.
print(f"out = {out.data}, dout/da = {a.grad}, dout/db = {b.grad}")
save_graph(out, "first_graph.svg")
