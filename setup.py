"""What setup.cfg cannot say: the native engine, an extension, and a package of another name than its folder.

The engine is built where a C compiler is. Without one the installation succeeds and the textbook engine serves. As pip
hides the messages of an optional build, the reason is left in a note, which ``python -m autograd_mini`` shows. What the
table of operations gives is printed from it: ``rows.h`` for the compiler, and stubs for type checkers.
"""

import importlib.util
import os
import sys
from contextlib import contextmanager
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

CORE = Path("autograd_mini", "core")
NATIVE = CORE / "native"
OPS = Path("autograd_mini", "ops")


def loaded(path):
    """A module by its file; the package itself cannot be imported while it is being built."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class BuildPython(build_py):
    """Writes the stubs of the functions and methods that the table gives, beside the modules they are of."""

    def run(self):
        super().run()
        folder = CORE if self.editable_mode else Path(self.build_lib, CORE)
        loaded(CORE / "stubs.py").write(loaded(NATIVE / "printer.py").load(OPS), folder)


class BuildNative(build_ext):
    """Prints the table, compiles the engine, and notes what the compiler said if it failed."""

    def build_extension(self, ext):
        folder = NATIVE if self.editable_mode else Path(self.get_ext_fullpath(ext.name)).parent
        note = folder / "build_note.txt"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
        temp = Path(self.build_temp)
        temp.mkdir(parents=True, exist_ok=True)
        printer = loaded(NATIVE / "printer.py")
        (temp / "rows.h").write_text(printer.print_table(printer.load(OPS)), encoding="utf-8")
        ext.include_dirs.append(str(temp))
        if self.compiler.compiler_type != "msvc":
            ext.extra_compile_args += ["-std=c11", "-O3", "-ffp-contract=off", "-fvisibility=hidden"]
        said = temp / "compiler.txt"
        try:
            with standard_error_in(said):
                super().build_extension(ext)
        except Exception as error:
            note.write_text(f"{error}\n{said.read_text(errors='replace')[-2000:]}".strip(), encoding="utf-8")
            raise
        finally:
            sys.stderr.write(said.read_text(errors="replace"))


@contextmanager
def standard_error_in(path):
    """Send what this process and its children write there into a file."""
    sys.stderr.flush()
    before = os.dup(2)
    try:
        with open(path, "w") as file:
            os.dup2(file.fileno(), 2)
            yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)


# An entry point in the package would import the package, in every run of pytest and with any import of hypothesis. So
# they lead to a package of its own, whose folder lies with the rest. Were that folder named _plugins, setuptools would
# take the one for a part of the other, and leave it out of editable installations.
PLUGINS = "autograd_mini_plugins"

setup(
    packages=[*find_packages(include=["autograd_mini*"], exclude=["autograd_mini.plugins"]), PLUGINS],
    package_dir={PLUGINS: "autograd_mini/plugins"},
    ext_modules=[
        Extension(
            "autograd_mini.core.native._native",
            [str(NATIVE / "native.c")],
            depends=[str(path) for path in (*NATIVE.glob("*.h"), NATIVE / "printer.py", *OPS.glob("*.py"))],
            optional=True,
        )
    ],
    cmdclass={"build_ext": BuildNative, "build_py": BuildPython},
)
