/* The sweeps on doubles: adjoints backward, tangents forward. A sweep may run Python, for slopes that C does not know, and
 * may therefore be entered again; at its end the results are committed at once. */
#pragma once

#include "sort.h"

/* ---- Slopes. ---- */

/* The slopes of a node that Python computes: a list with None for a flat edge and for the edges of plain numbers; NULL
 * with an exception. */
static PyObject *slopes_in_python(const Value *v)
{
    PyObject *slopes = PyObject_CallOneArg(shared.local_partials, (PyObject *)v);
    if (slopes && !PyList_CheckExact(slopes)) {
        PyErr_Format(PyExc_TypeError, "expected a list of slopes, got %R", slopes);
        Py_CLEAR(slopes);
    }
    return slopes;
}

/* The slope at place i of such a list as a number: 1, 0 for none, -1 with an exception. */
static int slope_at(PyObject *slopes, Py_ssize_t i, double *slope)
{
    PyObject *x = i < PyList_GET_SIZE(slopes) ? PyList_GET_ITEM(slopes, i) : Py_None;
    if (x == Py_None)
        return 0;
    *slope = as_double(x);
    return *slope == -1.0 && PyErr_Occurred() ? -1 : 1;
}

/* Runs EDGE(i, slope), whatever it is defined as, for the edges of a node whose slopes C knows. */
#define FOR_EDGES_OF(v, n) \
    const double out = (v)->data; \
    (void)out; \
    if (row_arity[(v)->state.row]) { \
        double x, y, z = 0.0; \
        if ((v)->state.has_tuples) { \
            x = operand_in_tuples(v, 0).number; \
            y = operand_in_tuples(v, (n) > 1).number; \
            z = (n) > 2 ? operand_in_tuples(v, 2).number : 0.0; \
        } else { \
            x = operand_in_node(v, 0).number; \
            y = operand_in_node(v, 1).number; \
        } \
        (void)z; \
        switch ((v)->state.row) { \
            EDGES_OF_FEW \
        } \
    } else { \
        const Items items = items_of(v); \
        switch ((v)->state.row) { \
            EDGES_OF_MANY \
        } \
    }

/* ---- Backward. ---- */

static bool pass_on_in_python(const Value *v, Py_ssize_t n, double cotangent, const Position *to, double *adjoint)
{
    PyObject *slopes = slopes_in_python(v);
    if (!slopes)
        return false;
    int found = 0;
    for (Py_ssize_t i = 0; found >= 0 && i < n; i++) {
        double slope;
        found = to[i] == NOWHERE ? 0 : slope_at(slopes, i, &slope);
        if (found > 0)
            adjoint[to[i]] += row_strong_mul(cotangent, slope);
    }
    Py_DECREF(slopes);
    return found >= 0;
}

#define EDGE(i, slope) \
    if (to[i] != NOWHERE) \
        adjoint[to[i]] += row_strong_mul(cotangent, slope)

/* Adds to the adjoints of the operands of v what its own is times the slopes of the edges. */
static ALWAYS_INLINE bool pass_on(const Value *v, Py_ssize_t n, double cotangent, const Position *to, double *adjoint)
{
    if (row_slopes_in_python[v->state.row])
        return pass_on_in_python(v, n, cotangent, to, adjoint);
    FOR_EDGES_OF(v, n)
    return true;
}

#undef EDGE

/* Begins with the cotangents of some roots, which stand where `at` says; a node may be a root several times. */
static void start_sweep(Graph *g, const Position *at, const Operand *cotangents, Py_ssize_t roots)
{
    expects_python = g->runs_python;
    if (g->places.count)
        memset(g->adjoint, 0, g->places.count * sizeof *g->adjoint);
    for (Py_ssize_t i = 0; i < roots; i++)
        g->adjoint[at[i]] += cotangents[i].number;
}

/* The adjoints of a graph that is not marked any more and was started; false with an exception. */
static bool sweep(Graph *g)
{
    const Position *to = g->positions + g->edges;
    for (size_t i = g->places.count; i-- > 0;) {
        const Value *v = g->places.items[i].node;
        Py_ssize_t n = edge_count(v);
        to -= n;
        /* Zero times any slope is zero, be it infinite: a strong zero. */
        if (n && g->adjoint[i] != 0.0 && !pass_on(v, n, g->adjoint[i], to, g->adjoint))
            return false;
    }
    return true;
}

static inline void commit(Value *v, double adjoint)
{
    v->grad = v->state.row == LEAF ? v->grad + adjoint : adjoint;
}

/* ---- Forward. ---- */

static inline bool moves(Position at, const double *tangent)
{
    return at != NOWHERE && tangent[at] != 0.0;
}

#define EDGE(i, slope) \
    if (moves(to[i], tangent)) \
        total += row_strong_mul(tangent[to[i]], slope)

/* The tangent of v: the sum of those of its operands times the slopes of the edges; false with an exception. */
static bool gather(const Value *v, Py_ssize_t n, const Position *to, const double *tangent, double *result)
{
    double total = 0.0;
    if (row_slopes_in_python[v->state.row]) {
        PyObject *slopes = slopes_in_python(v);
        int found = slopes ? 0 : -1;
        for (Py_ssize_t i = 0; found >= 0 && i < n; i++) {
            double slope;
            found = moves(to[i], tangent) ? slope_at(slopes, i, &slope) : 0;
            if (found > 0)
                total += row_strong_mul(tangent[to[i]], slope);
        }
        Py_XDECREF(slopes);
        *result = total;
        return found >= 0;
    }
    FOR_EDGES_OF(v, n)
    *result = total;
    return true;
}

#undef EDGE

/* The tangents of a graph that is not marked, given those of some nodes; false with an exception. */
static bool sweep_forward(Graph *g, const bool *is_given)
{
    const Position *to = g->positions;
    for (size_t i = 0; i < g->places.count; i++) {
        const Value *v = g->places.items[i].node;
        Py_ssize_t n = edge_count(v);
        bool moving = false;
        for (Py_ssize_t k = 0; k < n; k++)
            moving |= moves(to[k], g->adjoint);
        if (moving && !is_given[i] && !gather(v, n, to, g->adjoint, &g->adjoint[i]))
            return false;
        to += n;
    }
    return true;
}
