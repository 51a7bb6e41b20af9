"""Builds the native engine in a copy of the sources, with flags of its own."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
NATIVE = Path("autograd_mini", "core", "native")
OPS = Path("autograd_mini", "ops")
LEFT_OUT = (".*", "build", "dist", "*.egg-info", "*.so", "*.pyd", "build_note.txt", "__pycache__")


def copied(folder, what="."):
    """A copy of the repository, or of a folder in it, without what a build has made."""
    return shutil.copytree(
        REPOSITORY / what, Path(folder) / what, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True
    )


def build(copy, *flags):
    """Compile the engine in a copy of the repository by gcc.

    Raises:
        subprocess.CalledProcessError: if it does not compile.
    """
    rows = subprocess.run([sys.executable, NATIVE / "printer.py", OPS], cwd=copy, check=True, stdout=subprocess.PIPE)
    (copy / "rows.h").write_bytes(rows.stdout)
    library = NATIVE / ("_native" + sysconfig.get_config_var("EXT_SUFFIX"))
    headers = [f"-I{folder}" for folder in (".", sysconfig.get_path("include"), sysconfig.get_path("platinclude"))]
    command = ["gcc", "-shared", "-fPIC", "-std=c11", "-ffp-contract=off", *headers, *flags, NATIVE / "native.c"]
    subprocess.run([*command, "-o", library, "-lm"], cwd=copy, check=True)
