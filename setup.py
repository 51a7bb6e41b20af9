"""The native engine, an extension that is built where a C compiler is; setup.cfg cannot name extensions.

Without a compiler the installation succeeds and the textbook engine serves. As pip hides the messages of an optional
build, the reason is left in a note, which ``python -m autograd_mini`` shows.
"""

import importlib.util
import os
import sys
from contextlib import contextmanager
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NATIVE = Path("autograd_mini", "native")


def printed_table():
    """What printer.py prints of ops.py; the package itself cannot be imported while it is being built."""
    spec = importlib.util.spec_from_file_location("printer", NATIVE / "printer.py")
    printer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(printer)
    return printer.print_table(NATIVE.parent / "ops.py")


class BuildNative(build_ext):
    """Prints the table, compiles the engine, and notes what the compiler said if it failed."""

    def build_extension(self, ext):
        folder = NATIVE if self.editable_mode else Path(self.get_ext_fullpath(ext.name)).parent
        note = folder / "build_note.txt"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
        temp = Path(self.build_temp)
        temp.mkdir(parents=True, exist_ok=True)
        (temp / "rows.h").write_text(printed_table(), encoding="utf-8")
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


setup(
    ext_modules=[
        Extension(
            "autograd_mini.native._native",
            [str(NATIVE / "native.c")],
            depends=[str(path) for path in (*NATIVE.glob("*.h"), NATIVE / "printer.py", NATIVE.parent / "ops.py")],
            optional=True,
        )
    ],
    cmdclass={"build_ext": BuildNative},
)
