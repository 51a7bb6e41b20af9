/* How operations are recorded: operands are taken from Python objects, the value is computed, a node is made. */
#pragma once

#include "mode.h"

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

/* The same of what is to be no Value; `noun` says what it is for. */
static double plain_double(const char *noun, PyObject *x)
{
    if (PyFloat_CheckExact(x))
        return PyFloat_AS_DOUBLE(x);
    PyObject *number = PyObject_CallFunction(shared.plain_number, "sOO", noun, x, (PyObject *)value_type);
    if (!number)
        return -1.0;
    double out = PyFloat_AsDouble(number);
    Py_DECREF(number);
    return out;
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

/* What is no operand: 0 if it is left to Python, -1 with an exception. */
static RARE int refuse_operand(PyObject *x)
{
    PyObject *told = PyObject_CallOneArg(shared.refuse_operand, x);
    Py_XDECREF(told);
    return told ? 0 : -1;
}

/* Whether an operator is for us: 1 for a real number, 0 for what is left to Python, -1 with an exception. */
static int is_operand(PyObject *x)
{
    if (is_value(x) || PyFloat_CheckExact(x) || PyLong_CheckExact(x))
        return 1;
    int real = PyObject_IsInstance(x, shared.real);
    if (!real)
        real = is_foreign(x); /* take() will refuse it */
    return real ? real : refuse_operand(x);
}

/* A list or tuple that is being filled is nobody else's business: the collector, which may run Python while it is, is not
 * to show it around. */
static PyObject *hidden(PyObject *container)
{
    if (container && PyObject_GC_IsTracked(container))
        PyObject_GC_UnTrack(container);
    return container;
}

static PyObject *shown(PyObject *container)
{
    if (container)
        PyObject_GC_Track(container);
    return container;
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

/* A node that refers to tuples of exact Values, floats and small ints, in which the collector has nothing to look for. */
static PyObject *make_of_tuples(int row, PyObject *op, double out, PyObject *first, PyObject *second)
{
    Value *v = new_node(out, row);
    if (!v)
        return NULL;
    PyObject_GC_UnTrack(first);
    PyObject_GC_UnTrack(second);
    v->state.has_tuples = 1;
    v->tuples[0] = Py_NewRef(first);
    v->tuples[1] = Py_NewRef(second);
    v->op = Py_XNewRef(op);
    return (PyObject *)v;
}

static ALWAYS_INLINE PyObject *make_of_one(int row, double out, Value *x)
{
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
static ALWAYS_INLINE PyObject *make_of_two(int row, double out, Operand x, Operand y)
{
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

/* A node of any operation, whatever the mode. */
static PyObject *make(int row, PyObject *op, double out, const Operand *operands, Py_ssize_t n)
{
    if (n == 1 && row_arity[row] == 1 && operands[0].node)
        return make_of_one(row, out, operands[0].node);
    if (n == 2 && row_arity[row] == 2 && (operands[0].node || operands[1].node))
        return make_of_two(row, out, operands[0], operands[1]);
    Py_ssize_t split = row_lists[row] == 2 ? n / 2 : n;
    PyObject *first = tuple_of_operands(operands, split);
    PyObject *second = first ? tuple_of_operands(operands + split, n - split) : NULL;
    PyObject *v = second ? make_of_tuples(row, op, out, first, second) : NULL;
    Py_XDECREF(first);
    Py_XDECREF(second);
    return v;
}

/* Tells watchers of an operation's result, whose reference is taken over; NULL with an exception. `args` too. */
static RARE PyObject *tell_recorded(PyObject *v, int row, PyObject *op, PyObject *args)
{
    if (v && args && tell("recorded", Py_NewRef(v), Py_NewRef(op ? op : shared.rows[row]), args, NULL))
        return v;
    if (!v || !args)
        Py_XDECREF(args);
    Py_XDECREF(v);
    return NULL;
}

/* What an operation that is not recorded gives. */
static PyObject *new_constant(double out)
{
    Value *v = new_node(out, LEAF);
    if (v)
        v->state.is_constant = 1;
    return (PyObject *)v;
}

/* What is done instead while some block is open that may concern this flow. */
static RARE PyObject *record_unusually(int row, PyObject *op, double out, const Operand *operands, Py_ssize_t n)
{
    Mode mode;
    if (!find_mode(&mode))
        return NULL;
    PyObject *v = mode.is_silent ? new_constant(out) : make(row, op, out, operands, n);
    return v && mode.is_watched ? tell_recorded(v, row, op, tuple_of_operands(operands, n)) : v;
}

static PyObject *record_tuples_unusually(int row, double out, PyObject *first, PyObject *second);

/* A node over tuples that may be shared. */
static inline PyObject *record_tuples(int row, double out, PyObject *first, PyObject *second)
{
    return unusual_blocks ? record_tuples_unusually(row, out, first, second) : make_of_tuples(row, NULL, out, first, second);
}

static ALWAYS_INLINE PyObject *record_one(int row, double out, Value *x)
{
    return unusual_blocks ? record_unusually(row, NULL, out, &(Operand){x, x->data}, 1) : make_of_one(row, out, x);
}

static ALWAYS_INLINE PyObject *record_two(int row, double out, Operand x, Operand y)
{
    return unusual_blocks ? record_unusually(row, NULL, out, (Operand[]){x, y}, 2) : make_of_two(row, out, x, y);
}

static PyObject *record(int row, PyObject *op, double out, const Operand *operands, Py_ssize_t n)
{
    return unusual_blocks ? record_unusually(row, op, out, operands, n) : make(row, op, out, operands, n);
}

/* Operands in tuples as floats and Values. */
static PyObject *args_in(const Items items)
{
    PyObject *tuple = PyTuple_New(items.count);
    for (Py_ssize_t i = 0; tuple && i < items.count; i++) {
        Operand o = item_operand(&items, i);
        PyObject *x = from_operand(&o);
        if (x)
            PyTuple_SET_ITEM(tuple, i, x);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* The operands of a node as floats and Values. */
static PyObject *args_of(const Value *v)
{
    if (v->state.has_tuples)
        return args_in(items_of(v));
    Operand operands[2];
    Py_ssize_t n = row_arity[v->state.row];
    for (Py_ssize_t i = 0; i < n; i++)
        operands[i] = operand_in_node(v, i);
    return tuple_of_operands(operands, n);
}

static RARE PyObject *record_tuples_unusually(int row, double out, PyObject *first, PyObject *second)
{
    Mode mode;
    if (!find_mode(&mode))
        return NULL;
    PyObject *v = mode.is_silent ? new_constant(out) : make_of_tuples(row, NULL, out, first, second);
    return v && mode.is_watched ? tell_recorded(v, row, NULL, args_in(items_in(first, second))) : v;
}

static PyObject *tuple_of_numbers(const Operand *operands, Py_ssize_t n)
{
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; tuple && i < n; i++) {
        PyObject *x = PyFloat_FromDouble(number_of(&operands[i]));
        if (!x)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, x);
    }
    return tuple;
}

/* The value as Python computes it, where C is not sure; false with an exception. */
static bool compute_in_python(PyObject *op, const Operand *operands, Py_ssize_t n, double *out)
{
    PyObject *args = tuple_of_operands(operands, n), *numbers = args ? tuple_of_numbers(operands, n) : NULL;
    PyObject *data = numbers ? PyObject_CallFunctionObjArgs(shared.compute, op, args, numbers, NULL) : NULL;
    Py_XDECREF(args);
    Py_XDECREF(numbers);
    if (!data)
        return false;
    *out = PyFloat_AsDouble(data);
    Py_DECREF(data);
    return *out != -1.0 || !PyErr_Occurred();
}

/* Whether a row may have so many operands. */
static inline bool fits(int row, Py_ssize_t n)
{
    return row_arity[row] ? row_arity[row] == n : n > 0 && n % row_lists[row] == 0;
}

/* Applies a row, which the operands may not fit in number; at least one of them is a node, or op says how to name it. */
static PyObject *apply(int row, PyObject *op, const Operand *operands, Py_ssize_t n)
{
    double out;
    if (!(fits(row, n) && compute(row, operands, n, &out)) && !compute_in_python(op, operands, n, &out))
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

static APART PyObject *operator_slowly(int row, PyObject *x, PyObject *y)
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

#define UNARY_METHOD_OF(name) \
    UNARY_OPERATOR(name) \
    static PyObject *value_##name(PyObject *self, PyObject *Py_UNUSED(none)) \
    { \
        return record_##name((Value *)self); \
    }

/* The method x.name(), and the function name(x) of a float or a Value. */
#define UNARY_FUNCTION(name, signature) \
    UNARY_METHOD_OF(name) \
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

/* The same of a function of CPython's own, which itself computes, or raises, for a float. */
#define MATH_FUNCTION(name, signature) \
    UNARY_METHOD_OF(name) \
    static PyObject *function_##name(PyObject *Py_UNUSED(module), PyObject *x) \
    { \
        if (is_value(x)) \
            return record_##name((Value *)x); \
        return PyObject_CallOneArg(PyFloat_CheckExact(x) ? math_function[MATH_##name] : shared.functions[ROW_##name], x); \
    }

/* A call of a method that is unusual, by keyword or by mistake: as the textbook's takes it. */
static RARE PyObject *call_textbook(int row, PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    PyObject *function = PyObject_GetAttrString(shared.textbook, row_name[row]);
    PyObject *method = function ? PyMethod_New(function, self) : NULL, *out = NULL;
    if (method)
        out = PyObject_Vectorcall(method, args, (size_t)n, names);
    Py_XDECREF(function);
    Py_XDECREF(method);
    return out;
}

#define BINARY_FUNCTION(name, signature) \
    static PyObject *value_##name(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names) \
    { \
        Operand a = {(Value *)self, ((Value *)self)->data}, b; \
        if (n != 1 || names) \
            return call_textbook(ROW_##name, self, args, n, names); \
        if (take_quickly(args[0], &b)) { \
            double out = row_##name(a.number, b.number); \
            if (row_##name##_is_sure(out)) \
                return record_two(ROW_##name, out, a, b); \
        } \
        return apply_to_two(ROW_##name, self, args[0]); \
    } \
    static PyObject *function_##name( \
        PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n, PyObject *names) \
    { \
        Operand a, b; \
        if (n == 2 && !names && take_quickly(args[0], &a) && take_quickly(args[1], &b)) { \
            double out = row_##name(a.number, b.number); \
            if (row_##name##_is_sure(out)) \
                return a.node || b.node ? record_two(ROW_##name, out, a, b) : PyFloat_FromDouble(out); \
        } \
        return PyObject_Vectorcall(shared.functions[ROW_##name], args, (size_t)n, names); \
    }

UNARY_OPERATOR(neg)
UNARY_OPERATOR(abs)
UNARY_FUNCTIONS(UNARY_FUNCTION)
MATH_FUNCTIONS(MATH_FUNCTION)
BINARY_FUNCTIONS(BINARY_FUNCTION)

/* The method of any other row: of three operands, of any number, or one whose value Python computes. */
static PyObject *apply_method(int row, PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    if (names || (row_arity[row] && n + 1 != row_arity[row]))
        return call_textbook(row, self, args, n, names);
    Operand *operands = new_operands(n + 1);
    bool done = operands != NULL;
    if (done)
        operands[0] = (Operand){(Value *)self, ((Value *)self)->data};
    for (Py_ssize_t i = 0; done && i < n; i++)
        done = take(args[i], &operands[1 + i]);
    PyObject *out = done ? apply(row, shared.rows[row], operands, n + 1) : NULL;
    PyMem_Free(operands);
    return out;
}

#define OTHER_FUNCTION(name) \
    static PyObject *value_##name(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names) \
    { \
        return apply_method(ROW_##name, self, args, n, names); \
    }

OTHER_FUNCTIONS(OTHER_FUNCTION)

/* ---- Sums over lists of operands. ---- */

typedef double TermOf(double x, double y);

/* Adds up the terms of one list, or with q of two; false where Python code is needed for that. */
static ALWAYS_INLINE bool add_up(TermOf *term, PyObject *p, PyObject *q, double *out, bool *has_node)
{
    const Py_ssize_t n = PyTuple_GET_SIZE(p);
    double total = 0.0; /* in registers: a store through a pointer might change anything the loop reads */
    bool found = false;
    for (Py_ssize_t i = 0; i < n; i++) {
        Operand x, y = {NULL, 0.0};
        if (!take_quickly(PyTuple_GET_ITEM(p, i), &x) || (q && !take_quickly(PyTuple_GET_ITEM(q, i), &y)))
            return false;
        total += term(x.number, y.number);
        found |= x.node || y.node;
    }
    *out = total;
    *has_node = found;
    return n > 0;
}

/* The fold of lists, each a tuple, where C is sure of it; NULL without an exception where Python must decide. */
static ALWAYS_INLINE PyObject *fold_tuples(int row, TermOf *term, bool (*is_sure)(double), PyObject *p, PyObject *q)
{
    double total;
    bool has_node;
    if ((q && PyTuple_GET_SIZE(p) != PyTuple_GET_SIZE(q)) || !add_up(term, p, q, &total, &has_node) || !is_sure(total))
        return NULL;
    return has_node ? record_tuples(row, total, p, q ? q : shared.nothing) : PyFloat_FromDouble(total);
}

/* The call of the function of a fold. */
static ALWAYS_INLINE PyObject *fold(
    int row, Py_ssize_t lists, TermOf *term, bool (*is_sure)(double), PyObject *const *args, Py_ssize_t n, PyObject *names)
{
    if (n != lists || names)
        return PyObject_Vectorcall(shared.functions[row], args, (size_t)n, names);
    PyObject *p = PySequence_Tuple(args[0]), *q = p && lists == 2 ? PySequence_Tuple(args[1]) : NULL, *out = NULL;
    if (p && (q || lists == 1)) {
        out = fold_tuples(row, term, is_sure, p, q);
        if (!out && !PyErr_Occurred())
            out = PyObject_CallFunctionObjArgs(shared.functions[row], p, q, NULL);
    }
    Py_XDECREF(p);
    Py_XDECREF(q);
    return out;
}

#define FOLD_FUNCTION(name, lists, signature) \
    static PyObject *function_##name( \
        PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t n, PyObject *names) \
    { \
        return fold(ROW_##name, lists, term_##name, row_##name##_is_sure, args, n, names); \
    }

FOLD_FUNCTIONS(FOLD_FUNCTION)
