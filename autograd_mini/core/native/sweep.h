/* The sweeps on doubles: adjoints backward, tangents forward. A sweep may run Python, for slopes that C does not know, and
 * may therefore be entered again; at its end the results are committed at once. */
#pragma once

#include "sort.h"

/* ---- Slopes. ---- */

/* The slopes of a node that Python computes: a list with None for a flat edge and for the edges of plain numbers; NULL
 * with an exception. */
static PyObject *slopes_in_python(const Value *v)
{
    PyObject *slopes = PyObject_CallOneArg(shared.fresh_partials, (PyObject *)v);
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

/* Asks a result of a bundle in Python for what it passes on, given what arrived, whose reference is taken over; as a list,
 * NULL with an exception. */
static PyObject *ask_bundle(Graph *g, PyObject *how, const Value *v, PyObject *arrived, bool on_values)
{
    PyObject *answer = NULL;
    if (arrived && (g->memory || (g->memory = PyDict_New())))
        answer = PyObject_CallFunctionObjArgs(how, v->op, v, arrived, g->memory, on_values ? Py_True : Py_False, NULL);
    Py_XDECREF(arrived);
    return answer;
}

static PyObject *terms_of_bundle(Graph *g, const Value *v, PyObject *cotangent, bool on_values)
{
    PyObject *answer = ask_bundle(g, shared.pass_on, v, cotangent, on_values);
    PyObject *terms = answer ? PySequence_List(answer) : NULL;
    Py_XDECREF(answer);
    return terms;
}

static bool pass_on_in_bundle(Graph *g, const Value *v, Py_ssize_t n, double cotangent, const Position *to)
{
    PyObject *terms = terms_of_bundle(g, v, PyFloat_FromDouble(cotangent), false);
    int found = terms ? 0 : -1;
    for (Py_ssize_t i = 0; found >= 0 && i < n; i++) {
        double term;
        found = to[i] == NOWHERE ? 0 : slope_at(terms, i, &term);
        if (found > 0)
            g->adjoint[to[i]] += term;
    }
    Py_XDECREF(terms);
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
    for (size_t i = count_within(g); i-- > 0;) {
        const Value *v = g->places.items[i].node;
        Py_ssize_t n = edge_count(v);
        to -= n;
        if (g->has_bundles && is_in_bundle(v)) {
            if (!pass_on_in_bundle(g, v, n, g->adjoint[i], to))
                return false;
            continue;
        }
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

/* Adds to the tangent of v, which is 0.0, those of its operands times the slopes that Python computes, if one of them moves;
 * false with an exception. */
static bool gather_in_python(const Value *v, Py_ssize_t n, const Position *to, const double *tangent, double *result)
{
    bool moving = false;
    for (Py_ssize_t k = 0; k < n; k++)
        moving |= moves(to[k], tangent);
    PyObject *slopes = moving ? slopes_in_python(v) : NULL;
    int found = moving && !slopes ? -1 : 0;
    for (Py_ssize_t i = 0; slopes && found >= 0 && i < n; i++) {
        double slope;
        found = moves(to[i], tangent) ? slope_at(slopes, i, &slope) : 0;
        if (found > 0)
            *result += row_strong_mul(tangent[to[i]], slope);
    }
    Py_XDECREF(slopes);
    return found >= 0;
}

/* The same for any node. */
static ALWAYS_INLINE bool gather(const Value *v, Py_ssize_t n, const Position *to, const double *tangent, double *result)
{
    if (row_slopes_in_python[v->state.row])
        return gather_in_python(v, n, to, tangent, result);
    double total = 0.0;
    FOR_EDGES_OF(v, n)
    *result = total;
    return true;
}

#undef EDGE

/* The tangent of a result of a bundle. */
static bool gather_in_bundle(Graph *g, const Value *v, Py_ssize_t n, const Position *to, double *result)
{
    PyObject *tangents = PyList_New(n), *answer;
    for (Py_ssize_t i = 0; tangents && i < n; i++) {
        PyObject *x = PyFloat_FromDouble(moves(to[i], g->adjoint) ? g->adjoint[to[i]] : 0.0);
        if (x)
            PyList_SET_ITEM(tangents, i, x);
        else
            Py_CLEAR(tangents);
    }
    answer = ask_bundle(g, shared.tangent, v, tangents, false);
    *result = answer ? as_double(answer) : -1.0;
    Py_XDECREF(answer);
    return *result != -1.0 || !PyErr_Occurred();
}

/* The tangents of a graph that is not marked, given those of some nodes; false with an exception. */
static bool sweep_forward(Graph *g, const bool *is_given)
{
    const Position *to = g->positions;
    for (size_t i = 0; i < count_within(g); i++) {
        const Value *v = g->places.items[i].node;
        Py_ssize_t n = edge_count(v);
        bool done = true;
        if (!is_given[i] && g->has_bundles && is_in_bundle(v))
            done = gather_in_bundle(g, v, n, to, &g->adjoint[i]);
        else if (n && !is_given[i])
            done = gather(v, n, to, g->adjoint, &g->adjoint[i]);
        if (!done)
            return false;
        to += n;
    }
    return true;
}
