/* How operations are recorded: operands are taken from Python objects, the value is computed, a node is made. */
#pragma once

#include "node.h"

/* What comes from Python's side: the functions of value.py that both engines share, and the rows of the table. */
static struct {
    PyObject *number, *compute, *leaf_data, *gradient_data, *label_text;
    PyObject *refuse_data, *refuse_number, *refuse_subclass, *refuse_stale, *refuse_restored;
    PyObject *deepcopy, *reduce, *python_slopes, *order, *real, *show_node, *show_adjoints;
    PyObject *sum, *sumprod, *one, *nothing; /* nothing is the empty tuple */
    PyObject *rows[CALL], *functions[CALL]; /* by ROW_...: the Op, and the Python function of that name */
} shared;

/* The Op of a node; a borrowed reference. */
static inline PyObject *op_of(const Value *v)
{
    return v->state.row == LEAF ? Py_None : v->state.row == CALL ? v->op : shared.rows[v->state.row];
}

/* ---- Operands. ---- */

/* Takes what needs no Python code: a Value, a float, a small int. */
static inline bool take_quickly(PyObject *x, Operand *o)
{
    if (is_value(x)) {
        o->node = (Value *)x;
        o->number = o->node->data;
        return true;
    }
    o->node = NULL;
    if (PyFloat_CheckExact(x)) {
        o->number = PyFloat_AS_DOUBLE(x);
        return true;
    }
    if (PyLong_CheckExact(x)) {
        int overflow;
        long n = PyLong_AsLongAndOverflow(x, &overflow);
        o->number = (double)n;
        return !overflow && n > -1000000000L && n < 1000000000L; /* exact as a double on every platform */
    }
    return false;
}

/* A real number as a double; -1.0 with an exception. */
static double as_double(PyObject *x)
{
    if (PyFloat_CheckExact(x))
        return PyFloat_AS_DOUBLE(x);
    PyObject *number = PyObject_CallOneArg(shared.number, x);
    if (!number)
        return -1.0;
    double out = PyFloat_AsDouble(number);
    Py_DECREF(number);
    return out;
}

/* Takes a Value or any real number; false with an exception for anything else. */
static bool take(PyObject *x, Operand *o)
{
    if (take_quickly(x, o))
        return true;
    o->node = NULL;
    o->number = as_double(x);
    return o->number != -1.0 || !PyErr_Occurred();
}

/* Whether an object is a Value of the other engine: 1 or 0, -1 with an exception. */
static int is_foreign(PyObject *x)
{
    PyObject *found = PyObject_GetAttrString((PyObject *)Py_TYPE(x), "_apply");
    if (!found) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    Py_DECREF(found);
    return 1;
}

/* Whether an operator is for us: 1 for a real number, 0 for what is left to Python, -1 with an exception. */
static int is_operand(PyObject *x)
{
    if (is_value(x) || PyFloat_CheckExact(x) || PyLong_CheckExact(x))
        return 1;
    int real = PyObject_IsInstance(x, shared.real);
    return real ? real : is_foreign(x); /* take() will refuse it */
}

static PyObject *from_operand(const Operand *o)
{
    return o->node ? Py_NewRef((PyObject *)o->node) : PyFloat_FromDouble(o->number);
}

static PyObject *tuple_of_operands(const Operand *operands, Py_ssize_t n)
{
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; tuple && i < n; i++) {
        PyObject *x = from_operand(&operands[i]);
        if (!x)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, x);
    }
    return tuple;
}

/* ---- Nodes of operations. `op` is NULL for the table's own rows. ---- */

static PyObject *record(int row, PyObject *op, double out, const Operand *operands, Py_ssize_t n);

/* Shows a new node to the thread's watcher. This runs Python, to which operands may be lost unless they are the node's. */
static RARE PyObject *show(PyObject *v)
{
    PyObject *shown = PyObject_CallOneArg(shared.show_node, v);
    if (!shown)
        Py_CLEAR(v);
    Py_XDECREF(shown);
    return v;
}

/* What a thread does instead whose mode is not the usual one. */
static RARE PyObject *record_unusually(int row, PyObject *op, double out, const Operand *operands, Py_ssize_t n)
{
    if (thread_is_silent)
        return new_leaf(out);
    set_mode(false, false);
    PyObject *v = record(row, op, out, operands, n);
    set_mode(false, true);
    return v ? show(v) : NULL;
}

/* A node that refers to tuples of exact Values, floats and small ints, in which the collector has nothing to look for. */
static PyObject *record_tuples(int row, PyObject *op, double out, PyObject *first, PyObject *second)
{
    if (!is_usual() && thread_is_silent)
        return new_leaf(out);
    Value *v = new_node(out, row);
    if (!v)
        return NULL;
    PyObject_GC_UnTrack(first);
    PyObject_GC_UnTrack(second);
    v->state.has_tuples = 1;
    v->tuples[0] = Py_NewRef(first);
    v->tuples[1] = Py_NewRef(second);
    v->op = Py_XNewRef(op);
    return is_usual() ? (PyObject *)v : show((PyObject *)v);
}

static inline PyObject *record_one(int row, double out, Value *x)
{
    if (!is_usual())
        return record_unusually(row, NULL, out, &(Operand){x, x->data}, 1);
    Value *v = new_node(out, row);
    if (!v)
        return NULL;
    Py_INCREF(x);
    v->constant = 0.0; /* is read as the second operand, though not used */
    v->operands[0] = x;
    v->operands[1] = NULL;
    return (PyObject *)v;
}

/* At least one of the two is a node. */
static inline PyObject *record_two(int row, double out, Operand x, Operand y)
{
    if (!is_usual())
        return record_unusually(row, NULL, out, (Operand[]){x, y}, 2);
    Value *v = new_node(out, row);
    if (!v)
        return NULL;
    if (x.node)
        Py_INCREF(x.node);
    else
        v->constant = x.number;
    if (y.node)
        Py_INCREF(y.node);
    else
        v->constant = y.number;
    v->operands[0] = x.node;
    v->operands[1] = y.node;
    return (PyObject *)v;
}

static PyObject *record(int row, PyObject *op, double out, const Operand *operands, Py_ssize_t n)
{
    if (n == 1 && row_arity[row] == 1 && operands[0].node)
        return record_one(row, out, operands[0].node);
    if (n == 2 && row_arity[row] == 2 && (operands[0].node || operands[1].node))
        return record_two(row, out, operands[0], operands[1]);
    Py_ssize_t split = has_factors(row) ? n / 2 : n;
    PyObject *first = tuple_of_operands(operands, split);
    PyObject *second = first ? tuple_of_operands(operands + split, n - split) : NULL;
    PyObject *v = second ? record_tuples(row, op, out, first, second) : NULL;
    Py_XDECREF(first);
    Py_XDECREF(second);
    return v;
}

/* The value as Python computes it, where C is not sure; false with an exception. */
static bool compute_in_python(PyObject *op, const Operand *operands, Py_ssize_t n, double *out)
{
    PyObject *args = tuple_of_operands(operands, n);
    PyObject *data = args ? PyObject_CallFunctionObjArgs(shared.compute, op, args, NULL) : NULL;
    Py_XDECREF(args);
    if (!data)
        return false;
    *out = PyFloat_AsDouble(data);
    Py_DECREF(data);
    return *out != -1.0 || !PyErr_Occurred();
}

/* Applies a row, which the operands may not fit in number; at least one of them is a node, or op says how to name it. */
static PyObject *apply(int row, PyObject *op, const Operand *operands, Py_ssize_t n)
{
    double out;
    bool fits = row != CALL && (row_arity[row] ? row_arity[row] == n : n > 0);
    if (!(fits && compute(row, operands, n, &out)) && !compute_in_python(op, operands, n, &out))
        return NULL;
    return record(row, row == CALL ? op : NULL, out, operands, n);
}

/* ---- Operators and functions. ---- */

static PyObject *apply_to_one(int row, Value *x)
{
    Operand operand = {x, x->data};
    return apply(row, shared.rows[row], &operand, 1);
}

static PyObject *apply_to_two(int row, PyObject *x, PyObject *y)
{
    Operand operands[2];
    if (!take(x, &operands[0]) || !take(y, &operands[1]))
        return NULL;
    return apply(row, shared.rows[row], operands, 2);
}

static PyObject *operator_slowly(int row, PyObject *x, PyObject *y)
{
    int ours = is_operand(x);
    if (ours > 0)
        ours = is_operand(y);
    if (ours <= 0)
        return ours ? NULL : Py_NewRef(Py_NotImplemented);
    return apply_to_two(row, x, y);
}

#define OPERATOR(name) \
    static PyObject *value_##name(PyObject *x, PyObject *y) \
    { \
        Operand a, b; \
        if (take_quickly(x, &a) && take_quickly(y, &b)) { \
            double out = row_##name(a.number, b.number); \
            if (row_##name##_is_sure(out)) \
                return record_two(ROW_##name, out, a, b); \
        } \
        return operator_slowly(ROW_##name, x, y); \
    }

OPERATOR(add)
OPERATOR(sub)
OPERATOR(mul)
OPERATOR(div)
OPERATOR(floordiv)
OPERATOR(mod)

static PyObject *value_pow(PyObject *x, PyObject *y, PyObject *modulus)
{
    Operand a, b;
    if (modulus != Py_None)
        return Py_NewRef(Py_NotImplemented);
    if (take_quickly(x, &a) && take_quickly(y, &b)) {
        double out = row_pow(a.number, b.number);
        if (row_pow_is_sure(out))
            return record_two(ROW_pow, out, a, b);
    }
    return operator_slowly(ROW_pow, x, y);
}

#define UNARY_OPERATOR(name) \
    static inline PyObject *record_##name(Value *x) \
    { \
        double out = row_##name(x->data); \
        return row_##name##_is_sure(out) ? record_one(ROW_##name, out, x) : apply_to_one(ROW_##name, x); \
    }

/* The method x.name(), and the function name(x) of a float or a Value. */
#define UNARY_FUNCTION(name) \
    UNARY_OPERATOR(name) \
    static PyObject *value_##name(PyObject *self, PyObject *Py_UNUSED(none)) \
    { \
        return record_##name((Value *)self); \
    } \
    static PyObject *function_##name(PyObject *Py_UNUSED(module), PyObject *x) \
    { \
        if (is_value(x)) \
            return record_##name((Value *)x); \
        if (PyFloat_CheckExact(x)) { \
            double out = row_##name(PyFloat_AS_DOUBLE(x)); \
            if (row_##name##_is_sure(out)) \
                return PyFloat_FromDouble(out); \
        } \
        return PyObject_CallOneArg(shared.functions[ROW_##name], x); \
    }

#define BINARY_FUNCTION(name) \
    static PyObject *value_##name(PyObject *self, PyObject *y) \
    { \
        return apply_to_two(ROW_##name, self, y); \
    } \
    static PyObject *function_##name(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n) \
    { \
        Operand a, b; \
        if (n == 2 && take_quickly(args[0], &a) && take_quickly(args[1], &b)) { \
            double out = row_##name(a.number, b.number); \
            if (row_##name##_is_sure(out)) \
                return a.node || b.node ? record_two(ROW_##name, out, a, b) : PyFloat_FromDouble(out); \
        } \
        return PyObject_Vectorcall(shared.functions[ROW_##name], args, (size_t)n, NULL); \
    }

UNARY_OPERATOR(neg)
UNARY_OPERATOR(abs)
UNARY_FUNCTIONS(UNARY_FUNCTION)
BINARY_FUNCTIONS(BINARY_FUNCTION)

/* ---- sum and sumprod. ---- */

/* The items of an iterable as a tuple, which is itself if it is one; NULL with an exception, a TypeError of these words if
 * it is none. */
static PyObject *as_tuple(PyObject *iterable, const char *words)
{
    if (PyTuple_CheckExact(iterable))
        return Py_NewRef(iterable);
    PyObject *list = PySequence_Fast(iterable, words);
    PyObject *tuple = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

/* Adds up the terms of sum, or with q those of sumprod; false where Python code is needed for that. */
static ALWAYS_INLINE bool add_up(PyObject *p, PyObject *q, double *out, bool *has_node)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(p);
    double total = 0.0; /* in registers: a store through a pointer might change anything the loop reads */
    bool found = false;
    for (Py_ssize_t i = 0; i < n; i++) {
        Operand x, y = {NULL, 0.0};
        if (!take_quickly(PyTuple_GET_ITEM(p, i), &x) || (q && !take_quickly(PyTuple_GET_ITEM(q, i), &y)))
            return false;
        total += q ? term_sumprod(x.number, y.number) : term_sum(x.number);
        found |= x.node || y.node;
    }
    *out = total;
    *has_node = found;
    return n > 0;
}

static PyObject *function_sum(PyObject *Py_UNUSED(module), PyObject *terms)
{
    PyObject *p = as_tuple(terms, "sum takes an iterable of numbers and Values");
    if (!p)
        return NULL;
    double total;
    bool has_node;
    PyObject *out;
    if (!add_up(p, NULL, &total, &has_node) || !row_sum_is_sure(total))
        out = PyObject_CallOneArg(shared.sum, p);
    else
        out = has_node ? record_tuples(ROW_sum, NULL, total, p, shared.nothing) : PyFloat_FromDouble(total);
    Py_DECREF(p);
    return out;
}

static PyObject *sumprod_of(PyObject *p, PyObject *q)
{
    double total;
    bool has_node;
    if (PyTuple_GET_SIZE(p) != PyTuple_GET_SIZE(q) || !add_up(p, q, &total, &has_node) || !row_sumprod_is_sure(total))
        return PyObject_CallFunctionObjArgs(shared.sumprod, p, q, NULL);
    return has_node ? record_tuples(ROW_sumprod, NULL, total, p, q) : PyFloat_FromDouble(total);
}

static PyObject *function_sumprod(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    if (n != 2 || names)
        return PyObject_Vectorcall(shared.sumprod, args, (size_t)n, names);
    PyObject *p = as_tuple(args[0], "sumprod takes two iterables of numbers and Values");
    PyObject *q = p ? as_tuple(args[1], "sumprod takes two iterables of numbers and Values") : NULL;
    PyObject *out = q ? sumprod_of(p, q) : NULL;
    Py_XDECREF(p);
    Py_XDECREF(q);
    return out;
}
