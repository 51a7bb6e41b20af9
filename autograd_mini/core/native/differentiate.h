/* A call of value_and_grad in C, where the arguments are nested lists, tuples and dicts of floats, ints and Values. Whatever
 * else comes is left to the page of Python that calls this, errors included. */
#pragma once

#include "value.h"

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

/* A tree with each leaf replaced by what `leaf` makes of it. NULL without an exception where a tree is left to Python. */
typedef PyObject *Leaf(PyObject *x, void *context);

static PyObject *map_tree(PyObject *tree, Leaf *leaf, void *context);

static PyObject *map_list(PyObject *tree, Leaf *leaf, void *context)
{
    PyObject *items = PyList_AsTuple(tree); /* which nothing changes, should a leaf run Python */
    PyObject *out = items ? hidden(PyList_New(PyTuple_GET_SIZE(items))) : NULL;
    for (Py_ssize_t i = 0; out && i < PyTuple_GET_SIZE(items); i++) {
        PyObject *x = map_tree(PyTuple_GET_ITEM(items, i), leaf, context);
        if (x)
            PyList_SET_ITEM(out, i, x);
        else
            Py_CLEAR(out);
    }
    Py_XDECREF(items);
    return shown(out);
}

static PyObject *map_tuple(PyObject *tree, Leaf *leaf, void *context)
{
    if (tree == shared.nothing)
        return Py_NewRef(tree);
    PyObject *out = hidden(PyTuple_New(PyTuple_GET_SIZE(tree)));
    for (Py_ssize_t i = 0; out && i < PyTuple_GET_SIZE(tree); i++) {
        PyObject *x = map_tree(PyTuple_GET_ITEM(tree, i), leaf, context);
        if (x)
            PyTuple_SET_ITEM(out, i, x);
        else
            Py_CLEAR(out);
    }
    return shown(out);
}

static PyObject *map_dict(PyObject *tree, Leaf *leaf, void *context)
{
    PyObject *out = PyDict_New(), *items, *key, *branch;
    Py_ssize_t place = 0;
    items = unusual_blocks ? PyDict_Copy(tree) : Py_NewRef(tree); /* watchers are Python, which might change it */
    if (!items)
        Py_CLEAR(out);
    while (out && PyDict_Next(items, &place, &key, &branch)) {
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
    Py_XDECREF(items);
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

static PyObject *variable(PyObject *x, void *context)
{
    Variables *made = context;
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

/* ---- The call. ---- */

typedef struct {
    PyObject *function, *argnums, *args, *kwargs;
    Py_ssize_t *positions; /* of the arguments to differentiate by */
    Py_ssize_t count;
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
    }
    return true;
}

/* The arguments with fresh variables in place of the wanted ones. NULL without an exception if they are left to Python. */
static PyObject *arguments_with_variables(Call *c)
{
    PyObject *inner = PyTuple_New(PyTuple_GET_SIZE(c->args));
    for (Py_ssize_t i = 0; inner && i < PyTuple_GET_SIZE(inner); i++)
        PyTuple_SET_ITEM(inner, i, Py_NewRef(PyTuple_GET_ITEM(c->args, i)));
    for (Py_ssize_t i = 0; inner && i < c->count; i++) {
        Py_ssize_t at = c->positions[i];
        PyObject *x = map_tree(PyTuple_GET_ITEM(c->args, at), variable, &c->inputs);
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
static PyObject *differentiate_result(Call *c, PyObject **out, const Trace *trace, int64_t start)
{
    int further = trace->recorded ? (trace->is_within ? 1 : holds_node(c->args)) : 0;
    if (further < 0)
        return NULL;
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

typedef struct {
    PyObject *slopes; /* a list, one for each variable */
    Py_ssize_t next;
} Reading;

static PyObject *next_slope(PyObject *Py_UNUSED(x), void *context)
{
    Reading *reading = context;
    if (reading->next >= PyList_GET_SIZE(reading->slopes))
        return NULL; /* the argument has grown meanwhile; Python says so */
    return Py_NewRef(PyList_GET_ITEM(reading->slopes, reading->next++));
}

/* The derivatives that have not been read yet, as an iterator. */
static PyObject *rest_of(const Reading *reading)
{
    PyObject *rest = PyList_GetSlice(reading->slopes, reading->next, PyList_GET_SIZE(reading->slopes));
    PyObject *leaves = rest ? PyObject_GetIter(rest) : NULL;
    Py_XDECREF(rest);
    return leaves;
}

/* The same in Python, for an argument that is none of ours any more. */
static PyObject *shape_in_python(PyObject *tree, Reading *reading)
{
    Py_ssize_t count = PyList_GET_SIZE(reading->slopes) - reading->next; /* before Python runs, which may change it */
    PyObject *leaves = rest_of(reading);
    PyObject *out = leaves ? PyObject_CallFunctionObjArgs(shared.rebuild, tree, leaves, NULL) : NULL;
    Py_ssize_t left = out ? PyObject_LengthHint(leaves, 0) : 0;
    if (left < 0)
        Py_CLEAR(out);
    reading->next += count - left;
    Py_XDECREF(leaves);
    return out;
}

/* The next derivatives in the structure of an argument. */
static PyObject *shape(PyObject *tree, Reading *reading)
{
    Py_ssize_t start = reading->next;
    PyObject *out = map_tree(tree, next_slope, reading);
    if (out || PyErr_Occurred())
        return out;
    reading->next = start;
    return shape_in_python(tree, reading);
}

static PyObject *shape_all(Call *c, PyObject *slopes)
{
    Reading reading = {slopes, 0};
    bool is_single = !PyTuple_Check(c->argnums);
    PyObject *out = hidden(PyTuple_New(c->count));
    for (Py_ssize_t i = 0; out && i < c->count; i++) {
        PyObject *x = shape(PyTuple_GET_ITEM(c->args, c->positions[i]), &reading);
        if (x)
            PyTuple_SET_ITEM(out, i, x);
        else
            Py_CLEAR(out);
    }
    if (out && reading.next < PyList_GET_SIZE(slopes)) {
        PyObject *leaves = rest_of(&reading);
        if (leaves)
            Py_XDECREF(PyObject_CallOneArg(shared.finish, leaves)); /* raises */
        Py_XDECREF(leaves);
        Py_CLEAR(out);
    }
    shown(out);
    if (out && is_single)
        Py_SETREF(out, Py_NewRef(PyTuple_GET_ITEM(out, 0)));
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
    PyObject *inner = find_positions(c) ? arguments_with_variables(c) : NULL;
    PyObject *out = inner ? PyObject_Call(c->function, inner, c->kwargs) : NULL;
    PyObject *slopes = out ? differentiate_result(c, &out, &trace, start) : NULL, *gradient = NULL, *both = NULL;
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

static PyObject *function_differentiate(PyObject *Py_UNUSED(module), PyObject *const *a, Py_ssize_t n)
{
    Py_ssize_t few[8];
    if (n != 4 || !PyTuple_Check(a[2]) || !PyDict_Check(a[3])) {
        PyErr_SetString(PyExc_TypeError, "differentiate takes f, argnums, args, kwargs");
        return NULL;
    }
    Call c = {a[0], a[1], a[2], a[3], few, PyTuple_Check(a[1]) ? PyTuple_GET_SIZE(a[1]) : 1, {NULL, 0, 0, false}};
    PyObject *out = NULL;
    if (c.count > 8)
        c.positions = PyMem_New(Py_ssize_t, c.count);
    if (c.positions)
        out = differentiate(&c);
    else
        PyErr_NoMemory();
    if (c.positions != few)
        PyMem_Free(c.positions);
    free_variables(&c.inputs);
    return out;
}
