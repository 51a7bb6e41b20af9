/* Calls of grad and value_and_grad in C, where the arguments are nested lists, tuples and dicts of floats, ints and Values.
 * Whatever else comes is left to a function in Python, errors included. */
#pragma once

#include "value.h"

/* ---- Copies of arguments. ---- */

static inline bool is_leaf(PyObject *tree)
{
    return PyFloat_CheckExact(tree) || is_value(tree) || PyLong_CheckExact(tree);
}

/* Ends what `hidden` began. */
static void show(PyObject *container)
{
    if (!PyObject_GC_IsTracked(container) && container != shared.nothing)
        PyObject_GC_Track(container);
}

static PyObject *copy_tree(PyObject *tree);

/* Replaces a container by a copy of it; false as copy_tree. */
static inline bool copy_item(PyObject **item)
{
    if (is_leaf(*item))
        return true;
    PyObject *copy = copy_tree(*item);
    if (copy)
        Py_SETREF(*item, copy);
    return copy != NULL;
}

static PyObject *copy_items(PyObject *copy)
{
    for (Py_ssize_t i = 0; copy && i < PySequence_Fast_GET_SIZE(copy); i++)
        if (!copy_item(&PySequence_Fast_ITEMS(copy)[i]))
            Py_CLEAR(copy);
    return copy;
}

static PyObject *copy_tuple(PyObject *tree)
{
    if (tree == shared.nothing)
        return Py_NewRef(tree);
    PyObject *copy = hidden(PyTuple_New(PyTuple_GET_SIZE(tree)));
    for (Py_ssize_t i = 0; copy && i < PyTuple_GET_SIZE(copy); i++)
        PyTuple_SET_ITEM(copy, i, Py_NewRef(PyTuple_GET_ITEM(tree, i)));
    return copy_items(copy);
}

static PyObject *copy_dict(PyObject *tree)
{
    PyObject *copy = hidden(PyDict_Copy(tree)), *key, *branch;
    Py_ssize_t place = 0;
    while (copy && PyDict_Next(copy, &place, &key, &branch)) {
        /* Other keys have an __eq__ of their own, which would run where we do not want it. */
        PyObject *x = !PyUnicode_CheckExact(key) ? NULL : is_leaf(branch) ? Py_NewRef(branch) : copy_tree(branch);
        if (!x || (x != branch && PyDict_SetItem(copy, key, x) < 0))
            Py_CLEAR(copy);
        Py_XDECREF(x);
    }
    return hidden(copy);
}

/* A tree whose containers are ours alone. NULL without an exception where it is left to Python. */
static PyObject *copy_tree(PyObject *tree)
{
    PyObject *copy = NULL;
    if (is_leaf(tree))
        return Py_NewRef(tree);
    if (Py_EnterRecursiveCall(" in a nested argument"))
        return NULL;
    if (PyList_CheckExact(tree))
        copy = copy_items(hidden(PyList_GetSlice(tree, 0, PyList_GET_SIZE(tree))));
    else if (PyTuple_CheckExact(tree))
        copy = copy_tuple(tree);
    else if (PyDict_CheckExact(tree))
        copy = copy_dict(tree);
    Py_LeaveRecursiveCall();
    return copy;
}

/* Puts numbers into a copy in place of its leaves, from `next` on. */
static bool fill_tree(PyObject *copy, PyObject *const **next);

static inline bool fill_item(PyObject **item, PyObject *const **next)
{
    if (!is_leaf(*item))
        return fill_tree(*item, next);
    Py_SETREF(*item, Py_NewRef(*(*next)++));
    return true;
}

static bool fill_dict(PyObject *copy, PyObject *const **next)
{
    PyObject *key, *branch;
    Py_ssize_t place = 0;
    bool done = true;
    while (done && PyDict_Next(copy, &place, &key, &branch)) /* which allows for new values of old keys */
        done = is_leaf(branch) ? PyDict_SetItem(copy, key, *(*next)++) == 0 : fill_tree(branch, next);
    return done;
}

static bool fill_tree(PyObject *copy, PyObject *const **next)
{
    bool done = true;
    if (PyDict_CheckExact(copy))
        done = fill_dict(copy, next);
    else
        for (Py_ssize_t i = 0; done && i < PySequence_Fast_GET_SIZE(copy); i++)
            done = fill_item(&PySequence_Fast_ITEMS(copy)[i], next);
    show(copy);
    return done;
}

/* ---- Variables. ---- */

/* The variables made so far, which nobody else can reach. */
typedef struct {
    Value **nodes;
    Py_ssize_t count, room;
    bool linked; /* whether a Value becomes a node computed from it, or a leaf of its own */
} Variables;

static void free_variables(Variables *made)
{
    while (made->count > 0)
        Py_DECREF(made->nodes[--made->count]);
    PyMem_Free(made->nodes);
}

static bool append(Variables *made, PyObject *v)
{
    if (made->count == made->room) {
        Py_ssize_t room = 2 * made->room + 8;
        if (!grow((void **)&made->nodes, sizeof *made->nodes, (size_t)room)) {
            PyErr_NoMemory();
            return false;
        }
        made->room = room;
    }
    made->nodes[made->count++] = (Value *)Py_NewRef(v);
    return true;
}

static PyObject *variable(PyObject *x, Variables *made)
{
    Operand o;
    PyObject *v;
    if (!take_quickly(x, &o))
        return NULL;
    if (!o.node)
        v = new_leaf(o.number);
    else
        v = made->linked ? value_mul(x, shared.one) : value_detach(x, NULL);
    if (v && !append(made, v))
        Py_CLEAR(v);
    return v;
}

/* The same tree as a copy with a variable for each leaf. */
static PyObject *variables_of(PyObject *copy, Variables *made);

static PyObject *variables_of_items(PyObject *copy, Variables *made)
{
    Py_ssize_t n = PySequence_Fast_GET_SIZE(copy);
    PyObject *out = hidden(PyList_CheckExact(copy) ? PyList_New(n) : PyTuple_New(n));
    for (Py_ssize_t i = 0; out && i < n; i++) {
        PyObject *x = variables_of(PySequence_Fast_GET_ITEM(copy, i), made);
        PySequence_Fast_ITEMS(out)[i] = x;
        if (!x)
            Py_CLEAR(out);
    }
    if (out)
        show(out);
    return out;
}

static PyObject *variables_of_dict(PyObject *copy, Variables *made)
{
    PyObject *out = PyDict_New(), *key, *branch;
    Py_ssize_t place = 0;
    while (out && PyDict_Next(copy, &place, &key, &branch)) {
        PyObject *x = variables_of(branch, made);
        if (!x || PyDict_SetItem(out, key, x) < 0)
            Py_CLEAR(out);
        Py_XDECREF(x);
    }
    return out;
}

static PyObject *variables_of(PyObject *copy, Variables *made)
{
    if (is_leaf(copy))
        return variable(copy, made);
    return PyDict_CheckExact(copy) ? variables_of_dict(copy, made) : variables_of_items(copy, made);
}

/* ---- The call. ---- */

typedef struct {
    PyObject *function, *argnums, *args, *kwargs;
    Py_ssize_t count;      /* how many arguments there are to differentiate by */
    Py_ssize_t *positions; /* where they stand */
    PyObject **wanted;     /* copies of them as they were when the call began, or NULL; they become the gradient */
    Variables inputs;
} Call;

/* False where Python is to say what is wrong. */
static bool find_positions(Call *c)
{
    Py_ssize_t n = PyTuple_GET_SIZE(c->args);
    for (Py_ssize_t i = 0; i < c->count; i++) {
        PyObject *argnum = PyTuple_Check(c->argnums) ? PyTuple_GET_ITEM(c->argnums, i) : c->argnums;
        Py_ssize_t at = PyLong_AsSsize_t(argnum);
        if (at == -1 && PyErr_Occurred()) { /* beyond any number of arguments */
            PyErr_Clear();
            return false;
        }
        if (at < -n || at >= n)
            return false;
        c->positions[i] = at < 0 ? at + n : at;
        for (Py_ssize_t k = 0; k < i; k++)
            if (c->positions[k] == c->positions[i])
                return false;
    }
    return true;
}

/* Copies the wanted arguments: whatever the function does to them, the derivatives have this structure. False, without an
 * exception if they are left to Python. */
static bool copy_wanted(Call *c)
{
    bool done = true;
    for (Py_ssize_t i = 0; done && i < c->count; i++) {
        c->wanted[i] = copy_tree(PyTuple_GET_ITEM(c->args, c->positions[i]));
        done = c->wanted[i] != NULL;
    }
    return done;
}

/* The arguments with fresh variables in place of the wanted ones. */
static PyObject *arguments_with_variables(Call *c)
{
    PyObject *inner = PyTuple_New(PyTuple_GET_SIZE(c->args));
    for (Py_ssize_t i = 0; inner && i < PyTuple_GET_SIZE(inner); i++)
        PyTuple_SET_ITEM(inner, i, Py_NewRef(PyTuple_GET_ITEM(c->args, i)));
    for (Py_ssize_t i = 0; inner && i < c->count; i++) {
        Py_ssize_t at = c->positions[i];
        PyObject *x = variables_of(c->wanted[i], &c->inputs);
        if (!x) {
            Py_CLEAR(inner);
            break;
        }
        PyObject *before = PyTuple_GET_ITEM(inner, at);
        PyTuple_SET_ITEM(inner, at, x);
        Py_DECREF(before);
    }
    return inner;
}

/* Whether there is a Value in a tree: 1 or 0, -1 with an exception. */
static int holds_node(PyObject *tree)
{
    if (is_value(tree))
        return 1;
    if (PyFloat_CheckExact(tree) || PyLong_CheckExact(tree) || PyUnicode_CheckExact(tree) || tree == Py_None
        || PyFunction_Check(tree))
        return 0;
    int found = 0;
    if (Py_EnterRecursiveCall(" in a nested argument"))
        return -1;
    Py_INCREF(tree); /* Python code that runs in here may take it out of the tree around it */
    if (PyDict_CheckExact(tree)) {
        PyObject *key, *branch;
        Py_ssize_t place = 0;
        while (!found && PyDict_Next(tree, &place, &key, &branch))
            found = holds_node(branch);
    } else if (PyList_CheckExact(tree) || PyTuple_CheckExact(tree)) {
        for (Py_ssize_t i = 0; !found && i < PySequence_Fast_GET_SIZE(tree); i++)
            found = holds_node(PySequence_Fast_GET_ITEM(tree, i));
    } else {
        PyObject *out = PyObject_CallOneArg(shared.holds_node, tree);
        found = out ? PyObject_IsTrue(out) : -1;
        Py_XDECREF(out);
    }
    Py_DECREF(tree);
    Py_LeaveRecursiveCall();
    return found;
}

/* The derivatives of what the function returned, which is no Value, as a list of zeros; NULL if it is no number. */
static PyObject *zeros(Call *c, PyObject **out, bool further)
{
    PyObject *name = PyObject_GetAttrString(c->function, "__name__");
    if (!name) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return NULL;
        PyErr_Clear();
        name = PyObject_GetAttrString((PyObject *)Py_TYPE(c->function), "__name__");
    }
    PyObject *plain = name ? PyObject_CallFunctionObjArgs(shared.plain_result, name, *out, NULL) : NULL;
    Py_XDECREF(name);
    if (!plain)
        return NULL;
    if (further)
        Py_DECREF(plain);
    else
        Py_SETREF(*out, plain);
    PyObject *slopes = PyList_New(c->inputs.count);
    for (Py_ssize_t i = 0; slopes && i < PyList_GET_SIZE(slopes); i++) {
        PyObject *zero = further ? new_leaf(0.0) : PyFloat_FromDouble(0.0);
        if (zero)
            PyList_SET_ITEM(slopes, i, zero);
        else
            Py_CLEAR(slopes);
    }
    return slopes;
}

/* The derivatives as a list, and the value in place of the result. */
static PyObject *differentiate_result(Call *c, PyObject **out, bool further, int64_t start)
{
    if (!is_value(*out))
        return zeros(c, out, further);
    Value *root = (Value *)*out;
    Operand one = {NULL, 1.0};
    Request r = {.start = {&root, 1}, .wanted = {c->inputs.nodes, c->inputs.count}, .numbers = &one, .since = start,
        .on_values = further};
    PyObject *slopes = answer(pull_request, &r, false);
    if (slopes && !further)
        Py_SETREF(*out, PyFloat_FromDouble(root->data));
    return slopes;
}

/* ---- Results. ---- */

/* The derivatives in the structure of the arguments. */
static PyObject *shape_all(Call *c, PyObject *slopes)
{
    PyObject *const *next = PySequence_Fast_ITEMS(slopes);
    for (Py_ssize_t i = 0; i < c->count; i++)
        if (!fill_item(&c->wanted[i], &next))
            return NULL;
    if (!PyTuple_Check(c->argnums))
        return Py_NewRef(c->wanted[0]);
    PyObject *out = PyTuple_New(c->count);
    for (Py_ssize_t i = 0; out && i < c->count; i++)
        PyTuple_SET_ITEM(out, i, Py_NewRef(c->wanted[i]));
    return out;
}

/* The pair of value and gradient; None if the arguments are left to Python. */
static PyObject *differentiate(Call *c)
{
    Trace trace;
    if (!begin_trace(&trace))
        return NULL;
    c->inputs.linked = trace.recorded;
    int64_t start = ++epoch_now;
    PyObject *inner = find_positions(c) && copy_wanted(c) ? arguments_with_variables(c) : NULL;
    int further = inner && trace.recorded ? (trace.is_within ? 1 : holds_node(c->args)) : 0;
    PyObject *out = inner && further >= 0 ? PyObject_Call(c->function, inner, c->kwargs) : NULL;
    PyObject *slopes = out ? differentiate_result(c, &out, further, start) : NULL, *gradient = NULL, *both = NULL;
    end_trace(&trace);
    if (slopes)
        gradient = shape_all(c, slopes);
    if (out && gradient)
        both = PyTuple_Pack(2, out, gradient);
    bool is_left = !inner && !PyErr_Occurred();
    Py_XDECREF(inner);
    Py_XDECREF(slopes);
    Py_XDECREF(out);
    Py_XDECREF(gradient);
    return is_left ? Py_NewRef(Py_None) : both;
}

/* The same with memory for it. */
static PyObject *differentiate_with_memory(PyObject *function, PyObject *argnums, PyObject *args, PyObject *kwargs)
{
    Py_ssize_t few[8], count = PyTuple_Check(argnums) ? PyTuple_GET_SIZE(argnums) : 1;
    PyObject *few_wanted[8] = {NULL}, *out = NULL;
    Call c = {function, argnums, args, kwargs, count, few, few_wanted, {NULL, 0, 0, false}};
    if (count > 8) {
        c.positions = PyMem_New(Py_ssize_t, count);
        c.wanted = PyMem_Calloc((size_t)count, sizeof *c.wanted);
    }
    if (c.positions && c.wanted)
        out = differentiate(&c);
    else
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; c.wanted && i < count; i++)
        Py_XDECREF(c.wanted[i]);
    if (count > 8) {
        PyMem_Free(c.positions);
        PyMem_Free(c.wanted);
    }
    free_variables(&c.inputs);
    return out;
}

/* ---- The class of derivatives.py. ---- */

typedef struct {
    PyObject_HEAD
    PyObject *function, *argnums, *in_python;
    int with_value; /* whether a call gives value and gradient, or the gradient alone */
} Differentiating;

static PyObject *differentiating_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    Differentiating *d = (Differentiating *)self;
    if (!d->function)
        return PyErr_Format(PyExc_TypeError, "this %s was not initialised", Py_TYPE(self)->tp_name);
    PyObject *both = differentiate_with_memory(d->function, d->argnums, args, kwargs);
    if (both == Py_None) {
        PyObject *names = kwargs ? Py_NewRef(kwargs) : PyDict_New();
        Py_SETREF(both, NULL);
        if (names)
            both = PyObject_CallFunctionObjArgs(d->in_python, d->function, d->argnums, args, names, NULL);
        Py_XDECREF(names);
    }
    if (!both || d->with_value)
        return both;
    PyObject *gradient = PySequence_GetItem(both, 1);
    Py_DECREF(both);
    return gradient;
}

static int differentiating_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"f", "argnums", "in_python", "with_value", NULL};
    Differentiating *d = (Differentiating *)self;
    PyObject *function, *argnums, *in_python;
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "OOOp:Differentiating", names, &function, &argnums, &in_python, &d->with_value))
        return -1;
    Py_XSETREF(d->function, Py_NewRef(function));
    Py_XSETREF(d->argnums, Py_NewRef(argnums));
    Py_XSETREF(d->in_python, Py_NewRef(in_python));
    return 0;
}

static int differentiating_traverse(PyObject *self, visitproc visit, void *arg)
{
    Differentiating *d = (Differentiating *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(d->function);
    Py_VISIT(d->argnums);
    Py_VISIT(d->in_python);
    return 0;
}

static int differentiating_clear(PyObject *self)
{
    Differentiating *d = (Differentiating *)self;
    Py_CLEAR(d->function);
    Py_CLEAR(d->argnums);
    Py_CLEAR(d->in_python);
    return 0;
}

static void differentiating_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    differentiating_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot differentiating_slots[] = {
    {Py_tp_doc, "As the class of derivatives.py."},
    {Py_tp_init, SLOT(differentiating_init)},
    {Py_tp_call, SLOT(differentiating_call)},
    {Py_tp_traverse, SLOT(differentiating_traverse)},
    {Py_tp_clear, SLOT(differentiating_clear)},
    {Py_tp_dealloc, SLOT(differentiating_dealloc)},
    {0, NULL},
};

static PyType_Spec differentiating_spec = {
    "autograd_mini.core.serving.Differentiating", sizeof(Differentiating), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, differentiating_slots,
};
