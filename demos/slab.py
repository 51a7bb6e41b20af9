"""A small graph in a slab, the memory in which the native engine keeps nodes by age, and the walk that goes over it.

The cells are nodes of real graphs by their epochs, on either engine. The walk is done again here, in Python, and is an
error if its adjoints are not those of ``backward``.
"""

from common import command_line, pyplot, save

import autograd_mini as ag
from autograd_mini.core.serving import local_partials, topological_order

MARKED, VISITED, OTHER, DARK, PALE = "#f2b84b", "#a9cfa4", "#dddddd", "#333333", "#c4c4c4"


def record():
    """The roots of two graphs, recorded in turns."""
    a, b, other = ag.Value(2.0, "a"), ag.Value(0.5, "b"), ag.Value(1.0)
    (c := a * b).label = "c = a * b"
    other = other * 3.0
    (d := c * 3.0).label = "d = c * 3"
    a * 7.0  # which nobody keeps
    (e := c + d).label = "e = c + d"
    other = other + other
    (f := d * e).label = "f = d * e"
    return f, other + 1.0


def walk(root):
    """At the beginning and after each visit: the nodes with a mark, those visited, and the adjoints so far."""
    marked, visited, adjoint = {root}, set(), {root: 1.0}
    yield set(marked), set(visited), dict(adjoint)
    while inner := [v for v in marked if v.args]:
        marked.remove(v := max(inner, key=lambda v: v._epoch))
        visited.add(v)
        for a, slope in zip(v.args, local_partials(v), strict=True):
            if slope is not None:
                marked.add(a)
                adjoint[a] = adjoint.get(a, 0.0) + adjoint[v] * slope
        yield set(marked), set(visited), dict(adjoint)


def draw_cell(axes, epoch, words, color, line="-", adjoint=""):
    axes.bar(epoch, 0.8, 0.92, -0.4, color=color, edgecolor="#555555", linestyle=line)
    axes.text(epoch, 0, words, ha="center", va="center", fontsize=9)
    axes.text(epoch, -0.5, f"epoch {epoch}{adjoint}", ha="center", va="top", fontsize=9, linespacing=1.4)


def draw_step(axes, order, others, marked, visited, adjoint):
    for v in order:
        color = MARKED if v in marked else VISITED if v in visited else "white"
        draw_cell(axes, v._epoch, v.label, color, adjoint=f"\nadjoint {adjoint[v]:g}" if v in adjoint else "")
        style = {"arrowstyle": "->", "color": DARK if v in visited else PALE, "connectionstyle": "arc3,rad=0.3"}
        for a in (a for a in v.args if isinstance(a, ag.Value)):
            axes.annotate("", (a._epoch + 0.08, 0.4), (v._epoch - 0.08, 0.4), arrowprops=style)
    inner = {v._epoch for v in order if v.args}
    for epoch in sorted({*range(min(inner), max(others) + 1)} - inner):
        draw_cell(axes, epoch, *(("another\ngraph", OTHER) if epoch in others else ("dead", OTHER, ":")))
    axes.axis([0.2, max(others) + 0.8, -1.15, 1.8])
    axes.axis("off")


def main():
    command_line(__doc__).parse_args()
    root, another = record()
    order, others = topological_order(root), {v._epoch for v in topological_order(another)}
    steps = list(walk(root))
    root.backward()
    assert all(v.grad == steps[-1][2][v] for v in order), "the walk of this program is not that of backward"
    titles = {0: "Before: the root is marked", 2: "After two visits", -1: "At the end: leaves alone are marked"}
    figure, rows = pyplot().subplots(3, figsize=(11, 7))
    for axes, (step, title) in zip(rows, titles.items(), strict=True):
        draw_step(axes, order, others, *steps[step])
        axes.set_title(title, loc="left", fontsize=11)
    rows[0].text(1.5, -1.0, "leaves, elsewhere", ha="center", va="top", fontsize=9)
    rows[0].annotate("the walk", (6.5, 1.8), (9.5, 1.8), va="center", arrowprops={"arrowstyle": "->", "lw": 2})
    save(figure, "slab.svg")
    print(f"{len(steps) - 1} visits, " + ", ".join(f"df/d{v.label} = {v.grad:g}" for v in order if not v.args))


if __name__ == "__main__":
    main()
