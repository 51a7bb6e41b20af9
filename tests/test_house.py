"""The house: imports go one way, from the modules below to those above, lazy ones and those of C too."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import autograd_mini as ag
from autograd_mini import functional, nn, optim, pictures, testing, training
from autograd_mini.ops import FUNCTIONS

PACKAGE = Path(ag.__file__).parent
# From below to above: a module imports only what stands before it, or deeper in its own room.
ROOMS = [
    "errors",
    "files",
    "arguments",
    "ops",
    "trees",
    "core",
    "functional",
    "anomaly",
    "pictures",
    "nn",
    "optim",
    "training",
    "interop",
    "testing",
    "",  # the package itself
    "__main__",
    "plugins",  # installed beside the package, as autograd_mini_plugins
]
# The order within a room, where it is not told by the imports alone.
CORE = [
    "mode",
    "callers",
    "arrays",
    "shared",
    "copies",
    "bundles",
    "conversions",
    "methods",
    "value",
    "derivatives",
    "native",
    "serving",
    "functions",
]
OPS = ["row", "symbols", "ieee", "arithmetic", "elementary", "special", "normal", "factorials", "pieces", "folds"]
BUILD = {"core.stubs", "core.native.printer"}  # run when the package is built, on the table alone


def modules():
    """Every module by its dotted name within the package, "" for the package itself, with its syntax tree."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path
    return found


MODULES = modules()


def imports_of(name, path):
    """The modules of this package that a module imports, at its top or anywhere within it."""
    base = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    base = [part for part in base if part]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            whole = ".".join([*base[: len(base) - node.level + 1], *(node.module or "").split(".")]).strip(".")
            for alias in node.names:
                inner = f"{whole}.{alias.name}".strip(".")
                yield inner if inner in MODULES else whole
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for imported in names:
                if imported.split(".")[0] == "autograd_mini":
                    yield imported.partition(".")[2]


def imports_of_c():
    """What the native engine imports, with the file that does."""
    for path in (PACKAGE / "core" / "native").glob("*.[ch]"):
        for imported in re.findall(r'Import\w*\("autograd_mini\.([\w.]+)"', path.read_text(encoding="utf-8")):
            yield path.name, imported


def room(name):
    return name.split(".")[0]


EDGES = [(name, imported) for name, path in MODULES.items() for imported in imports_of(name, path) if imported != name]


def test_every_room_has_its_place():
    assert {room(name) for name in MODULES} == set(ROOMS)


def test_no_module_imports_one_above_it():
    upward = [
        (name, imported)
        for name, imported in EDGES
        if room(name) != room(imported) and ROOMS.index(room(imported)) > ROOMS.index(room(name))
    ]
    assert not upward


def test_within_a_room_imports_go_one_way_too():
    for folder, order in (("core", CORE), ("ops", OPS)):
        known = {f"{folder}.{name}": place for place, name in enumerate(order)}
        inside = {name for name in MODULES if room(name) == folder and name not in BUILD} - {folder}
        assert {name for name in inside if name.count(".") == 1} == set(known)
        for name, imported in EDGES:
            if {name, imported} <= set(known):
                assert known[imported] < known[name], f"{name} imports {imported}"


def test_no_imports_go_in_a_circle():
    graph = {name: {imported for n, imported in EDGES if n == name} for name in MODULES}
    # A folder that imports a module of its own is that module's user; the module may use its neighbours.
    done, path = set(), []

    def visit(name):
        if name in done:
            return
        assert name not in path, f"{' > '.join([*path[path.index(name) :], name])}"
        path.append(name)
        for imported in graph.get(name, ()):
            if not (path[-1] + ".").startswith(imported + ".") or not imported:
                visit(imported)
        done.add(path.pop())

    for name in MODULES:
        visit(name)


def test_the_native_engine_imports_what_is_below_it_alone():
    found = list(imports_of_c())
    assert len(found) > 5
    for file, imported in found:
        inside = imported.split(".")[1:2] if room(imported) == "core" else []
        assert ROOMS.index(room(imported)) <= ROOMS.index("core"), f"{file} imports {imported}"
        assert not inside or CORE.index(inside[0]) < CORE.index("native"), f"{file} imports {imported}"


def test_the_modules_that_serve_the_build_import_nothing_of_the_package():
    for name in BUILD:
        assert list(imports_of(name, MODULES[name])) == []
    assert all(room(imported) == "ops" for name, imported in EDGES if room(name) == "ops")


def test_a_module_bears_a_name_that_no_public_function_bears():
    public = set(FUNCTIONS)
    for package in (ag, functional, nn, optim, pictures, testing, training):
        public |= {name for name in package.__all__ if not isinstance(getattr(package, name), type(ag))}
    names = {name.rpartition(".")[2] for name in MODULES}
    assert not names & public


def test_the_textbook_is_read_in_one_sitting():
    lines = (PACKAGE / "core" / "value.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400
    assert lines.index("class Value(Methods, Conversions):") < 40


def test_the_table_stands_in_the_order_of_its_modules():
    places = [OPS.index(f.__module__.rpartition(".")[2]) for f in FUNCTIONS.values()]
    assert all(a <= b for a, b in pairwise(places))
