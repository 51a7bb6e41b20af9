/* The native engine: the class and the functions of value.py and derivatives.py in C.
 *
 * node.h has the node, slab.h where nodes live and life.h how they come and go, shared.h what comes from Python, mode.h
 * whether operations record and who watches, record.h how they are recorded, walk.h the walk through memory, sort.h a
 * graph as arrays, sweep.h and nodes.h the sweeps over these, on doubles and on nodes, pull.h the primitives, lanes.h the
 * rows of a Jacobian, value.h the class, differentiate.h value_and_grad; rows.h is printed from the table at build. All of the engine's memory comes from
 * PyMem_* and PyObject_*. With AUTOGRAD_MINI_NO_WALK it is built without slabs and walk.
 *
 * Threads: the module relies on the interpreter's lock. A free-threaded interpreter switches it on for this module; where
 * it was told not to, the import fails.
 * Subinterpreters are refused, as the class and what is shared are one for the process.
 */
#include "differentiate.h"
#include "lanes.h"

/* ---- Functions on graphs. ---- */

static PyObject *list_graph(Nodes roots, bool check, int64_t since)
{
    Graph g;
    if (!sort(&g, roots, check, since))
        return NULL;
    PyObject *list = PyList_New((Py_ssize_t)g.places.count);
    for (size_t i = 0; list && i < g.places.count; i++)
        PyList_SET_ITEM(list, (Py_ssize_t)i, Py_NewRef((PyObject *)g.places.items[i].node));
    free_graph(&g);
    return list;
}

static PyObject *function_topological_order(PyObject *Py_UNUSED(module), PyObject *roots, PyObject *kwargs)
{
    static char *names[] = {"check", "since", NULL};
    PyObject *tuple, *none = PyTuple_New(0), *list = NULL;
    Nodes nodes;
    int check = 1;
    long long since = INT64_MIN;
    if (none && PyArg_ParseTupleAndKeywords(none, kwargs, "|$pL:topological_order", names, &check, &since)
        && take_nodes(roots, &tuple, &nodes)) {
        list = list_graph(nodes, check, since);
        Py_DECREF(tuple);
    }
    Py_XDECREF(none);
    return list;
}

/* Whether an edge carries anything. */
static bool is_flat(const Value *v, Py_ssize_t i)
{
    Py_ssize_t place = row_arity[v->state.row] ? i : i / (operand_count(v) / row_lists[v->state.row]);
    return !operand_of(v, i).node || partials[v->state.row][place].kind == FLAT;
}

static PyObject *list_partials(const Value *v)
{
    Py_ssize_t n = operand_count(v);
    Position *to = PyMem_New(Position, n + 2); /* two at least, as edge_count says */
    double *slope = PyMem_New(double, n + 2);
    PyObject *list = NULL, *in_python = NULL;
    if (!to || !slope) {
        PyErr_NoMemory();
    } else if (row_slopes_in_python[v->state.row]) {
        in_python = slopes_in_python(v);
        list = in_python ? hidden(PyList_New(n)) : NULL; /* as slopes may be numbers that run Python */
    } else {
        for (Py_ssize_t i = 0; i < n + 2; i++) {
            to[i] = (Position)i;
            slope[i] = -0.0; /* what leaves every number as it is, when it is added to it */
        }
        if (n)
            pass_on(v, edge_count(v), 1.0, to, slope);
        list = hidden(PyList_New(n));
    }
    for (Py_ssize_t i = 0; list && i < n; i++) {
        int found = in_python ? slope_at(in_python, i, &slope[i]) : !is_flat(v, i);
        PyObject *item = found < 0 ? NULL : found ? PyFloat_FromDouble(slope[i]) : Py_NewRef(Py_None);
        if (item)
            PyList_SET_ITEM(list, i, item);
        else
            Py_CLEAR(list);
    }
    Py_XDECREF(in_python);
    PyMem_Free(to);
    PyMem_Free(slope);
    return shown(list);
}

static PyObject *function_local_partials(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"node", NULL};
    PyObject *x;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:local_partials", names, &x))
        return NULL;
    if (!is_value(x))
        return PyObject_CallOneArg(shared.refuse_node, x); /* raises */
    const Value *v = (Value *)x;
    Value *newer = newer_operand(v);
    return newer ? PyObject_CallFunctionObjArgs(shared.refuse_stale, newer, x, NULL) : list_partials(v);
}

static PyObject *function_new_epoch(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return PyLong_FromLongLong(++epoch_now);
}

static PyObject *function_counts(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
#ifdef HAS_SLABS
    unsigned long long held = regions * REGION_SIZE, slab = SLAB_SIZE;
#else
    unsigned long long held = 0, slab = 0;
#endif
    return Py_BuildValue("{sKsKsKsKsK}", "looks", looks, "walks", walks, "retreats", retreats, "bytes", held, "slab", slab);
}

/* ---- The module. A docstring here is a signature; the text comes from the page of Python that has the function. ---- */

#define UNARY(name, signature) {#name, function_##name, METH_O, #name "($module, " signature ", /)\n--\n\n"},
#define BINARY(name, signature) \
    {#name, (PyCFunction)(void (*)(void))function_##name, METH_FASTCALL | METH_KEYWORDS, \
     #name "($module, " signature ", /)\n--\n\n"},
#define FOLD(name, lists, signature) \
    {#name, (PyCFunction)(void (*)(void))function_##name, METH_FASTCALL | METH_KEYWORDS, \
     #name "($module, " signature ")\n--\n\n"},

static PyMethodDef table_functions[] = {
    UNARY_FUNCTIONS(UNARY)
    MATH_FUNCTIONS(UNARY)
    BINARY_FUNCTIONS(BINARY)
    FOLD_FUNCTIONS(FOLD)
    {NULL, NULL, 0, NULL},
};

static PyMethodDef graph_functions[] = {
    {"topological_order", (PyCFunction)(void (*)(void))function_topological_order, METH_VARARGS | METH_KEYWORDS,
     "topological_order($module, *roots, check=True, since=-9223372036854775808)\n--\n\n"},
    {"adjoints", (PyCFunction)(void (*)(void))function_adjoints, METH_VARARGS | METH_KEYWORDS,
     "adjoints($module, roots, cotangents, since=-9223372036854775808)\n--\n\n"},
    {"local_partials", (PyCFunction)(void (*)(void))function_local_partials, METH_VARARGS | METH_KEYWORDS,
     "local_partials($module, node)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef derivative_functions[] = {
    {"pull", (PyCFunction)(void (*)(void))function_pull, METH_VARARGS | METH_KEYWORDS,
     "pull($module, roots, cotangents, inputs, since=-9223372036854775808, on_values=False)\n--\n\n"},
    {"push", (PyCFunction)(void (*)(void))function_push, METH_VARARGS | METH_KEYWORDS,
     "push($module, inputs, tangents, roots, since=-9223372036854775808, on_values=False)\n--\n\n"},
    {"pull_each", (PyCFunction)(void (*)(void))function_pull_each, METH_VARARGS | METH_KEYWORDS,
     "pull_each($module, roots, inputs, since=-9223372036854775808)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef other_functions[] = {
    {"new_epoch", function_new_epoch, METH_NOARGS, "new_epoch($module, /)\n--\n\nAs mode.new_epoch."},
    {"set_unusual", function_set_unusual, METH_O,
     "set_unusual($module, count, /)\n--\n\nHow many blocks are open for which operations must look."},
    {"deepen", (PyCFunction)(void (*)(void))function_deepen, METH_FASTCALL,
     "deepen($module, what, change, /)\n--\n\nAs mode.deepen."},
    {"counts", function_counts, METH_NOARGS,
     "counts($module, /)\n--\n\nFor tests: how many nodes and operands all walks and sorts have looked at, how many walks "
     "there were, how many of them gave up, how many bytes of slabs there are, spare ones too, and how many a slab has."},
    {NULL, NULL, 0, NULL},
};

/* Appends to each signature the docstring of what has that name in a dict. The text stays for good, as static docstrings
 * do. */
static bool complete_docs(PyMethodDef *defs, PyObject *twins)
{
    for (; defs->ml_name; defs++) {
        PyObject *twin = PyMapping_GetItemString(twins, defs->ml_name);
        PyObject *doc = twin ? PyObject_GetAttrString(twin, "__doc__") : NULL;
        Py_XDECREF(twin);
        if (!doc)
            return false;
        const char *text = PyUnicode_Check(doc) ? PyUnicode_AsUTF8(doc) : "", *body = strstr(defs->ml_doc, "--\n\n");
        size_t signature = (size_t)(body - defs->ml_doc) + 4;
        char *whole = text ? PyMem_Malloc(signature + strlen(text) + 1) : NULL;
        if (whole) {
            memcpy(whole, defs->ml_doc, signature);
            strcpy(whole + signature, text);
            defs->ml_doc = whole;
        }
        Py_DECREF(doc);
        if (!whole)
            return false;
    }
    return true;
}

/* The same for the attributes of a class or module. */
static bool complete_docs_from(PyMethodDef *defs, PyObject *owner)
{
    PyObject *twins = PyDict_New();
    bool done = twins != NULL;
    for (PyMethodDef *def = defs; done && def->ml_name; def++) {
        PyObject *twin = PyObject_GetAttrString(owner, def->ml_name);
        done = twin && PyDict_SetItemString(twins, def->ml_name, twin) == 0;
        Py_XDECREF(twin);
    }
    done = done && complete_docs(defs, twins);
    Py_XDECREF(twins);
    return done;
}

/* The modules below this one that it takes something from. */
typedef struct {
    PyObject *ops, *trees, *mode, *arrays, *shared, *copies, *bundles, *value, *derivatives, *numbers;
} Below;

static bool import_below(Below *from)
{
    return (from->ops = PyImport_ImportModule("autograd_mini.ops"))
        && (from->trees = PyImport_ImportModule("autograd_mini.trees"))
        && (from->mode = PyImport_ImportModule("autograd_mini.core.mode"))
        && (from->arrays = PyImport_ImportModule("autograd_mini.core.arrays"))
        && (from->shared = PyImport_ImportModule("autograd_mini.core.shared"))
        && (from->copies = PyImport_ImportModule("autograd_mini.core.copies"))
        && (from->bundles = PyImport_ImportModule("autograd_mini.core.bundles"))
        && (from->value = PyImport_ImportModule("autograd_mini.core.value"))
        && (from->derivatives = PyImport_ImportModule("autograd_mini.core.derivatives"))
        && (from->numbers = PyImport_ImportModule("numbers"));
}

static void free_below(Below *from)
{
    Py_XDECREF(from->ops);
    Py_XDECREF(from->trees);
    Py_XDECREF(from->mode);
    Py_XDECREF(from->arrays);
    Py_XDECREF(from->shared);
    Py_XDECREF(from->copies);
    Py_XDECREF(from->bundles);
    Py_XDECREF(from->value);
    Py_XDECREF(from->derivatives);
    Py_XDECREF(from->numbers);
}

static bool take_from(PyObject *module, const char *name, PyObject **target)
{
    PyObject *x = PyObject_GetAttrString(module, name);
    if (x)
        Py_XSETREF(*target, x);
    return x != NULL;
}

#define TAKE(module, name) take_from(from->module, #name, &shared.name)

static bool take_shared(const Below *from)
{
    return TAKE(ops, number) && take_from(from->numbers, "Real", &shared.real) && TAKE(shared, compute)
        && take_from(from->value, "Value", &shared.textbook) && TAKE(value, fresh_partials)
        && TAKE(derivatives, partial_values) && TAKE(derivatives, pull_each)
        && TAKE(shared, leaf_data) && TAKE(shared, plain_number)
        && TAKE(shared, gradient_data) && TAKE(shared, label_text) && TAKE(shared, refuse_data)
        && TAKE(shared, refuse_operand) && TAKE(shared, refuse_number) && TAKE(shared, refuse_constant)
        && TAKE(shared, refuse_node)
        && TAKE(shared, refuse_subclass) && TAKE(shared, refuse_stale) && TAKE(shared, refuse_restored)
        && TAKE(shared, plain_result) && TAKE(shared, picture_of) && TAKE(shared, refusal_of)
        && TAKE(shared, operand_set) && TAKE(shared, sign_of)
        && TAKE(copies, deepcopy) && TAKE(copies, reduce) && TAKE(mode, tell)
        && take_from(from->bundles, "Bundle", &shared.bundle)
        && take_from(shared.bundle, "pass_on", &shared.pass_on) && take_from(shared.bundle, "tangent", &shared.tangent)
        && take_from(from->mode, "FLOW", &shared.flow) && take_from(from->mode, "Block", &shared.block)
        && take_from(from->mode, "Sweep", &shared.sweep) && find_slots()
        && TAKE(trees, holds_node) && TAKE(arrays, call_ufunc) && TAKE(arrays, call_function)
        && (shared.one || (shared.one = PyFloat_FromDouble(1.0))) && (shared.nothing || (shared.nothing = PyTuple_New(0)));
}

/* The rows and their functions by the names that rows.h was printed with. */
static bool take_rows(PyObject *ops)
{
    PyObject *table = PyObject_GetAttrString(ops, "TABLE"), *functions = PyObject_GetAttrString(ops, "FUNCTIONS");
    bool done = table && functions && complete_docs(table_functions, functions);
    for (int row = LEAF + 1; done && row < CALL; row++) {
        PyObject *op = PyMapping_GetItemString(table, row_name[row]);
        PyObject *function = op ? PyMapping_GetItemString(functions, row_name[row]) : NULL;
        done = function != NULL;
        Py_XSETREF(shared.rows[row], op);
        Py_XSETREF(shared.functions[row], function);
    }
    Py_XDECREF(table);
    Py_XDECREF(functions);
    return done;
}

/* CPython's own functions that rows call. */
static bool take_math(void)
{
    PyObject *math = PyImport_ImportModule("math");
    bool done = math != NULL;
    for (int i = 0; done && i < MATH_COUNT; i++)
        done = take_from(math, math_name[i], &math_function[i]);
    Py_XDECREF(math);
    return done;
}

/* The functions of the table that are in C, by name. */
static PyObject *new_functions(PyObject *module)
{
    PyObject *dict = PyDict_New(), *name = PyUnicode_FromString("autograd_mini.core.functions"); /* where pickle finds them */
    for (PyMethodDef *def = table_functions; dict && name && def->ml_name; def++) {
        PyObject *function = PyCFunction_NewEx(def, module, name);
        if (!function || PyDict_SetItemString(dict, def->ml_name, function) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(function);
    }
    if (!name)
        Py_CLEAR(dict);
    Py_XDECREF(name);
    return dict;
}

static bool make_class(void)
{
    PyObject *doc = PyObject_GetAttrString(shared.textbook, "__doc__"), *whole = NULL;
    if (doc) /* None where docstrings are left out */
        whole = PyUnicode_FromFormat("Value(data, label='')\n--\n\n%V", PyUnicode_Check(doc) ? doc : NULL, "");
    Py_XDECREF(doc);
    value_slots[0].pfunc = whole ? (void *)PyUnicode_AsUTF8(whole) : NULL; /* is copied */
    final_type.tp_base = &PyType_Type;
    if (value_slots[0].pfunc && complete_docs_from(value_methods, shared.textbook) && PyType_Ready(&final_type) == 0)
        value_type = (PyTypeObject *)PyType_FromSpec(&value_spec);
    if (value_type) {
        Py_SET_TYPE(value_type, &final_type);
        value_type->tp_name = "Value"; /* as the interpreter's messages name the textbook's class */
        value_type->tp_vectorcall = value_vectorcall;
    }
    Py_XDECREF(whole);
    return value_type != NULL;
}

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

static int load(PyObject *module)
{
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "it serves the main interpreter alone, and this is a subinterpreter");
        return -1;
    }
    Below from = {0};
    PyObject *functions = NULL;
    look_for_fma();
    bool done = PyModule_AddFunctions(module, other_functions) == 0 && import_below(&from) && take_shared(&from)
        && take_math() && take_rows(from.ops) && (value_type || make_class())
        && complete_docs_from(graph_functions, from.value)
        && complete_docs_from(derivative_functions, from.derivatives)
        && PyModule_AddFunctions(module, graph_functions) == 0 && PyModule_AddFunctions(module, derivative_functions) == 0
        && (functions = new_functions(module)) && PyModule_AddObjectRef(module, "functions", functions) == 0
        && PyModule_AddObjectRef(module, "Value", (PyObject *)value_type) == 0
        && PyModule_AddObject(module, "Differentiating", PyType_FromSpec(&differentiating_spec)) == 0
        && PyModule_AddObject(module, "table_hash", PyLong_FromUnsignedLong(TABLE_HASH)) == 0
        && PyModule_AddStringConstant(module, "compiler", COMPILER) == 0;
    Py_XDECREF(functions);
    free_below(&from);
    return done ? 0 : -1;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, SLOT(load)},
#if PY_VERSION_HEX >= 0x030c0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030d0000
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, .m_name = "_native", .m_doc = "The native engine.", .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module_def);
}
