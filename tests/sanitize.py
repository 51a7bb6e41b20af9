"""Runs tests of the native engine under AddressSanitizer and UndefinedBehaviorSanitizer.

    python tests/sanitize.py [options and files for pytest]

The engine is built in a temporary copy of the repository, without its list of free leaves, with small slabs, and so
that every call by which it asks the interpreter for memory or an object can be made to fail, as test_memory.py does. An
error of memory or undefined behaviour ends the run with the sanitizer's report. The failures then run a second time,
and blocks of memory that the engine allocated and nobody can reach any more are printed. The exit code is 0 if there
was nothing of all this. Needs Linux and gcc.
"""

import os
import re
import subprocess
import sys
import tempfile

from building import NATIVE, build, copied

FLAGS = "-g -O1 -fno-omit-frame-pointer -DAUTOGRAD_MINI_NO_FREE_LIST -DAUTOGRAD_MINI_SMALL_SLABS"
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
TESTS = [
    f"tests/test_{name}.py"
    for name in ("engine", "walk", "value", "derivatives", "calls", "reverse", "second", "memory", "laws")
]

# What a call gives that fails, and the calls. It is those of the engine alone that are made to fail, not those of the
# interpreter, which does not survive that itself.
FAILING = {
    "PyErr_NoMemory()": """
        _PyObject_New PyCFunction_NewEx PyDict_Copy PyDict_New PyFloat_FromDouble PyImport_ImportModule PyList_AsTuple
        PyList_GetSlice PyList_New PyLong_FromLongLong PyLong_FromUnsignedLongLong PyNumber_Index
        PyObject_Call PyObject_CallFunction PyObject_CallFunctionObjArgs PyObject_CallMethod PyObject_CallNoArgs
        PyObject_CallObject PyObject_CallOneArg PyObject_Format PyObject_GetAttrString PyObject_GetIter
        PyObject_RichCompare PyObject_Vectorcall PySequence_Tuple PyTuple_New PyTuple_Pack PyUnicode_FromFormat
        PyUnicode_FromString PyUnicode_InternFromString""",
    "NULL": "PyMem_Calloc PyMem_Malloc PyMem_RawCalloc PyMem_RawRealloc PyMem_Realloc",
    "(char *)PyErr_NoMemory()": "PyOS_double_to_string",
    "(PyErr_NoMemory(), -1)": "PyContextVar_Get PyDict_SetItem PyObject_IsInstance PyObject_IsTrue",
    "(PyErr_NoMemory(), 0)": "PyArg_ParseTupleAndKeywords",
}
FAILING_C = """
#define PY_SSIZE_T_CLEAN
#include <Python.h>

long calls, first_failure, last_failure; /* which test_memory.py sets: the calls from first to last fail */

static int fails(void)
{
    calls++;
    return first_failure <= calls && calls <= last_failure;
}

/* This takes references over, also when it fails. */
static PyObject *va_build(const char *format, va_list arguments)
{
    PyObject *out = Py_VaBuildValue(format, arguments);
    if (!fails())
        return out;
    Py_XDECREF(out);
    return PyErr_NoMemory();
}

static PyObject *build(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PyObject *out = va_build(format, arguments);
    va_end(arguments);
    return out;
}

#undef Py_BuildValue
#undef Py_VaBuildValue
#define Py_BuildValue build
#define Py_VaBuildValue va_build
"""


def failing():
    """A header by which calls can be made to fail."""
    text = FAILING_C
    for result, names in FAILING.items():
        for name in names.split():
            text += f"""
static __typeof__(&{name}) const original_{name} = &{name};
#undef {name}
#define {name}(...) (fails() ? {result} : original_{name}(__VA_ARGS__))
"""
    return text


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
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-s", *arguments]
    with subprocess.Popen(
        command, cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as tests:
        lines = []
        for line in tests.stdout:
            lines.append(line)
            if options["detect_leaks"] == 0:
                print(line, end="", flush=True)
    return tests.returncode, "".join(lines)


def leaks(report):
    """The blocks of a leak report that the engine allocated; the interpreter has leaks of its own."""
    blocks = re.findall(r"^(?:Direct|Indirect) leak of .*?\n\n", report, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if NATIVE.as_posix() in block]


def main():
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(folder)
        (copy / "failing.h").write_text(failing())
        build(copy, *FLAGS.split(), *SANITIZERS, "-include", "failing.h")
        failed, _ = run_tests(copy, sys.argv[1:] or ["--examples", "10", *TESTS])
        if failed:
            return failed
        # Frames of the interpreter have no frame pointers, so that only the slow way finds who called it.
        failed, report = run_tests(
            copy, ["tests/test_memory.py", "-k", "no_memory"],
            detect_leaks=1, exitcode=0, fast_unwind_on_malloc=0, malloc_context_size=12,
        )  # fmt: skip
        found = leaks(report)
        print(*found, f"{len(found)} leaks of the engine", sep="\n")
        return 1 if failed or found else 0


if __name__ == "__main__":
    raise SystemExit(main())
