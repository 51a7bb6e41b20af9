/* The sort of a graph and the two sweeps over it: on doubles for first derivatives, on nodes for further ones.
 *
 * A sort puts every node after its operands and writes down where these stand, so that a sweep only walks arrays that
 * are its own. Marks are in the nodes while the sort lasts, which runs no Python: nothing can come between, and the
 * interpreter's lock is all the lock that is needed. A sweep may run Python, for the partials of rows registered at run
 * time, and may therefore be entered again; at its end the results are committed at once.
 */
#pragma once

#include "record.h"

typedef uint32_t Position;
enum { NOWHERE = UINT32_MAX }; /* the position of a plain number, or of a node that is left out */

typedef struct {
    Value *node;
    double grad; /* of the node, while its place is taken by its position */
} Place;

/* A node on the way down, and the first of its operands that is still to be visited. */
typedef struct {
    Value *node;
    Py_ssize_t next;
} Visit;

typedef struct {
    Place *places;       /* the nodes, operands first */
    double *adjoint;     /* one for each node, in a sweep */
    Position *positions; /* for each operand of each node, in order, where it stands */
    Visit *visits;       /* the stack of the walk */
    size_t count, room, edges, edge_room, depth, depth_room;
    bool runs_python; /* whether the partials of some node do */
} Graph;

/* How many nodes and operands all sorts have looked at, for tests that count instead of measuring time. */
static unsigned long long looks;

/* The arrays of the last sweep, kept for the next one unless they are large. */
static Graph spare;
enum { LARGEST_SPARE = 1 << 17 };

static void free_graph(Graph *g)
{
    if (!spare.room && g->room <= LARGEST_SPARE && g->edge_room <= 2 * LARGEST_SPARE && g->depth_room <= LARGEST_SPARE) {
        spare = *g;
        return;
    }
    PyMem_Free(g->places);
    PyMem_Free(g->adjoint);
    PyMem_Free(g->positions);
    PyMem_Free(g->visits);
}

/* ---- The sort. ---- */

static bool grow(void **memory, size_t size, size_t room)
{
    void *more = room <= PY_SSIZE_T_MAX / size ? PyMem_Realloc(*memory, room * size) : NULL;
    if (!more) {
        PyErr_NoMemory();
        return false;
    }
    *memory = more;
    return true;
}

static inline bool push(Graph *g, Value *node, Py_ssize_t next)
{
    if (g->depth == g->depth_room) {
        size_t room = 2 * g->depth_room + 64;
        if (!grow((void **)&g->visits, sizeof *g->visits, room))
            return false;
        g->depth_room = room;
    }
    g->visits[g->depth++] = (Visit){node, next};
    return true;
}

static bool make_room(Graph *g, size_t nodes, size_t edges)
{
    if (g->count + nodes > g->room) {
        size_t room = 2 * g->room + nodes + 64;
        if (room >= NOWHERE) {
            PyErr_NoMemory();
            return false;
        }
        if (!grow((void **)&g->places, sizeof *g->places, room) || !grow((void **)&g->adjoint, sizeof *g->adjoint, room))
            return false;
        g->room = room;
    }
    if (g->edges + edges > g->edge_room) {
        size_t room = 2 * g->edge_room + edges + 64;
        if (!grow((void **)&g->positions, sizeof *g->positions, room))
            return false;
        g->edge_room = room;
    }
    return true;
}

/* Makes sure that a node with that many edges and its leaves can be closed. */
static inline bool has_room(Graph *g, size_t edges)
{
    return (g->count + edges < g->room && g->edges + edges <= g->edge_room) || make_room(g, edges + 1, edges);
}

static inline Position position_of(const Value *v)
{
    return v && v->state.is_closed ? (Position)v->position : NOWHERE;
}

/* How many positions a node has: the two operands in the node count as two, be there one or two. */
static inline Py_ssize_t edge_count(const Value *v)
{
    return v->state.has_tuples ? items_of(v).count : v->state.row == LEAF ? 0 : 2;
}

/* Gives a node its place. All its operands have theirs, and these have been written. */
static inline void close_node(Graph *g, Value *v, Py_ssize_t edges)
{
    g->edges += (size_t)edges;
    g->runs_python |= partials[v->state.row][0].kind == PYTHON;
    g->places[g->count] = (Place){v, v->grad};
    v->position = g->count++;
    v->state.is_closed = 1;
}

/* Visits an operand: leaves are closed at once, and what is closed or left out is nothing to visit; any other operand is
 * given back, to be visited before its user. */
static inline Value *descend(Graph *g, Value *a, int64_t since)
{
    if (!a || a->state.is_closed || a->state.epoch < since)
        return NULL;
    if (a->state.row != LEAF)
        return a;
    close_node(g, a, 0);
    return NULL;
}

static inline bool is_newer(const Value *a, const Value *user)
{
    return a && a->state.epoch > user->state.epoch;
}

/* An operand that was assigned after its user had been computed from it, the last one first. */
static inline Value *newer_operand(const Value *v)
{
    if (v->state.epoch == epoch_now) /* nothing was assigned since then, and there is no need to look */
        return NULL;
    if (!v->state.has_tuples)
        return is_newer(v->operands[1], v) ? v->operands[1] : is_newer(v->operands[0], v) ? v->operands[0] : NULL;
    const Items items = items_of(v);
    for (Py_ssize_t i = items.count; i-- > 0;) {
        Value *a = item_node(item_at(&items, i));
        if (is_newer(a, v))
            return a;
    }
    return NULL;
}

/* Continues the visit of a node whose operands are in it: the operand that must be visited first, or NULL once the node
 * is closed. */
static inline Value *visit_two(Graph *g, Value *v, Py_ssize_t *next, int64_t since)
{
    Value *x = v->operands[0], *y = v->operands[1], *deeper;
    if (*next == 0 && (deeper = descend(g, x, since))) {
        *next = 1;
        return deeper;
    }
    if (*next <= 1 && (deeper = descend(g, y, since))) {
        *next = 2;
        return deeper;
    }
    g->positions[g->edges] = position_of(x);
    g->positions[g->edges + 1] = position_of(y);
    close_node(g, v, 2);
    return NULL;
}

/* The same for a node whose operands are in tuples. */
static Value *visit_many(Graph *g, Value *v, Py_ssize_t *next, int64_t since)
{
    const Items items = items_of(v);
    Position *positions = g->positions + g->edges;
    bool was_left = *next > 0; /* for another node, so that what was written has been overwritten */
    for (Py_ssize_t i = *next; i < items.count; i++) {
        Value *a = item_node(item_at(&items, i)), *deeper = descend(g, a, since);
        if (deeper) {
            *next = i + 1;
            return deeper;
        }
        positions[i] = position_of(a);
    }
    for (Py_ssize_t i = 0; was_left && i < items.count; i++)
        positions[i] = position_of(item_node(item_at(&items, i)));
    close_node(g, v, items.count);
    return NULL;
}

/* The depth-first walk itself. False with an exception, or with a stale operand and its user. */
static bool walk(Graph *g, Value *root, bool check, int64_t since, Value *stale[2])
{
    Visit at = {root, 0};
    if (!has_room(g, 0))
        return false;
    if (root->state.row == LEAF) {
        close_node(g, root, 0);
        return true;
    }
    for (;;) {
        if (check && at.next == 0 && (stale[0] = newer_operand(at.node))) {
            stale[1] = at.node;
            return false;
        }
        if (!has_room(g, (size_t)edge_count(at.node)))
            return false;
        Value *deeper = at.node->state.has_tuples ? visit_many(g, at.node, &at.next, since)
                                                  : visit_two(g, at.node, &at.next, since);
        if (deeper) {
            if (!push(g, at.node, at.next))
                return false;
            at = (Visit){deeper, 0};
        } else {
            if (!g->depth)
                return true;
            at = g->visits[--g->depth];
        }
    }
}

/* Takes the marks off and gives the nodes their grad back. */
static void unmark(Graph *g)
{
    for (size_t i = 0; i < g->count; i++) {
        Value *v = g->places[i].node;
        v->grad = g->places[i].grad;
        v->state.is_closed = 0;
    }
}

/* Sorts the graph of root, leaving out what was recorded before the epoch since, and leaves the marks in it: no Python may
 * run before they are taken off. False with an exception, and then nothing is marked and nothing is to be freed. */
static bool sort_and_mark(Graph *g, Value *root, bool check, int64_t since)
{
    Value *stale[2] = {NULL, NULL};
    *g = spare;
    g->count = g->edges = g->depth = 0;
    g->runs_python = false;
    spare = (Graph){.room = 0};
    bool done = walk(g, root, check, since, stale);
    looks += g->count + g->edges;
    if (!done) {
        unmark(g);
        free_graph(g);
        if (stale[0])
            Py_XDECREF(PyObject_CallFunctionObjArgs(shared.refuse_stale, stale[0], stale[1], NULL));
    }
    return done;
}

static bool sort(Graph *g, Value *root, bool check, int64_t since)
{
    bool done = sort_and_mark(g, root, check, since);
    if (done)
        unmark(g);
    return done;
}

/* Looks up where the n nodes of a list stand in a graph that is still marked. Anything else in it,
 * where a user's code has got hold of the list, stands nowhere. */
static void find(Position *found, PyObject *nodes, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *node = PyList_GET_ITEM(nodes, i);
        found[i] = is_value(node) ? position_of((Value *)node) : NOWHERE;
    }
}

/* ---- The sweep on doubles. ---- */

#if defined(__GNUC__)
#define PREFETCH(v) __builtin_prefetch(&(v)->state)
#else
#define PREFETCH(v)
#endif

#define PASS(i, slope) \
    if (to[i] != NOWHERE) \
        adjoint[to[i]] += cotangent * (slope)

#define OTHER_HALF(i) item_number((i) < items.split ? items.second[i] : items.first[(i) - items.split])

/* The slopes that Python computes: None for a flat edge, and at most as many as operands. */
static bool pass_on_in_python(const Value *v, Py_ssize_t n, double cotangent, const Position *to, double *adjoint)
{
    PyObject *slopes = PyObject_CallOneArg(shared.python_slopes, (PyObject *)v);
    if (!slopes)
        return false;
    bool done = true;
    for (Py_ssize_t i = 0; done && i < n && i < PyList_GET_SIZE(slopes); i++) {
        PyObject *slope = PyList_GET_ITEM(slopes, i);
        if (slope != Py_None && to[i] != NOWHERE) {
            double number = as_double(slope);
            done = number != -1.0 || !PyErr_Occurred();
            adjoint[to[i]] += cotangent * number;
        }
    }
    Py_DECREF(slopes);
    return done;
}

/* Adds to the adjoints of the operands of v what its own is times the slopes of the edges. */
static ALWAYS_INLINE bool pass_on(const Value *v, Py_ssize_t n, double cotangent, const Position *to, double *adjoint)
{
    if (partials[v->state.row][0].kind == PYTHON)
        return pass_on_in_python(v, n, cotangent, to, adjoint);
    const double out = v->data;
    if (row_arity[v->state.row]) {
        double x, y, z = 0.0;
        if (v->state.has_tuples) {
            x = operand_in_tuples(v, 0).number;
            y = operand_in_tuples(v, n > 1).number;
            z = n > 2 ? operand_in_tuples(v, 2).number : 0.0;
        } else {
            x = operand_in_node(v, 0).number;
            y = operand_in_node(v, 1).number;
        }
        (void)z;
        switch (v->state.row) {
            PASS_ON_FEW
        }
    } else {
        const Items items = items_of(v);
        switch (v->state.row) {
            PASS_ON_MANY
        }
    }
    return true;
}

/* The adjoints of a graph that is not marked any more, given that of the root; false with an exception. */
static bool sweep_with_python(Graph *g, double gradient)
{
    const Position *to = g->positions + g->edges;
    memset(g->adjoint, 0, g->count * sizeof *g->adjoint);
    g->adjoint[g->count - 1] = gradient;
    for (size_t i = g->count; i-- > 0;) {
        const Value *v = g->places[i].node;
        Py_ssize_t n = edge_count(v);
        to -= n;
        /* A strong zero: 0 * inf from an unused branch must not make NaN. */
        if (n && g->adjoint[i] != 0.0 && !pass_on(v, n, g->adjoint[i], to, g->adjoint))
            return false;
    }
    return true;
}

static inline void commit(Value *v, double grad, double adjoint)
{
    v->grad = v->state.row == LEAF ? grad + adjoint : adjoint;
}

/* The same for a marked graph whose partials run no Python, so that no error can come up. On its way it takes the marks
 * off and, if asked to, commits: a second walk over a large graph would take as long as the first. */
static void sweep_and_unmark(Graph *g, double gradient, bool committing)
{
    const Position *to = g->positions + g->edges;
    memset(g->adjoint, 0, g->count * sizeof *g->adjoint);
    g->adjoint[g->count - 1] = gradient;
    for (size_t i = g->count; i-- > 0;) {
        Value *v = g->places[i].node;
        Py_ssize_t n = edge_count(v);
        double adjoint = g->adjoint[i];
        PREFETCH(g->places[i > 16 ? i - 16 : 0].node);
        to -= n;
        if (n && adjoint != 0.0)
            pass_on(v, n, adjoint, to, g->adjoint);
        v->state.is_closed = 0;
        if (committing)
            commit(v, g->places[i].grad, adjoint);
        else
            v->grad = g->places[i].grad;
    }
}

/* The sweep over a marked graph; false with an exception, and then nothing is committed. */
static bool sweep(Graph *g, double gradient, bool committing)
{
    if (!g->runs_python) {
        sweep_and_unmark(g, gradient, committing);
        return true;
    }
    unmark(g);
    if (!sweep_with_python(g, gradient))
        return false;
    for (size_t i = 0; committing && i < g->count; i++)
        commit(g->places[i].node, g->places[i].node->grad, g->adjoint[i]);
    return true;
}

/* The adjoints by node, operands first, after the thread's watcher has seen them; NULL with an exception. */
static PyObject *adjoints_by_node(Value *root, double gradient, int64_t since)
{
    Graph g;
    if (!sort_and_mark(&g, root, true, since))
        return NULL;
    PyObject *dict = sweep(&g, gradient, false) ? PyDict_New() : NULL;
    for (size_t i = 0; dict && i < g.count; i++) {
        PyObject *adjoint = PyFloat_FromDouble(g.adjoint[i]);
        if (!adjoint || PyDict_SetItem(dict, (PyObject *)g.places[i].node, adjoint) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(adjoint);
    }
    free_graph(&g);
    if (dict && thread_is_watched) {
        PyObject *shown = PyObject_CallOneArg(shared.show_adjoints, dict);
        if (!shown)
            Py_CLEAR(dict);
        Py_XDECREF(shown);
    }
    return dict;
}

/* ---- The sweep on nodes: it follows the steps of the partials and thereby records the derivative as a graph. ---- */

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
    for (Py_ssize_t i = 0; i < n; i++)
        if (operands[i].node)
            return keep(apply(row, shared.rows[row], operands, n), result);
    *result = (Operand){NULL, 0.0};
    if (compute(row, operands, n, &result->number))
        return true;
    PyObject *args = tuple_of_operands(operands, n);
    PyObject *out = args ? PyObject_CallObject(shared.functions[row], args) : NULL;
    Py_XDECREF(args);
    return keep(out, result);
}

/* One partial of v as a node or a number that belongs to the caller. */
static bool follow(const Partial *p, const Value *v, Operand *result)
{
    enum { OUT = 0, FIRST_STEP = 4 };
    Operand registers[FIRST_STEP + MOST_STEPS];
    bool done = true;
    registers[OUT] = (Operand){(Value *)v, v->data};
    for (Py_ssize_t i = 0; i < 3 && i < operand_count(v); i++)
        registers[1 + i] = operand_of(v, i);
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
    if (n == 1) {
        s->adjoint[i] = s->first[i]->operand;
        s->first[i]->operand.node = NULL;
        return true;
    }
    if (n == 0)
        return true;
    Operand *operands = new_operands(n);
    if (!operands)
        return false;
    for (Term *t = s->first[i]; t; t = t->next)
        operands[k++] = t->operand;
    bool done = step(ROW_sum, operands, n, &s->adjoint[i]);
    PyMem_Free(operands);
    return done;
}

/* What v passes on along its edge i, given the slope, which it takes over. */
static bool pass_term(NodeSweep *s, Position to, const Operand *cotangent, Operand slope)
{
    Operand product, operands[2] = {*cotangent, slope};
    bool done = step(ROW_strong_mul, operands, 2, &product);
    drop(&slope);
    if (done)
        add_term(s, to, product);
    return done;
}

static bool pass_terms_in_python(NodeSweep *s, const Value *v, Py_ssize_t n, const Operand *cotangent, const Position *to)
{
    PyObject *slopes = PyObject_CallFunctionObjArgs(shared.python_slopes, (PyObject *)v, Py_True, NULL);
    bool done = slopes != NULL;
    for (Py_ssize_t i = 0; done && i < n && i < PyList_GET_SIZE(slopes); i++) {
        PyObject *x = PyList_GET_ITEM(slopes, i);
        Operand slope;
        if (x != Py_None && to[i] != NOWHERE)
            done = keep(Py_NewRef(x), &slope) && pass_term(s, to[i], cotangent, slope);
    }
    Py_XDECREF(slopes);
    return done;
}

static bool pass_terms(NodeSweep *s, const Value *v, Py_ssize_t n, const Operand *cotangent, const Position *to)
{
    const Partial *rules = partials[v->state.row];
    if (rules[0].kind == PYTHON)
        return pass_terms_in_python(s, v, n, cotangent, to);
    bool any_number = !row_arity[v->state.row];
    n = operand_count(v);
    for (Py_ssize_t i = 0; i < n; i++) {
        const Partial *rule = any_number ? rules : &rules[i];
        Operand slope;
        if (to[i] == NOWHERE || rule->kind == FLAT)
            continue;
        if (rule->kind == OTHER) {
            slope = operand_of(v, (i + n / 2) % n);
            Py_XINCREF(slope.node);
        } else if (!follow(rule, v, &slope)) {
            return false;
        }
        if (!pass_term(s, to[i], cotangent, slope))
            return false;
    }
    return true;
}

static bool sweep_nodes(NodeSweep *s)
{
    Graph *g = &s->graph;
    const Position *to = g->positions + g->edges;
    add_term(s, (Position)(g->count - 1), (Operand){NULL, 1.0});
    for (size_t i = g->count; i-- > 0;) {
        const Value *v = g->places[i].node;
        Py_ssize_t n = edge_count(v);
        to -= n;
        if (!sum_terms(s, i))
            return false;
        /* A Value that is 0.0 here may still vary, so only a plain zero ends the walk; strong_mul does the rest. */
        Operand *cotangent = &s->adjoint[i];
        if (n && (cotangent->node || cotangent->number != 0.0) && !pass_terms(s, v, n, cotangent, to))
            return false;
    }
    return true;
}

static void free_node_sweep(NodeSweep *s)
{
    for (size_t i = 0; s->adjoint && i < s->graph.count; i++)
        drop(&s->adjoint[i]);
    for (size_t i = 0; i < s->used; i++)
        drop(&s->pool[i].operand);
    PyMem_Free(s->adjoint);
    PyMem_Free(s->pool);
    PyMem_Free(s->first);
    PyMem_Free(s->last);
    free_graph(&s->graph);
}

/* ---- Derivatives by the Values of a list. ---- */

static Position *new_positions(Py_ssize_t n)
{
    Position *found = PyMem_New(Position, n + 1);
    if (!found)
        PyErr_NoMemory();
    return found;
}

/* The derivatives of root by each of inputs as a list of floats. */
static PyObject *gradients(Value *root, PyObject *inputs, int64_t since)
{
    Graph g;
    PyObject *out = NULL;
    Py_ssize_t n = PyList_GET_SIZE(inputs); /* a sweep may run code that changes it */
    Position *found = new_positions(n);
    if (found && sort_and_mark(&g, root, true, since)) {
        find(found, inputs, n);
        if (sweep(&g, 1.0, false))
            out = PyList_New(n);
        for (Py_ssize_t i = 0; out && i < n; i++) {
            PyObject *x = PyFloat_FromDouble(found[i] == NOWHERE ? 0.0 : g.adjoint[found[i]]);
            if (!x)
                Py_CLEAR(out);
            else
                PyList_SET_ITEM(out, i, x);
        }
        free_graph(&g);
    }
    PyMem_Free(found);
    return out;
}

/* The same as a list of Values. */
static PyObject *gradient_values(Value *root, PyObject *inputs, int64_t since)
{
    NodeSweep s = {.used = 0};
    PyObject *out = NULL;
    Py_ssize_t n = PyList_GET_SIZE(inputs);
    Position *found = new_positions(n);
    if (found && sort_and_mark(&s.graph, root, true, since)) {
        find(found, inputs, n);
        unmark(&s.graph);
        s.adjoint = PyMem_Calloc(s.graph.count, sizeof *s.adjoint);
        s.first = PyMem_Calloc(s.graph.count, sizeof *s.first);
        s.last = PyMem_Calloc(s.graph.count, sizeof *s.last);
        s.pool = PyMem_New(Term, s.graph.edges + 1);
        if (!s.adjoint || !s.first || !s.last || !s.pool)
            PyErr_NoMemory();
        else if (sweep_nodes(&s))
            out = PyList_New(n);
        for (Py_ssize_t i = 0; out && i < n; i++) {
            Operand slope = found[i] == NOWHERE ? (Operand){NULL, 0.0} : s.adjoint[found[i]];
            PyObject *x = slope.node ? Py_NewRef((PyObject *)slope.node) : new_leaf(slope.number);
            if (!x)
                Py_CLEAR(out);
            else
                PyList_SET_ITEM(out, i, x);
        }
        free_node_sweep(&s);
    }
    PyMem_Free(found);
    return out;
}
