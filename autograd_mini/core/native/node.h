/* The node: its layout, and what reads it.
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
#define APART __attribute__((noinline))      /* costs its callers no registers */
#define RARE __attribute__((noinline, cold)) /* is kept out of the way of what is not */
#define HOT __attribute__((noinline, hot))   /* is not taken for rare because of what it is called by */
#define ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define APART
#define RARE
#define HOT
#define ALWAYS_INLINE inline
#endif

typedef struct Value Value;

/* What an operation is applied to: a node, or a plain number where there is none. */
typedef struct {
    Value *node;
    double number; /* the data of the node when it was taken, or the plain number */
} Operand;

/* What a node is, and when it came about. */
typedef union {
    struct {
        uint64_t row : 8;        /* LEAF, a ROW_..., or CALL for a row registered at run time */
        uint64_t has_tuples : 1; /* whether the operands are in tuples */
        uint64_t is_marked : 1;  /* during a walk: was reached; in a sorted graph: has its position */
        uint64_t is_constant : 1; /* whether it was computed within no_grad */
        int64_t epoch : 53;
    };
    uint64_t word;
} State;

/* A node of any number of operands refers to the tuples that they came in, which other nodes may share: in a net, a
 * neuron's weights serve for every sample, and a layer's inputs for each of its neurons. Operands of two lists are in
 * two tuples; all others in one, beside an empty one. What the tuples hold is not known to the collector either. */
struct Value {
    PyObject_HEAD
    double data;
    union {
        double grad;
        uint64_t position; /* while a graph is sorted, which keeps grad elsewhere; and the bits of grad */
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
    State state;
    PyObject *label; /* NULL if empty */
    PyObject *weakrefs;
};

static_assert(sizeof(void *) != 8 || sizeof(Value) == 80, "a node has 80 bytes");

static PyTypeObject *value_type;

/* The epoch that began last. Each node begins one, so that an operand is known to be older than what is computed from it;
 * and the assignment of a leaf's data does: a leaf that is newer than its user makes the graph stale. 53 bits last for
 * years of doing nothing else. */
static int64_t epoch_now;
static int64_t last_assignment; /* no leaf was assigned after this epoch */

/* Marks are set and taken off in whole words: what is read next is another part of the state, and a processor waits where
 * it reads more than was just written. */
static inline void mark(Value *v)
{
    v->state.word |= (State){.is_marked = 1}.word;
}

static inline void take_mark_off(Value *v)
{
    v->state.word &= ~(State){.is_marked = 1}.word;
}

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

/* x ** 2 with the bits of libm's pow, mostly without its call, which takes longer than all else about such a node.
 *
 * The rounding error of x * x is known exactly by a fused multiplication. Where it is not near half a unit in the last
 * place, x * x is what any pow gives that errs by less than 0.54 units, as glibc's does; the rest, one in twelve, is left
 * to it. */
#if defined(__GLIBC__) && defined(__x86_64__)
static bool has_fma;
static const volatile double two = 2.0; /* which compilers do not know: they make x * x of pow(x, 2.0) */

static inline void look_for_fma(void)
{
    has_fma = __builtin_cpu_supports("fma");
}

__attribute__((target("fma"), noinline)) static double square(double x)
{
    double p = x * x, half;
    uint64_t bits;
    memcpy(&bits, &p, sizeof bits);
    bits = (bits & UINT64_C(0x7ff0000000000000)) - (UINT64_C(53) << 52);
    memcpy(&half, &bits, sizeof half); /* half a unit in the last place of p */
    bool is_sure = p > 1e-180 && p < 1e180 && fabs(fma(x, x, -p)) < 0.92 * half;
    return is_sure ? p : pow(x, two);
}

static inline double power(double x, double y)
{
    return y == 2.0 && has_fma ? square(x) : pow(x, y);
}
#else
static inline void look_for_fma(void)
{
}

static inline double power(double x, double y)
{
    return pow(x, y);
}
#endif

/* What rounding takes from x * y, as ieee.py has it. */
static inline double product_error(double x, double y)
{
    double p = x * y, a = 134217729.0 * x, b = 134217729.0 * y;
    double high = a - (a - x), other = b - (b - y), low = x - high, rest = y - other;
    return ((high * other - p) + high * rest + low * other) + low * rest;
}

static inline double row_strong_mul(double x, double y);
static inline double row_ieee_pow(double x, double y);

/* f * x ** (y - n) for n of 1 or 2, as ieee.py has it, where the power alone, p, is not an ordinary number. */
static RARE double times_halves(double f, double x, double y, double n, double p)
{
    double half = row_ieee_pow(fabs(x), 0.5 * (y >= n ? y - n : y));
    double out = copysign(1.0, p) * row_strong_mul(f, half);
    if (y >= n)
        return row_strong_mul(out, half);
    out = row_strong_mul(out / x, half);
    return n == 1.0 ? out : out / x;
}

static inline double times_power(double f, double x, double y, double n)
{
    double p = row_ieee_pow(x, y >= n ? y - n : y);
    if (x == 0.0 || !isfinite(x) || !isfinite(y) || p != p)
        return row_strong_mul(f, row_ieee_pow(x, y - n));
    if (!isnormal(p))
        return times_halves(f, x, y, n, p);
    return y >= n ? row_strong_mul(f, p) : n == 1.0 ? f * p / x : f * p / x / x;
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

/* Two tuples of operands, as arrays for loops. */
typedef struct {
    PyObject *const *first, *const *second;
    Py_ssize_t split, count; /* how many items the first has, and both */
} Items;

static inline Items items_in(PyObject *first, PyObject *second)
{
    Py_ssize_t split = PyTuple_GET_SIZE(first);
    return (Items){&PyTuple_GET_ITEM(first, 0), &PyTuple_GET_ITEM(second, 0), split, split + PyTuple_GET_SIZE(second)};
}

static inline Items items_of(const Value *v)
{
    return items_in(v->tuples[0], v->tuples[1]);
}

static inline PyObject *item_at(const Items *items, Py_ssize_t i)
{
    return i < items->split ? items->first[i] : items->second[i - items->split];
}

static inline Py_ssize_t operand_count(const Value *v)
{
    return v->state.has_tuples ? items_of(v).count : row_arity[v->state.row];
}

static inline Operand item_operand(const Items *items, Py_ssize_t i)
{
    PyObject *x = item_at(items, i);
    return (Operand){item_node(x), item_number(x)};
}

static RARE Operand operand_in_tuples(const Value *v, Py_ssize_t i)
{
    const Items items = items_of(v);
    return item_operand(&items, i);
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
