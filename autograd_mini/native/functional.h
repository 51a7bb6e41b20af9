/* value_and_grad's call in C: what functional.py says, where the arguments are nested lists, tuples and dicts of floats,
 * ints and Values. Whatever else comes is left to the functions of functional.py, errors included. */
#pragma once

#include "value.h"

static THREAD_LOCAL Py_ssize_t tracing_depth; /* how many calls of this thread are tracing at present */

/* Calls a function of functional.py. */
static PyObject *functional(const char *name, const char *format, ...)
{
    PyObject *module = PyImport_ImportModule("autograd_mini.functional"), *out = NULL;
    PyObject *function = module ? PyObject_GetAttrString(module, name) : NULL;
    va_list arguments;
    va_start(arguments, format);
    PyObject *args = function ? Py_VaBuildValue(format, arguments) : NULL;
    va_end(arguments);
    if (args)
        out = PyObject_CallObject(function, args);
    Py_XDECREF(args);
    Py_XDECREF(function);
    Py_XDECREF(module);
    return out;
}

/* ---- Variables. ---- */

/* A tree with each leaf replaced by what `leaf` makes of it. NULL without an exception where a tree is left to Python. */
typedef PyObject *Leaf(PyObject *x, void *context);

static PyObject *map_tree(PyObject *tree, Leaf *leaf, void *context);

static PyObject *map_list(PyObject *tree, Leaf *leaf, void *context)
{
    PyObject *items = PyList_AsTuple(tree); /* which nothing changes, should a leaf run Python */
    PyObject *out = items ? PyList_New(PyTuple_GET_SIZE(items)) : NULL;
    for (Py_ssize_t i = 0; out && i < PyTuple_GET_SIZE(items); i++) {
        PyObject *x = map_tree(PyTuple_GET_ITEM(items, i), leaf, context);
        if (x)
            PyList_SET_ITEM(out, i, x);
        else
            Py_CLEAR(out);
    }
    Py_XDECREF(items);
    return out;
}

static PyObject *map_tuple(PyObject *tree, Leaf *leaf, void *context)
{
    PyObject *out = PyTuple_New(PyTuple_GET_SIZE(tree));
    for (Py_ssize_t i = 0; out && i < PyTuple_GET_SIZE(tree); i++) {
        PyObject *x = map_tree(PyTuple_GET_ITEM(tree, i), leaf, context);
        if (x)
            PyTuple_SET_ITEM(out, i, x);
        else
            Py_CLEAR(out);
    }
    return out;
}

static PyObject *map_dict(PyObject *tree, Leaf *leaf, void *context)
{
    PyObject *out = PyDict_New(), *key, *branch;
    Py_ssize_t place = 0;
    while (out && PyDict_Next(tree, &place, &key, &branch)) {
        /* Other keys have a __hash__ and an __eq__ of their own, which could change the dict meanwhile. */
        if (!PyUnicode_CheckExact(key)) {
            Py_CLEAR(out);
            break;
        }
        Py_INCREF(key);
        Py_INCREF(branch);
        PyObject *x = map_tree(branch, leaf, context);
        if (!x || PyDict_SetItem(out, key, x) < 0)
            Py_CLEAR(out);
        Py_DECREF(key);
        Py_DECREF(branch);
        Py_XDECREF(x);
    }
    return out;
}

static PyObject *map_tree(PyObject *tree, Leaf *leaf, void *context)
{
    if (PyFloat_CheckExact(tree) || is_value(tree) || PyLong_CheckExact(tree))
        return leaf(tree, context);
    PyObject *out = NULL;
    if (Py_EnterRecursiveCall(" in a nested argument"))
        return NULL;
    if (PyList_CheckExact(tree))
        out = map_list(tree, leaf, context);
    else if (PyTuple_CheckExact(tree))
        out = map_tuple(tree, leaf, context);
    else if (PyDict_CheckExact(tree))
        out = map_dict(tree, leaf, context);
    Py_LeaveRecursiveCall();
    return out;
}

typedef struct {
    PyObject *inputs; /* the variables made so far, a list */
    bool linked;      /* whether a Value becomes a node computed from it, or a leaf of its own */
} Making;

static PyObject *variable(PyObject *x, void *context)
{
    Making *making = context;
    Operand o;
    PyObject *v = NULL;
    if (!take_quickly(x, &o))
        return NULL;
    if (!o.node)
        v = new_leaf(o.number);
    else if (making->linked)
        v = value_mul(x, shared.one);
    else
        v = value_detach(x, NULL);
    if (v && PyList_Append(making->inputs, v) < 0)
        Py_CLEAR(v);
    return v;
}

static PyObject *variables(PyObject *tree, Py_ssize_t argument, PyObject *inputs, bool linked)
{
    Making making = {inputs, linked};
    Py_ssize_t before = PyList_GET_SIZE(inputs);
    PyObject *out = map_tree(tree, variable, &making);
    if (out || PyErr_Occurred() || PyList_SetSlice(inputs, before, PyList_GET_SIZE(inputs), NULL) < 0)
        return out;
    PyObject *where = PyUnicode_FromFormat("argument %zd", argument);
    out = where ? functional("_variables", "(OOOO)", tree, where, inputs, linked ? Py_True : Py_False) : NULL;
    Py_XDECREF(where);
    return out;
}

/* ---- Results. ---- */

typedef struct {
    PyObject *slopes; /* a list, one for each variable */
    Py_ssize_t next;
} Reading;

static PyObject *next_slope(PyObject *Py_UNUSED(x), void *context)
{
    Reading *reading = context;
    if (reading->next == PyList_GET_SIZE(reading->slopes))
        return NULL; /* the argument has grown meanwhile; Python says so */
    return Py_NewRef(PyList_GET_ITEM(reading->slopes, reading->next++));
}

/* ---- The call. ---- */

typedef struct {
    PyObject *function, *argnums, *args, *kwargs;
    Py_ssize_t *positions; /* of the arguments to differentiate by */
    Py_ssize_t count;
    PyObject *inputs;
} Call;

static bool find_positions(Call *c)
{
    PyObject *wanted = c->argnums;
    Py_ssize_t n = PyTuple_GET_SIZE(c->args);
    for (Py_ssize_t i = 0; i < c->count; i++) {
        PyObject *argnum = PyTuple_Check(wanted) ? PyTuple_GET_ITEM(wanted, i) : wanted;
        Py_ssize_t at = PyLong_AsSsize_t(argnum);
        if (at == -1 && PyErr_Occurred()) { /* beyond any number of arguments */
            PyErr_Clear();
            at = n;
        }
        if (at < -n || at >= n) {
            Py_XDECREF(functional("_position", "(On)", argnum, n)); /* raises */
            return false;
        }
        c->positions[i] = at < 0 ? at + n : at;
    }
    return true;
}

/* Calls the function on fresh variables in place of the wanted arguments. */
static PyObject *call_on_variables(Call *c, bool linked)
{
    PyObject *inner = PyTuple_New(PyTuple_GET_SIZE(c->args));
    if (!inner)
        return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(inner); i++)
        PyTuple_SET_ITEM(inner, i, Py_NewRef(PyTuple_GET_ITEM(c->args, i)));
    for (Py_ssize_t i = 0; i < c->count; i++) {
        Py_ssize_t at = c->positions[i];
        PyObject *x = variables(PyTuple_GET_ITEM(c->args, at), at, c->inputs, linked);
        if (!x) {
            Py_DECREF(inner);
            return NULL;
        }
        PyObject *before = PyTuple_GET_ITEM(inner, at);
        PyTuple_SET_ITEM(inner, at, x);
        Py_DECREF(before);
    }
    PyObject *out = PyObject_Call(c->function, inner, c->kwargs);
    Py_DECREF(inner);
    return out;
}

/* Whether there is a Value in a tree: 1 or 0, -1 with an exception. */
static int holds_value(PyObject *tree)
{
    if (is_value(tree))
        return 1;
    if (!PyList_Check(tree) && !PyTuple_Check(tree) && !PyDict_Check(tree))
        return 0;
    int found = 0;
    if (Py_EnterRecursiveCall(" in a nested argument"))
        return -1;
    Py_INCREF(tree); /* Python code that runs in here may take it out of the tree around it */
    if (PyDict_CheckExact(tree)) {
        PyObject *key, *branch;
        Py_ssize_t place = 0;
        while (!found && PyDict_Next(tree, &place, &key, &branch))
            found = holds_value(branch);
    } else if (PyList_CheckExact(tree) || PyTuple_CheckExact(tree)) {
        for (Py_ssize_t i = 0; !found && i < PySequence_Fast_GET_SIZE(tree); i++)
            found = holds_value(PySequence_Fast_GET_ITEM(tree, i));
    } else {
        PyObject *out = functional("_holds_value", "(O)", tree);
        found = out ? PyObject_IsTrue(out) : -1;
        Py_XDECREF(out);
    }
    Py_DECREF(tree);
    Py_LeaveRecursiveCall();
    return found;
}

/* The derivatives as a list, and the value in place of the result. */
static PyObject *differentiate_result(Call *c, PyObject **out, bool recorded, int64_t start)
{
    int further = recorded ? (tracing_depth > 1 ? 1 : holds_value(c->args)) : 0;
    if (further < 0)
        return NULL;
    if (is_value(*out)) {
        Value *root = (Value *)*out;
        PyObject *slopes = thread_is_watched
            ? functional("_slopes", "(OOLO)", *out, c->inputs, (long long)start, further ? Py_True : Py_False)
            : further ? gradient_values(root, c->inputs, start) : gradients(root, c->inputs, start);
        if (slopes && !further)
            Py_SETREF(*out, PyFloat_FromDouble(root->data));
        return slopes;
    }
    PyObject *checked = functional("_plain_result", "(OOO)", c->function, *out, further ? Py_True : Py_False);
    if (!checked)
        return NULL;
    Py_SETREF(*out, checked);
    PyObject *slopes = PyList_New(PyList_GET_SIZE(c->inputs));
    for (Py_ssize_t i = 0; slopes && i < PyList_GET_SIZE(slopes); i++) {
        PyObject *zero = further ? new_leaf(0.0) : PyFloat_FromDouble(0.0);
        if (zero)
            PyList_SET_ITEM(slopes, i, zero);
        else
            Py_CLEAR(slopes);
    }
    return slopes;
}

/* The gradient in the structure of the arguments; NULL without an exception where that is left to Python. */
static PyObject *shape_quickly(Call *c, PyObject *slopes)
{
    Reading reading = {slopes, 0};
    if (!PyTuple_Check(c->argnums))
        return map_tree(PyTuple_GET_ITEM(c->args, c->positions[0]), next_slope, &reading);
    PyObject *out = PyTuple_New(c->count);
    for (Py_ssize_t i = 0; out && i < c->count; i++) {
        PyObject *x = map_tree(PyTuple_GET_ITEM(c->args, c->positions[i]), next_slope, &reading);
        if (x)
            PyTuple_SET_ITEM(out, i, x);
        else
            Py_CLEAR(out);
    }
    return out;
}

static PyObject *shape(Call *c, PyObject *slopes)
{
    PyObject *out = shape_quickly(c, slopes);
    if (out || PyErr_Occurred())
        return out;
    return functional("_shape", "(OOO)", c->args, c->argnums, slopes);
}

static PyObject *trace(Call *c)
{
    bool recorded = set_recording(true);
    tracing_depth++;
    int64_t start = ++epoch_now;
    PyObject *slopes = NULL, *gradient = NULL;
    PyObject *out = find_positions(c) ? call_on_variables(c, recorded) : NULL;
    if (out)
        slopes = differentiate_result(c, &out, recorded, start);
    tracing_depth--;
    set_recording(recorded);
    if (slopes)
        gradient = shape(c, slopes);
    Py_XDECREF(slopes);
    if (out && gradient)
        return Py_BuildValue("NN", out, gradient);
    Py_XDECREF(out);
    Py_XDECREF(gradient);
    return NULL;
}

static PyObject *function_differentiate(PyObject *Py_UNUSED(module), PyObject *const *a, Py_ssize_t n)
{
    Py_ssize_t few[8];
    if (n != 4 || !PyTuple_Check(a[2]) || !PyDict_Check(a[3])) {
        PyErr_SetString(PyExc_TypeError, "differentiate takes f, argnums, args, kwargs");
        return NULL;
    }
    Call c = {a[0], a[1], a[2], a[3], few, PyTuple_Check(a[1]) ? PyTuple_GET_SIZE(a[1]) : 1, PyList_New(0)};
    PyObject *out = NULL;
    if (c.count > 8)
        c.positions = PyMem_New(Py_ssize_t, c.count);
    if (!c.positions)
        PyErr_NoMemory();
    else if (c.inputs)
        out = trace(&c);
    if (c.positions != few)
        PyMem_Free(c.positions);
    Py_XDECREF(c.inputs);
    return out;
}
