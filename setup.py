"""The native engine, an extension that is built where a C compiler is; setup.cfg cannot name extensions.

Without a compiler the installation succeeds and the textbook engine serves. As pip hides the messages of an optional
build, the reason is left in a note, which ``python -m autograd_mini`` shows.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

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
        built = Path(self.get_ext_fullpath(ext.name))
        note = built.with_name("build_note.txt")
        built.parent.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
        try:
            temp = Path(self.build_temp)
            temp.mkdir(parents=True, exist_ok=True)
            (temp / "rows.h").write_text(printed_table(), encoding="utf-8")
            ext.include_dirs.append(str(temp))
            if self.compiler.compiler_type != "msvc":
                ext.extra_compile_args += ["-std=c11", "-O3", "-ffp-contract=off", "-fvisibility=hidden"]
            self.compiler.spawn = self.spawn_and_listen
            super().build_extension(ext)
        except Exception as error:
            note.write_text(f"{type(error).__name__}: {error}\n", encoding="utf-8")
            raise

    def spawn_and_listen(self, command, **_):
        """Run a compiler and raise what it says if it fails."""
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        except OSError as error:
            raise CompileError(f"{command[0]} does not run: {error}") from None
        sys.stderr.write(done.stdout + done.stderr)
        if done.returncode:
            raise CompileError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:].strip()}")


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
