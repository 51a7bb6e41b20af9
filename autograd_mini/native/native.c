/* The native engine: the class and the functions of value.py in C.
 *
 * node.h has the node, record.h how operations are recorded, sweep.h the sort and the sweeps, value.h the class,
 * functional.h value_and_grad; rows.h is printed from the table of ops.py at build. All of the engine's memory comes from
 * PyMem_* and PyObject_*.
 *
 * Threads: the module relies on the interpreter's lock, and a free-threaded interpreter keeps it for this module.
 * Subinterpreters are refused, as the class and what is shared below are one for the process.
 */
#include "functional.h"

/* ---- Functions on graphs. ---- */

static bool check_is_value(PyObject *x)
{
    if (!is_value(x))
        PyErr_Format(PyExc_TypeError, "expected a Value, got %R of type %s", x, Py_TYPE(x)->tp_name);
    return is_value(x);
}

static PyObject *list_graph(PyObject *root, bool check, long long since)
{
    Graph g;
    if (!check_is_value(root) || !sort(&g, (Value *)root, check, since))
        return NULL;
    PyObject *list = PyList_New((Py_ssize_t)g.count);
    for (size_t i = 0; list && i < g.count; i++)
        PyList_SET_ITEM(list, (Py_ssize_t)i, Py_NewRef((PyObject *)g.places[i].node));
    free_graph(&g);
    return list;
}

static PyObject *function_topological_order(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"root", "check", "since", NULL};
    PyObject *root;
    int check = 1;
    long long since = INT64_MIN;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|pL:topological_order", names, &root, &check, &since))
        return NULL;
    return list_graph(root, check, since);
}

static PyObject *function_unchecked_order(PyObject *Py_UNUSED(module), PyObject *root)
{
    return list_graph(root, false, INT64_MIN);
}

static PyObject *function_adjoints(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"root", "gradient", "since", NULL};
    PyObject *root, *gradient = NULL;
    long long since = INT64_MIN;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OL:adjoints", names, &root, &gradient, &since)
        || !check_is_value(root))
        return NULL;
    double start = gradient ? as_double(gradient) : 1.0;
    return start == -1.0 && PyErr_Occurred() ? NULL : adjoints_by_node((Value *)root, start, since);
}

/* Whether an edge carries anything. */
static bool is_flat(const Value *v, Py_ssize_t i)
{
    return !operand_of(v, i).node || (row_arity[v->state.row] && partials[v->state.row][i].kind == FLAT);
}

static PyObject *function_local_partials(PyObject *Py_UNUSED(module), PyObject *x)
{
    if (!check_is_value(x))
        return NULL;
    Value *v = (Value *)x;
    Py_ssize_t n = operand_count(v);
    if (partials[v->state.row][0].kind == PYTHON)
        return PyObject_CallOneArg(shared.python_slopes, x);
    Position *to = PyMem_New(Position, n + 2); /* two at least, as edge_count says */
    double *slope = PyMem_New(double, n + 2);
    PyObject *list = NULL;
    if (!to || !slope) {
        PyErr_NoMemory();
    } else {
        for (Py_ssize_t i = 0; i < n + 2; i++) {
            to[i] = (Position)i;
            slope[i] = -0.0; /* what leaves every number as it is, when it is added to it */
        }
        if (n)
            pass_on(v, edge_count(v), 1.0, to, slope);
        list = PyList_New(n);
    }
    for (Py_ssize_t i = 0; list && i < n; i++) {
        PyObject *item = is_flat(v, i) ? Py_NewRef(Py_None) : PyFloat_FromDouble(slope[i]);
        if (item)
            PyList_SET_ITEM(list, i, item);
        else
            Py_CLEAR(list);
    }
    PyMem_Free(to);
    PyMem_Free(slope);
    return list;
}

static PyObject *function_new_epoch(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return PyLong_FromLongLong(++epoch_now);
}

static PyObject *function_set_recording(PyObject *Py_UNUSED(module), PyObject *on)
{
    int flag = PyObject_IsTrue(on);
    return flag < 0 ? NULL : PyBool_FromLong(set_recording(flag));
}

static PyObject *function_set_watched(PyObject *Py_UNUSED(module), PyObject *on)
{
    int flag = PyObject_IsTrue(on);
    if (flag < 0)
        return NULL;
    set_mode(thread_is_silent, flag);
    Py_RETURN_NONE;
}

static PyObject *function_looks(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return PyLong_FromUnsignedLongLong(looks);
}

/* ---- The module. As in value.h, each docstring is a signature that is completed when the module is loaded. ---- */

#define UNARY_ENTRY(name) {#name, function_##name, METH_O, #name "($module, x, /)\n--\n\n"},
#define BINARY_ENTRY(name) \
    {#name, (PyCFunction)(void (*)(void))function_##name, METH_FASTCALL, #name "($module, x, y, /)\n--\n\n"},

static PyMethodDef table_functions[] = {
    UNARY_FUNCTIONS(UNARY_ENTRY)
    BINARY_FUNCTIONS(BINARY_ENTRY)
    {"sum_", function_sum, METH_O, "sum_($module, terms, /)\n--\n\n"},
    {"sumprod", (PyCFunction)(void (*)(void))function_sumprod, METH_FASTCALL | METH_KEYWORDS,
     "sumprod($module, p, q)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef graph_functions[] = {
    {"topological_order", (PyCFunction)(void (*)(void))function_topological_order, METH_VARARGS | METH_KEYWORDS,
     "topological_order($module, root, check=True, since=-9223372036854775808)\n--\n\n"},
    {"adjoints", (PyCFunction)(void (*)(void))function_adjoints, METH_VARARGS | METH_KEYWORDS,
     "adjoints($module, root, gradient=1.0, since=-9223372036854775808)\n--\n\n"},
    {"local_partials", function_local_partials, METH_O, "local_partials($module, node, /)\n--\n\n"},
    {"new_epoch", function_new_epoch, METH_NOARGS, "new_epoch($module)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef other_functions[] = {
    {"set_recording", function_set_recording, METH_O,
     "set_recording($module, on, /)\n--\n\nWhether operations record in this thread from now on; gives whether they did."},
    {"set_watched", function_set_watched, METH_O,
     "set_watched($module, on, /)\n--\n\nWhether this thread's watcher sees its operations and sweeps from now on."},
    {"unchecked_order", function_unchecked_order, METH_O,
     "unchecked_order($module, root, /)\n--\n\ntopological_order without a look at staleness."},
    {"differentiate", (PyCFunction)(void (*)(void))function_differentiate, METH_FASTCALL,
     "differentiate($module, f, argnums, args, kwargs, /)\n--\n\nThe call of value_and_grad(f, argnums)."},
    {"looks", function_looks, METH_NOARGS,
     "looks($module)\n--\n\nHow many nodes and operands all walks have looked at, for tests of their cost."},
    {NULL, NULL, 0, NULL},
};

/* Appends to each signature the docstring that the attribute of that name has. The text stays for good, as static
 * docstrings do. */
static bool complete_docs(PyMethodDef *defs, PyObject *owner)
{
    for (; defs->ml_name; defs++) {
        PyObject *twin = PyObject_GetAttrString(owner, defs->ml_name);
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

static bool import_from(PyObject *module, const char *name, PyObject **target)
{
    PyObject *x = module ? PyObject_GetAttrString(module, name) : NULL;
    if (x)
        Py_XSETREF(*target, x);
    return x != NULL;
}

static bool import_shared(PyObject *module, PyObject *ops, PyObject *value, PyObject *numbers)
{
    return import_from(ops, "number", &shared.number) && import_from(ops, "sum_", &shared.sum)
        && import_from(ops, "sumprod", &shared.sumprod) && import_from(value, "compute", &shared.compute)
        && import_from(value, "leaf_data", &shared.leaf_data) && import_from(value, "gradient_data", &shared.gradient_data)
        && import_from(value, "label_text", &shared.label_text) && import_from(value, "refuse_data", &shared.refuse_data)
        && import_from(value, "refuse_number", &shared.refuse_number)
        && import_from(value, "refuse_subclass", &shared.refuse_subclass)
        && import_from(value, "refuse_stale", &shared.refuse_stale)
        && import_from(value, "refuse_restored", &shared.refuse_restored) && import_from(value, "deepcopy", &shared.deepcopy)
        && import_from(value, "show_node", &shared.show_node) && import_from(value, "show_adjoints", &shared.show_adjoints)
        && import_from(value, "reduce", &shared.reduce) && import_from(value, "slopes_of", &shared.python_slopes)
        && import_from(numbers, "Real", &shared.real)
        && import_from(module, "unchecked_order", &shared.order) && (shared.one || (shared.one = PyFloat_FromDouble(1.0)))
        && (shared.nothing || (shared.nothing = PyTuple_New(0)));
}

/* The rows and their functions by the names that rows.h was printed with. */
static bool import_rows(PyObject *ops)
{
    PyObject *table = PyObject_GetAttrString(ops, "TABLE"), *functions = PyObject_GetAttrString(ops, "FUNCTIONS");
    bool done = table && functions;
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

static bool make_class(PyObject *value)
{
    PyObject *twin = PyObject_GetAttrString(value, "Value");
    PyObject *doc = twin ? PyObject_GetAttrString(twin, "__doc__") : NULL;
    PyObject *whole = doc ? PyUnicode_FromFormat("Value(data, label='')\n--\n\n%U", doc) : NULL;
    Py_XDECREF(doc);
    value_slots[0].pfunc = whole ? (void *)PyUnicode_AsUTF8(whole) : NULL; /* is copied */
    final_type.tp_base = &PyType_Type;
    if (value_slots[0].pfunc && complete_docs(value_methods, twin) && PyType_Ready(&final_type) == 0)
        value_type = (PyTypeObject *)PyType_FromSpec(&value_spec);
    if (value_type) {
        Py_SET_TYPE(value_type, &final_type);
        value_type->tp_name = "Value"; /* as the interpreter's messages name the textbook's class */
        value_type->tp_vectorcall = value_vectorcall;
    }
    Py_XDECREF(whole);
    Py_XDECREF(twin);
    return value_type != NULL;
}

#if defined(__VERSION__)
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
    PyObject *ops = PyImport_ImportModule("autograd_mini.ops");
    PyObject *value = PyImport_ImportModule("autograd_mini.value");
    PyObject *numbers = PyImport_ImportModule("numbers");
    bool done = ops && value && numbers
        && PyModule_AddFunctions(module, other_functions) == 0
        && import_shared(module, ops, value, numbers) && import_rows(ops)
        && (value_type || make_class(value))
        && complete_docs(table_functions, ops) && complete_docs(graph_functions, value)
        && PyModule_AddFunctions(module, table_functions) == 0 && PyModule_AddFunctions(module, graph_functions) == 0
        && PyModule_AddObjectRef(module, "Value", (PyObject *)value_type) == 0
        && PyModule_AddObject(module, "table_hash", PyLong_FromUnsignedLong(TABLE_HASH)) == 0
        && PyModule_AddStringConstant(module, "compiler", COMPILER) == 0;
    Py_XDECREF(ops);
    Py_XDECREF(value);
    Py_XDECREF(numbers);
    return done ? 0 : -1;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, load},
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
