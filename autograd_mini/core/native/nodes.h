/* The sweeps on nodes: they follow the steps of the partials and thereby record the derivative as a graph. */
#pragma once

#include "sweep.h"

static void drop(Operand *o)
{
    Py_CLEAR(o->node);
}

/* Keeps what was computed: a Value or a float, whose reference it takes over. NULL is an exception. */
static bool keep(PyObject *x, Operand *o)
{
    *o = (Operand){NULL, 0.0};
    if (!x || !take(x, o)) {
        Py_XDECREF(x);
        return false;
    }
    if (!o->node)
        Py_DECREF(x);
    return true;
}

/* A row on nodes and numbers; the result is a number if all operands are. */
static bool step(int row, const Operand *operands, Py_ssize_t n, Operand *result)
{
    *result = (Operand){NULL, 0.0};
    for (Py_ssize_t i = 0; i < n; i++)
        if (operands[i].node)
            return keep(apply(row, shared.rows[row], operands, n), result);
    if (compute(row, operands, n, &result->number))
        return true;
    PyObject *args = tuple_of_operands(operands, n), *out = NULL;
    if (args && row_lists[row])
        out = PyObject_CallFunctionObjArgs(shared.functions[row], args, NULL); /* rows of one list */
    else if (args)
        out = PyObject_CallObject(shared.functions[row], args);
    Py_XDECREF(args);
    return keep(out, result);
}

/* The steps of one partial of v, whose operands are x, y, z; the result is a node or a number of the caller's own. */
static bool follow(const Partial *p, const Value *v, const Operand xyz[3], Operand *result)
{
    enum { OUT = 0, FIRST_STEP = 4 };
    Operand registers[FIRST_STEP + MOST_STEPS];
    bool done = true;
    registers[OUT] = (Operand){(Value *)v, v->data};
    memcpy(registers + 1, xyz, 3 * sizeof *xyz);
    int s = 0;
    for (; done && s < p->count; s++) {
        const Step *now = &steps[p->first + s];
        Operand operands[3];
        for (int i = 0; i < row_arity[now->row]; i++) {
            int r = now->operands[i];
            operands[i] = r < 0 ? (Operand){NULL, step_constant[-1 - r]} : registers[r];
        }
        done = step(now->row, operands, row_arity[now->row], &registers[FIRST_STEP + s]);
    }
    if (done) {
        *result = p->result < 0 ? (Operand){NULL, step_constant[-1 - p->result]} : registers[p->result];
        Py_XINCREF(result->node);
    }
    while (s-- > 0)
        drop(&registers[FIRST_STEP + s]);
    return done;
}

/* What the slopes of a node are computed from. */
typedef struct {
    const Value *node;
    PyObject *in_python; /* what gives those that Python computes, NULL where C knows the steps */
    Operand xyz[3];      /* the operands that a partial is given */
    Py_ssize_t length;   /* how many operands each list has, if they come in lists */
} Slopes;

/* False with an exception. */
static bool begin_slopes(Slopes *s, const Value *v)
{
    Py_ssize_t n = operand_count(v);
    *s = (Slopes){.node = v};
    if (partials[v->state.row][0].kind == PYTHON)
        return (s->in_python = PyObject_CallOneArg(shared.partial_values, (PyObject *)v)) != NULL;
    if (!row_arity[v->state.row])
        s->length = n / row_lists[v->state.row];
    for (Py_ssize_t k = 0; k < n && !s->length; k++)
        s->xyz[k] = operand_of(v, k);
    return true;
}

/* The slope by operand i, the caller's own: 1, 0 for a flat edge, -1 with an exception. */
static int slope_of(Slopes *s, Py_ssize_t i, Operand *slope)
{
    const Value *v = s->node;
    if (s->in_python) {
        PyObject *x = PyObject_CallFunction(s->in_python, "n", i);
        bool is_flat = x == Py_None;
        if (is_flat)
            Py_DECREF(x);
        return is_flat ? 0 : keep(x, slope) ? 1 : -1;
    }
    const Partial *rule = &partials[v->state.row][s->length ? i / s->length : i];
    for (Py_ssize_t k = 0; s->length && k < row_lists[v->state.row]; k++)
        s->xyz[k] = operand_of(v, i % s->length + k * s->length);
    return rule->kind == FLAT ? 0 : follow(rule, v, s->xyz, slope) ? 1 : -1;
}

static void end_slopes(Slopes *s)
{
    Py_XDECREF(s->in_python);
}

static inline bool is_nothing(const Operand *o)
{
    return !o->node && o->number == 0.0;
}

/* The sum of some terms: of one, itself. It is the caller's own, as the terms remain. */
static bool total(const Operand *terms, Py_ssize_t n, Operand *result)
{
    *result = (Operand){NULL, 0.0};
    if (n > 1)
        return step(ROW_sum, terms, n, result);
    if (n == 1) {
        *result = terms[0];
        Py_XINCREF(result->node);
    }
    return true;
}

/* ---- Backward. ---- */

/* What a node received from those who use it, in the order in which it arrived. */
typedef struct Term {
    Operand operand;
    struct Term *next;
} Term;

typedef struct {
    Graph graph;
    Operand *adjoint; /* of each node, once the sweep has been there */
    Term *pool, **first, **last;
    size_t used;
    size_t room, pool_room; /* of the arrays by node, and of the pool */
} NodeSweep;

static void add_term(NodeSweep *s, Position to, Operand operand)
{
    Term *term = &s->pool[s->used++];
    *term = (Term){operand, NULL};
    *(s->first[to] ? &s->last[to]->next : &s->first[to]) = term;
    s->last[to] = term;
}

/* The adjoint of the node at position i: the one term that it received, or their sum. */
static bool sum_terms(NodeSweep *s, size_t i)
{
    Py_ssize_t n = 0, k = 0;
    for (Term *t = s->first[i]; t; t = t->next)
        n++;
    if (n <= 1)
        return total(n ? &s->first[i]->operand : NULL, n, &s->adjoint[i]);
    Operand *operands = new_operands(n);
    if (!operands)
        return false;
    for (Term *t = s->first[i]; t; t = t->next)
        operands[k++] = t->operand;
    bool done = total(operands, n, &s->adjoint[i]);
    PyMem_Free(operands);
    return done;
}

/* Passes the adjoint of v on along its edges. */
static bool pass_terms(NodeSweep *s, const Value *v, Py_ssize_t n, const Operand *cotangent, const Position *to)
{
    Slopes slopes;
    if (!begin_slopes(&slopes, v))
        return false;
    bool done = true;
    for (Py_ssize_t i = 0; done && i < n; i++) {
        Operand operands[2] = {*cotangent}, product;
        int found = to[i] == NOWHERE ? 0 : slope_of(&slopes, i, &operands[1]);
        done = found >= 0;
        if (found > 0) {
            done = step(ROW_strong_mul, operands, 2, &product);
            drop(&operands[1]);
            if (done)
                add_term(s, to[i], product);
        }
    }
    end_slopes(&slopes);
    return done;
}

static bool pass_terms_in_bundle(NodeSweep *s, const Value *v, Py_ssize_t n, const Operand *cotangent, const Position *to)
{
    PyObject *terms = terms_of_bundle(&s->graph, v, from_operand(cotangent), true);
    bool done = terms != NULL;
    for (Py_ssize_t i = 0; done && i < n && i < PyList_GET_SIZE(terms); i++) {
        PyObject *x = PyList_GET_ITEM(terms, i);
        Operand term;
        if (to[i] == NOWHERE || x == Py_None)
            continue;
        done = keep(Py_NewRef(x), &term);
        if (done)
            add_term(s, to[i], term);
    }
    Py_XDECREF(terms);
    return done;
}

static bool sweep_nodes(NodeSweep *s)
{
    Graph *g = &s->graph;
    const Position *to = g->positions + g->edges;
    for (size_t i = count_within(g); i-- > 0;) {
        const Value *v = g->places.items[i].node;
        Py_ssize_t n = edge_count(v);
        to -= n;
        if (!sum_terms(s, i))
            return false;
        if (g->has_bundles && is_in_bundle(v)) {
            if (!pass_terms_in_bundle(s, v, n, &s->adjoint[i], to))
                return false;
            continue;
        }
        /* A Value that is 0.0 here may still vary, so only a plain zero ends the walk; strong_mul does the rest. */
        if (n && !is_nothing(&s->adjoint[i]) && !pass_terms(s, v, n, &s->adjoint[i], to))
            return false;
    }
    bool done = true;
    for (size_t i = count_within(g); done && i < g->places.count; i++)
        done = sum_terms(s, i);
    return done;
}

/* The arrays of the last sweep, unless they are large: a sweep may run Python, and so others within it. */
static NodeSweep spare_sweep;

static void free_sweep_arrays(NodeSweep *s)
{
    PyMem_Free(s->adjoint);
    PyMem_Free(s->pool);
    PyMem_Free(s->first);
    PyMem_Free(s->last);
}

static void free_node_sweep(NodeSweep *s)
{
    for (size_t i = 0; s->adjoint && i < s->graph.places.count; i++)
        drop(&s->adjoint[i]);
    for (size_t i = 0; i < s->used; i++)
        drop(&s->pool[i].operand);
    free_graph(&s->graph);
    NodeSweep unwanted = *s;
    if (s->room && s->room <= MOST_KEPT / 4 && s->pool_room <= MOST_KEPT / 2) {
        unwanted = spare_sweep;
        spare_sweep = *s;
    }
    free_sweep_arrays(&unwanted);
}

/* Memory for a sweep over a graph that was sorted; false with an exception. */
static bool new_node_sweep(NodeSweep *s, Py_ssize_t roots)
{
    size_t count = s->graph.places.count, terms = s->graph.edges + (size_t)roots;
    if (count && spare_sweep.room >= count && spare_sweep.pool_room >= terms) {
        NodeSweep spare = spare_sweep;
        spare.graph = s->graph;
        *s = spare;
        spare_sweep = (NodeSweep){.used = 0};
        s->used = 0;
        memset(s->adjoint, 0, count * sizeof *s->adjoint);
        memset(s->first, 0, count * sizeof *s->first);
        return true;
    }
    s->adjoint = PyMem_Calloc(count, sizeof *s->adjoint);
    s->first = PyMem_Calloc(count, sizeof *s->first);
    s->last = PyMem_Calloc(count, sizeof *s->last);
    s->pool = PyMem_New(Term, terms);
    bool done = s->adjoint && s->first && s->last && s->pool;
    if (!done)
        PyErr_NoMemory();
    s->room = done ? count : 0;
    s->pool_room = done ? terms : 0;
    return done;
}

/* ---- Forward. ---- */

/* The tangent of v, given those of the nodes before it. */
static bool gather_nodes(const Value *v, const Position *to, const Operand *tangent, Operand *result)
{
    Slopes slopes = {.node = v};
    Py_ssize_t n = operand_count(v), count = 0;
    Operand *terms = new_operands(n);
    bool done = terms && begin_slopes(&slopes, v);
    for (Py_ssize_t i = 0; done && i < n; i++) {
        Operand operands[2];
        bool moving = to[i] != NOWHERE && !is_nothing(&tangent[to[i]]);
        int found = moving ? slope_of(&slopes, i, &operands[1]) : 0;
        done = found >= 0;
        if (found > 0) {
            operands[0] = tangent[to[i]];
            done = step(ROW_strong_mul, operands, 2, &terms[count]);
            drop(&operands[1]);
            count += done;
        }
    }
    done = done && total(terms, count, result);
    while (count-- > 0)
        drop(&terms[count]);
    PyMem_Free(terms);
    end_slopes(&slopes);
    return done;
}

/* The tangent of a result of a bundle. */
static bool gather_nodes_in_bundle(Graph *g, const Value *v, const Position *to, const Operand *tangent, Operand *result)
{
    Py_ssize_t n = operand_count(v);
    PyObject *tangents = PyList_New(n);
    for (Py_ssize_t i = 0; tangents && i < n; i++) {
        PyObject *x = to[i] == NOWHERE ? PyFloat_FromDouble(0.0) : from_operand(&tangent[to[i]]);
        if (x)
            PyList_SET_ITEM(tangents, i, x);
        else
            Py_CLEAR(tangents);
    }
    return keep(ask_bundle(g, shared.tangent, v, tangents, true), result);
}

/* The tangents of a graph, given those of some nodes; false with an exception. */
static bool sweep_nodes_forward(Graph *g, const bool *is_given, Operand *tangent)
{
    const Position *to = g->positions;
    for (size_t i = 0; i < count_within(g); i++) {
        const Value *v = g->places.items[i].node;
        Py_ssize_t n = edge_count(v);
        bool moving = false, done = true;
        for (Py_ssize_t k = 0; k < n && !is_given[i]; k++)
            moving |= to[k] != NOWHERE && !is_nothing(&tangent[to[k]]);
        if (!is_given[i] && g->has_bundles && is_in_bundle(v))
            done = gather_nodes_in_bundle(g, v, to, tangent, &tangent[i]);
        else if (moving)
            done = gather_nodes(v, to, tangent, &tangent[i]);
        if (!done)
            return false;
        to += n;
    }
    return true;
}
