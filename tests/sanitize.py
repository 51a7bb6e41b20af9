"""Runs tests of the native engine under AddressSanitizer and UndefinedBehaviorSanitizer, without its list of free nodes.

    python tests/sanitize.py [options and files for pytest]

The engine is built in a temporary copy of the repository. An error of memory or undefined behaviour ends the run with
the sanitizer's report. The tests of test_memory.py then run a second time and blocks of memory that the engine
allocated and nobody can reach any more are printed. The exit code is 0 if there was nothing of all this.
Needs Linux, gcc and what the tests need.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
NATIVE = Path("autograd_mini", "native")
LEFT_OUT = (".*", "build", "dist", "*.egg-info", "*.so", "*.pyd", "__pycache__")
FLAGS = "-shared -fPIC -std=c11 -g -O1 -ffp-contract=off -fno-omit-frame-pointer -DAUTOGRAD_MINI_NO_FREE_LIST"
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
TESTS = [f"tests/test_{name}.py" for name in ("engine", "value", "functional", "memory", "laws")]


def build(copy):
    """Compile the engine into a copy of the repository."""
    rows = subprocess.run([sys.executable, NATIVE / "printer.py", NATIVE.parent / "ops.py"], cwd=copy, check=True,
                          stdout=subprocess.PIPE).stdout  # fmt: skip
    (copy / "rows.h").write_bytes(rows)
    library = NATIVE / ("_native" + sysconfig.get_config_var("EXT_SUFFIX"))
    headers = (".", sysconfig.get_path("include"), sysconfig.get_path("platinclude"))
    subprocess.run(["gcc", *FLAGS.split(), *SANITIZERS, *[f"-I{folder}" for folder in headers],
                    NATIVE / "native.c", "-o", library, "-lm"], cwd=copy, check=True)  # fmt: skip


def run_tests(copy, arguments, **asan):
    """Run pytest in the copy; what it prints appears, and is given back with its exit code."""
    libraries = [subprocess.run(["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True)
                 .stdout.strip() for name in ("libasan.so", "libubsan.so")]  # fmt: skip
    options = {"allocator_may_return_null": 1, "detect_leaks": 0, **asan}
    environment = os.environ | {
        "AUTOGRAD_MINI_ENGINE": "native",
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(copy),
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": ":".join(f"{name}={value}" for name, value in options.items()),
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    with subprocess.Popen([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-s", *arguments], cwd=copy,
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as tests:  # fmt: skip
        lines = []
        for line in tests.stdout:
            lines.append(line)
            if options["detect_leaks"] == 0:
                print(line, end="", flush=True)
    return tests.returncode, "".join(lines)


def leaks(report):
    """The blocks of a leak report that the engine allocated; the interpreter has leaks of its own."""
    blocks = re.findall(r"^(?:Direct|Indirect) leak of .*?\n\n", report, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "/autograd_mini/native/" in block or "/_native." in block]


def main():
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "repository")
        shutil.copytree(REPOSITORY, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        build(copy)
        failed, _ = run_tests(copy, sys.argv[1:] or ["--examples", "20", *TESTS])
        if failed:
            return failed
        # Frames of the interpreter have no frame pointers, so that only the slow way finds who called it.
        failed, report = run_tests(copy, ["tests/test_memory.py"], detect_leaks=1, exitcode=0, fast_unwind_on_malloc=0,
                                   malloc_context_size=12)  # fmt: skip
        found = leaks(report)
        print(*found, f"{len(found)} leaks of the engine", sep="\n")
        return 1 if failed or found else 0


if __name__ == "__main__":
    raise SystemExit(main())
