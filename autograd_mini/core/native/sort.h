/* The sort of a graph: every node after its operands, and where these stand, so that a sweep only walks arrays that are
 * its own.
 *
 * Marks are in the nodes while the sort lasts, which runs no Python: nothing can come between, and the interpreter's lock
 * is all the lock that is needed. */
#pragma once

#include "record.h"

typedef uint32_t Position;
#define NOWHERE UINT32_MAX /* the position of a plain number, or of a node that is left out */

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
    bool is_empty = !spare.places && !spare.adjoint && !spare.positions && !spare.visits;
    if (is_empty && g->room <= LARGEST_SPARE && g->edge_room <= 2 * LARGEST_SPARE && g->depth_room <= LARGEST_SPARE) {
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

static inline bool push_visit(Graph *g, Value *node, Py_ssize_t next)
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
    g->runs_python |= row_slopes_in_python[v->state.row];
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

/* The depth-first walk from one root. False with an exception, or with a stale operand and its user. */
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
            if (!push_visit(g, at.node, at.next))
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

/* Some nodes where a walk begins, or whose derivatives are wanted. */
typedef struct {
    Value *const *nodes;
    Py_ssize_t count;
} Nodes;

/* Sorts the graph of the roots, leaving out what was recorded before the epoch since, and leaves the marks in it: no
 * Python may run before they are taken off. False with an exception, and then nothing is marked or to be freed. */
static bool sort_and_mark(Graph *g, Nodes roots, bool check, int64_t since)
{
    Value *stale[2] = {NULL, NULL};
    *g = spare;
    g->count = g->edges = g->depth = 0;
    g->runs_python = false;
    spare = (Graph){.room = 0};
    bool done = true;
    for (int pass = 0; pass < 2; pass++) /* first those before the epoch, which are left out as operands of the others */
        for (Py_ssize_t i = 0; done && i < roots.count; i++) {
            Value *root = roots.nodes[i];
            if (!root->state.is_closed && (root->state.epoch < since) == !pass)
                done = walk(g, root, check, since, stale);
        }
    looks += g->count + g->edges;
    if (!done) {
        unmark(g);
        free_graph(g);
        if (stale[0])
            Py_XDECREF(PyObject_CallFunctionObjArgs(shared.refuse_stale, stale[0], stale[1], NULL));
    }
    return done;
}

static bool sort(Graph *g, Nodes roots, bool check, int64_t since)
{
    bool done = sort_and_mark(g, roots, check, since);
    if (done)
        unmark(g);
    return done;
}

/* Where nodes stand in a graph that is still marked. */
static void find(Position *found, Nodes nodes)
{
    for (Py_ssize_t i = 0; i < nodes.count; i++)
        found[i] = position_of(nodes.nodes[i]);
}
