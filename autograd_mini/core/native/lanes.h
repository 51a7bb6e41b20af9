/* Rows of a Jacobian: the derivatives of several roots in one sweep, in a lane for each. A node that a root was not computed
 * from is known by a bit of its mask, so that a row has only what the root depends on. */
#pragma once

#include "pull.h"

enum { LANES = 16, STEP = 4 };

typedef uint16_t Mask; /* a bit for each lane */

typedef struct {
    Graph graph;
    size_t width;    /* how many lanes there are, a multiple of STEP */
    double *adjoint; /* of each node in each lane */
    Mask *mask;
    Py_ssize_t *place; /* of each leaf among the inputs, -1 for others */
    size_t leaves;
} LaneSweep;

/* ---- The sweep. ---- */

static inline void add_lanes(double *to, const double *cotangent, size_t width, double slope)
{
    if (slope != 0.0 && isfinite(slope)) /* then the product is a NaN only if the cotangent is */
        for (size_t k = 0; k < width; k += STEP)
            for (size_t j = k; j < k + STEP; j++)
                to[j] += cotangent[j] * slope;
    else
        for (size_t k = 0; k < width; k++)
            to[k] += cotangent[k] != 0.0 ? row_strong_mul(cotangent[k], slope) : 0.0;
}

#define ADD_LANES(i, slope) add_lanes(s->adjoint + s->width * to[i], cotangent, s->width, slope)

static bool pass_lanes_in_python(
    const LaneSweep *s, const Value *v, Py_ssize_t n, const double *cotangent, const Position *to)
{
    PyObject *slopes = slopes_in_python(v);
    int found = slopes ? 0 : -1;
    for (Py_ssize_t i = 0; found >= 0 && i < n; i++) {
        double slope;
        found = to[i] == NOWHERE ? 0 : slope_at(slopes, i, &slope);
        if (found > 0)
            ADD_LANES(i, slope);
    }
    Py_XDECREF(slopes);
    return found >= 0;
}

#define EDGE(i, slope) \
    if (to[i] != NOWHERE) \
        ADD_LANES(i, slope)

static bool pass_lanes(const LaneSweep *s, const Value *v, Py_ssize_t n, const double *cotangent, const Position *to)
{
    if (row_slopes_in_python[v->state.row])
        return pass_lanes_in_python(s, v, n, cotangent, to);
    FOR_EDGES_OF(v, n)
    return true;
}

#undef EDGE

static inline bool is_any(const double *lanes, size_t width)
{
    bool found = false;
    for (size_t k = 0; k < width; k++)
        found |= lanes[k] != 0.0;
    return found;
}

static bool sweep_lanes(LaneSweep *s)
{
    const Graph *g = &s->graph;
    const Position *to = g->positions + g->edges;
    for (size_t i = g->places.count; i-- > 0;) {
        const Value *v = g->places.items[i].node;
        Py_ssize_t n = edge_count(v);
        to -= n;
        for (Py_ssize_t k = 0; k < n; k++)
            if (to[k] != NOWHERE)
                s->mask[to[k]] |= s->mask[i];
        const double *cotangent = s->adjoint + s->width * i;
        if (n && is_any(cotangent, s->width) && !pass_lanes(s, v, n, cotangent, to))
            return false;
    }
    return true;
}

/* ---- Rows. ---- */

/* Where a leaf stands among the inputs, which are leaves by age; -1 if it is none of them. */
static Py_ssize_t place_among(Nodes inputs, const Value *leaf)
{
    Py_ssize_t low = 0, high = inputs.count;
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if (inputs.nodes[middle]->state.epoch < leaf->state.epoch)
            low = middle + 1;
        else
            high = middle;
    }
    return low < inputs.count && inputs.nodes[low] == leaf ? low : -1;
}

static void find_places(LaneSweep *s, Nodes inputs)
{
    const Places *p = &s->graph.places;
    for (s->leaves = 0; s->leaves < p->count && p->items[s->leaves].node->state.row == LEAF; s->leaves++)
        s->place[s->leaves] = place_among(inputs, p->items[s->leaves].node);
}

/* The row of one lane: a tuple of two lists. */
static PyObject *row_of_lane(const LaneSweep *s, int lane)
{
    Py_ssize_t count = 0, next = 0;
    for (size_t i = 0; i < s->leaves; i++)
        count += s->place[i] >= 0 && (s->mask[i] >> lane & 1);
    PyObject *places = PyList_New(count), *slopes = PyList_New(count), *row = NULL;
    bool done = places && slopes;
    for (size_t i = 0; done && i < s->leaves; i++) {
        if (s->place[i] < 0 || !(s->mask[i] >> lane & 1))
            continue;
        PyObject *place = PyLong_FromLongLong(s->place[i]);
        PyObject *slope = PyFloat_FromDouble(s->adjoint[s->width * i + (size_t)lane]);
        done = place && slope;
        PyList_SET_ITEM(places, next, place);
        PyList_SET_ITEM(slopes, next++, slope);
    }
    if (done)
        row = PyTuple_Pack(2, places, slopes);
    Py_XDECREF(places);
    Py_XDECREF(slopes);
    return row;
}

static void free_lane_sweep(LaneSweep *s)
{
    PyMem_Free(s->adjoint);
    PyMem_Free(s->mask);
    PyMem_Free(s->place);
    free_graph(&s->graph);
}

static bool new_lane_sweep(LaneSweep *s)
{
    size_t count = s->graph.places.count + 1;
    s->adjoint = PyMem_Calloc(count, s->width * sizeof *s->adjoint);
    s->mask = PyMem_Calloc(count, sizeof *s->mask);
    s->place = PyMem_Calloc(count, sizeof *s->place);
    if (!s->adjoint || !s->mask || !s->place)
        PyErr_NoMemory();
    return s->adjoint && s->mask && s->place;
}

/* Puts the rows of at most LANES roots into a list, from place `first` on; false where bundles are left to Python, or with
 * an exception. */
static bool pull_lanes(Nodes roots, Nodes inputs, int64_t since, PyObject *rows, Py_ssize_t first)
{
    LaneSweep s = {.width = (size_t)(roots.count + STEP - 1) / STEP * STEP};
    Position at[LANES];
    if (!sort_and_mark(&s.graph, roots, true, since, (Nodes){NULL, 0}))
        return false;
    find(at, roots);
    unmark(&s.graph);
    bool done = !s.graph.has_bundles && new_lane_sweep(&s);
    if (done)
        find_places(&s, inputs);
    for (int k = 0; done && k < roots.count; k++) {
        s.adjoint[s.width * at[k] + (size_t)k] = 1.0;
        s.mask[at[k]] |= (Mask)(1u << k);
    }
    expects_python = s.graph.runs_python;
    done = done && sweep_lanes(&s);
    for (int k = 0; done && k < roots.count; k++) {
        PyObject *row = row_of_lane(&s, k);
        done = row != NULL;
        PyList_SET_ITEM(rows, first + k, row);
    }
    free_lane_sweep(&s);
    return done;
}

/* ---- The call. ---- */

/* Whether they are leaves, the oldest first. */
static bool are_leaves_by_age(Nodes inputs)
{
    for (Py_ssize_t i = 0; i < inputs.count; i++) {
        const Value *v = inputs.nodes[i];
        if (v->state.row != LEAF || (i && v->state.epoch <= inputs.nodes[i - 1]->state.epoch))
            return false;
    }
    return true;
}

/* Whether none is older than the epoch since; such a root would be in the way of those that share its sweep. */
static bool are_all_since(Nodes roots, int64_t since)
{
    for (Py_ssize_t i = 0; i < roots.count; i++)
        if (roots.nodes[i]->state.epoch < since)
            return false;
    return true;
}

/* NULL without an exception where it is left to Python. */
static PyObject *pull_rows(Nodes roots, Nodes inputs, int64_t since)
{
    PyObject *rows = PyList_New(roots.count);
    for (Py_ssize_t i = 0; rows && i < roots.count; i += LANES) {
        Nodes few = {roots.nodes + i, Py_MIN(LANES, roots.count - i)};
        if (!pull_lanes(few, inputs, since, rows, i))
            Py_CLEAR(rows);
    }
    return rows;
}

static PyObject *pull_rows_in_python(PyObject *module, PyObject *roots, PyObject *inputs, int64_t since)
{
    PyObject *adjoints = PyObject_GetAttrString(module, "adjoints"), *rows = NULL;
    if (adjoints)
        rows = PyObject_CallFunction(shared.pull_each, "OOLO", roots, inputs, (long long)since, adjoints);
    Py_XDECREF(adjoints);
    return rows;
}

/* Bundles, other inputs, older roots, and sweeps that somebody watches are left to the page of Python. */
static PyObject *function_pull_each(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"roots", "inputs", "since", NULL};
    PyObject *of_roots, *of_inputs, *held[2] = {NULL, NULL}, *rows = NULL;
    long long since = INT64_MIN;
    Nodes roots, inputs;
    Mode mode;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|L:pull_each", names, &of_roots, &of_inputs, &since))
        return NULL;
    if (take_nodes(of_roots, &held[0], &roots) && take_nodes(of_inputs, &held[1], &inputs) && find_mode(&mode)) {
        if (!mode.is_watched && are_leaves_by_age(inputs) && are_all_since(roots, since))
            rows = pull_rows(roots, inputs, since);
        if (!rows && !PyErr_Occurred())
            rows = pull_rows_in_python(module, held[0], held[1], since);
    }
    Py_XDECREF(held[0]);
    Py_XDECREF(held[1]);
    return rows;
}
