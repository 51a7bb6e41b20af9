/* The node: its layout, how it is made and how it dies.
 *
 * Nodes are not known to the cyclic collector, because no cycle can form: operands are older than what is computed from
 * them and are never reassigned, grad is a plain number, label an exact str, and the class is final.
 */
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_MSC_VER)
#define THREAD_LOCAL __declspec(thread)
#else
#define THREAD_LOCAL _Thread_local
#endif

#if defined(__GNUC__)
#define RARE __attribute__((noinline, cold)) /* is kept out of the way of what is not */
#define ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define RARE
#define ALWAYS_INLINE inline
#endif

typedef struct Value Value;

/* What an operation is applied to: a node, or a plain number where there is none. */
typedef struct {
    Value *node;
    double number; /* the data of the node when it was taken, or the plain number */
} Operand;

/* A node of any number of operands refers to the tuples that they came in, which other nodes may share: in a net, a
 * neuron's weights serve for every sample, and a layer's inputs for each of its neurons. Operands of two lists are in
 * two tuples; all others in one, beside an empty one. What the tuples hold is not known to the collector either. */
struct Value {
    PyObject_HEAD
    double data;
    union {
        double grad;
        uint64_t position; /* during a sort, which keeps grad elsewhere */
        Value *next;       /* in the queue of dying nodes, or in the free list */
    };
    union {
        double constant; /* the one operand that is no node, if the operands are in the node */
        PyObject *op;    /* the row of the table, if it was registered at run time */
    };
    union {
        Value *operands[2];   /* one or two operands; NULL for the constant, and for a second that is not there */
        PyObject *tuples[2]; /* any other number, or two constants: of Values, floats and small ints */
    };
    struct {
        int64_t epoch : 48;
        uint64_t row : 8;        /* LEAF, a ROW_..., or CALL for a row registered at run time */
        uint64_t has_tuples : 1; /* whether the operands are in tuples */
        uint64_t is_closed : 1;  /* during a sort: has its position */
    } state;
    PyObject *label; /* NULL if empty */
    PyObject *weakrefs;
};

static_assert(sizeof(void *) != 8 || sizeof(Value) == 80, "a node has 80 bytes");

static PyTypeObject *value_type;

/* Advances when the data of a leaf is assigned. A node keeps the epoch of its creation, a leaf that of its assignment;
 * a leaf that is newer than its user makes the graph stale. 48 bits last for years of doing nothing else. */
static int64_t epoch_now;

static inline double number_of(const Operand *o)
{
    return o->node ? o->node->data : o->number;
}

static inline bool is_value(PyObject *x)
{
    return Py_IS_TYPE(x, value_type);
}

/* ---- What rows.h, the printed table, is written with. ---- */

enum { MOST_STEPS = 16 };

/* A row applied to registers; negative numbers stand for constants. */
typedef struct {
    unsigned char row;
    signed char operands[3];
} Step;

/* A partial on nodes: no slope, the result of some steps, or what Python computes. */
typedef struct {
    enum { FLAT, SLOPE, PYTHON } kind;
    short first, count;
    signed char result;
} Partial;

/* float's % and // as CPython has them. */
static inline double float_mod(double x, double y)
{
    double mod = fmod(x, y);
    if (mod != 0.0)
        return (y < 0.0) != (mod < 0.0) ? mod + y : mod;
    return copysign(0.0, y);
}

static inline double float_floordiv(double x, double y)
{
    double mod = fmod(x, y), div = (x - mod) / y;
    if (mod != 0.0 && (y < 0.0) != (mod < 0.0))
        div -= 1.0;
    if (div != 0.0) {
        double floored = floor(div);
        return div - floored > 0.5 ? floored + 1.0 : floored;
    }
    return copysign(0.0, x / y);
}

#include "rows.h"

/* An item of a node's tuple: the node that it is, or NULL; and its number. */
static inline Value *item_node(PyObject *x)
{
    return is_value(x) ? (Value *)x : NULL;
}

static RARE double int_number(PyObject *x)
{
    return (double)PyLong_AsLong(x);
}

static inline double item_number(PyObject *x)
{
    return is_value(x) ? ((Value *)x)->data : PyFloat_CheckExact(x) ? PyFloat_AS_DOUBLE(x) : int_number(x);
}

/* The tuples of a node, as arrays for loops over its operands. */
typedef struct {
    PyObject *const *first, *const *second;
    Py_ssize_t split, count; /* how many items the first has, and both */
} Items;

static inline Items items_of(const Value *v)
{
    PyObject *first = v->tuples[0], *second = v->tuples[1];
    Py_ssize_t split = PyTuple_GET_SIZE(first);
    return (Items){&PyTuple_GET_ITEM(first, 0), &PyTuple_GET_ITEM(second, 0), split, split + PyTuple_GET_SIZE(second)};
}

static inline PyObject *item_at(const Items *items, Py_ssize_t i)
{
    return i < items->split ? items->first[i] : items->second[i - items->split];
}

static inline Py_ssize_t operand_count(const Value *v)
{
    return v->state.has_tuples ? items_of(v).count : row_arity[v->state.row];
}

static RARE Operand operand_in_tuples(const Value *v, Py_ssize_t i)
{
    Items items = items_of(v);
    PyObject *x = item_at(&items, i);
    return (Operand){item_node(x), item_number(x)};
}

static inline Operand operand_in_node(const Value *v, Py_ssize_t i)
{
    Value *node = v->operands[i & 1]; /* & 1 tells the compiler that there are two */
    return (Operand){node, node ? node->data : v->constant};
}

static inline Operand operand_of(const Value *v, Py_ssize_t i)
{
    return v->state.has_tuples ? operand_in_tuples(v, i) : operand_in_node(v, i);
}

/* ---- Birth and death. ---- */

/* Memory of dead nodes, kept for the next ones. */
#if defined(AUTOGRAD_MINI_NO_FREE_LIST) || defined(Py_GIL_DISABLED)
enum { MOST_FREE = 0 };
#else
enum { MOST_FREE = 20000 };
#endif
static Value *free_nodes;
static int free_count;

/* A node without operands and label; NULL with MemoryError. */
static inline Value *new_node(double data, int row)
{
    Value *v = free_nodes;
    if (MOST_FREE > 0 && v) {
        free_nodes = v->next;
        free_count--;
        _Py_NewReference((PyObject *)v);
    } else {
        v = PyObject_New(Value, value_type);
        if (!v)
            return NULL;
    }
    v->data = data;
    v->grad = 0.0;
    v->state.epoch = epoch_now;
    v->state.row = (unsigned char)row;
    v->state.has_tuples = 0;
    v->state.is_closed = 0;
    v->label = NULL;
    v->weakrefs = NULL;
    return v;
}

static void free_node(Value *v)
{
    if (free_count < MOST_FREE) {
        v->next = free_nodes;
        free_nodes = v;
        free_count++;
    } else {
        PyTypeObject *type = Py_TYPE(v);
        PyObject_Free(v);
        Py_DECREF(type);
    }
}

static void drop_operands(Value *v)
{
    if (v->state.has_tuples) {
        Py_DECREF(v->tuples[0]);
        Py_DECREF(v->tuples[1]);
    } else {
        for (Py_ssize_t i = 0; i < row_arity[v->state.row]; i++)
            Py_XDECREF(v->operands[i]);
    }
    if (v->state.row == CALL)
        Py_DECREF(v->op);
}

/* A dying node takes its operands with it. Recursion would end in a stack overflow, so nodes that die meanwhile queue up,
 * whichever thread lets go of them: callbacks of weak references and run-time rows may run Python in here. */
static Value *dying;
static bool is_burying;

static void value_dealloc(PyObject *self)
{
    Value *v = (Value *)self;
    v->next = dying;
    dying = v;
    if (is_burying)
        return;
    is_burying = true;
    while ((v = dying)) {
        dying = v->next;
        if (v->weakrefs)
            PyObject_ClearWeakRefs((PyObject *)v);
        Py_XDECREF(v->label);
        drop_operands(v);
        free_node(v);
    }
    is_burying = false;
}

/* Memory for operands; NULL with MemoryError. */
static Operand *new_operands(Py_ssize_t n)
{
    Operand *operands = PyMem_New(Operand, n ? n : 1);
    if (!operands)
        PyErr_NoMemory();
    return operands;
}

static PyObject *new_leaf(double data)
{
    return (PyObject *)new_node(data, LEAF);
}
