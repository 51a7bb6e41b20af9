/* The graph of some roots as arrays: the leaves, then the others by age, and where the operands of each stand, so that a
 * sweep only goes through arrays that are its own. The order is that of topological_order in value.py. */
#pragma once

#include "walk.h"

typedef uint32_t Position;
#define NOWHERE UINT32_MAX /* the position of a plain number, or of a node that is left out */

typedef struct {
    Places places;       /* the nodes, operands first */
    size_t beyond;       /* how many of them, at the end, are from before the epoch of the sweep, and pass nothing on */
    double *adjoint;     /* one for each node, in a sweep */
    Position *positions; /* for each operand of each node, in order, where it stands */
    size_t edges;           /* how many positions there are */
    size_t room, edge_room; /* of `adjoint` and of `positions` */
    bool runs_python; /* whether the partials of some node do */
    bool has_bundles; /* whether some node is a result of one */
    PyObject *memory; /* what results of bundles leave with the sweep, a dict; NULL before the first does */
} Graph;

/* ---- Memory. ---- */

/* The arrays of the last sort. */
static Graph spare;

static void free_arrays(Graph *g)
{
    PyMem_Free(g->places.items);
    PyMem_Free(g->adjoint);
    PyMem_Free(g->positions);
    *g = (Graph){.edges = 0};
}

static void free_graph(Graph *g)
{
    Py_CLEAR(g->memory);
    bool is_empty = !spare.places.items && !spare.adjoint && !spare.positions;
    if (is_empty && g->places.room <= MOST_KEPT && g->room <= MOST_KEPT && g->edge_room <= 2 * MOST_KEPT)
        spare = *g;
    else
        free_arrays(g);
}

/* ---- The search, where the walk does not serve. ---- */

/* Adds a node that is not marked to those found. */
static bool find_node(Places *found, Value *v)
{
    if (!append_place(found, v))
        return false;
    v->position = found->count - 1;
    mark(v);
    return true;
}

static bool find_operands(Places *found, const Value *v, int64_t since)
{
    bool done = true;
    for (Py_ssize_t k = 0, n = operand_count(v); done && k < n; k++) {
        Value *a = operand_of(v, k).node;
        if (a && !a->state.is_marked && a->state.epoch >= since)
            done = find_node(found, a);
    }
    return done;
}

/* Leaves first, then by age; what is equally old, such as a node and its copy, as it was found. */
static int compare_places(const void *a, const void *b)
{
    const Value *x = ((const Place *)a)->node, *y = ((const Place *)b)->node;
    bool x_inner = x->state.row != LEAF, y_inner = y->state.row != LEAF;
    if (x_inner != y_inner)
        return x_inner - y_inner;
    int found = compare_ages(a, b);
    return found ? found : (x->position > y->position) - (x->position < y->position);
}

/* The same nodes as the walk collects, whatever their memory and their age. */
static bool search(Places *found, Nodes roots, int64_t since)
{
    bool done = true;
    for (Py_ssize_t i = 0; done && i < roots.count; i++)
        done = roots.nodes[i]->state.is_marked || find_node(found, roots.nodes[i]);
    for (size_t i = 0; done && i < found->count; i++)
        done = find_operands(found, found->items[i].node, since);
    if (found->count > 1)
        qsort(found->items, found->count, sizeof *found->items, compare_places);
    for (size_t i = 0; i < found->count; i++) {
        Value *v = found->items[i].node;
        v->grad = found->items[i].grad;
        take_mark_off(v);
    }
    looks += 3 * found->count;
    return done;
}

/* The error of the youngest node that has a newer operand, if there is one: true without. */
static bool refuse_stale(const Places *found)
{
    Value *stale = NULL;
    for (size_t i = found->count; !stale && i-- > 0;)
        if (newer_operand(found->items[i].node))
            stale = found->items[i].node;
    if (stale)
        Py_XDECREF(PyObject_CallFunctionObjArgs(shared.refuse_stale, newer_operand(stale), stale, NULL));
    return !stale;
}

static bool collect(Places *found, Nodes roots, bool check, int64_t since)
{
#ifdef HAS_SLABS
    bool tries = !avoids_walk;
    avoids_walk = false;
    if (tries && (walk_to_collect(found, roots, check, since) || PyErr_Occurred()))
        return !PyErr_Occurred();
    avoids_walk = false;
    found->count = 0;
#endif
    expects_python = false;
    if (search(found, roots, since))
        return !check || refuse_stale(found);
    PyErr_NoMemory();
    return false;
}

/* ---- Positions. ---- */

/* How many positions a node has: the two operands in the node count as two, be there one or two. */
static inline Py_ssize_t edge_count(const Value *v)
{
    return v->state.has_tuples ? items_of(v).count : v->state.row == LEAF ? 0 : 2;
}

static inline Position position_of(const Value *v)
{
    return v && v->state.is_marked ? (Position)v->position : NOWHERE;
}

static bool make_room(Graph *g)
{
    bool done = g->places.count < NOWHERE;
    if (done && g->places.count > g->room) {
        done = grow((void **)&g->adjoint, sizeof *g->adjoint, g->places.room);
        g->room = done ? g->places.room : g->room;
    }
    if (done && g->edges > g->edge_room) {
        done = grow((void **)&g->positions, sizeof *g->positions, g->edges + g->edges / 2);
        g->edge_room = done ? g->edges + g->edges / 2 : g->edge_room;
    }
    if (!done)
        PyErr_NoMemory();
    return done;
}

static inline size_t count_within(const Graph *g)
{
    return g->places.count - g->beyond;
}

static void count_edges(Graph *g)
{
    for (size_t i = 0; i < count_within(g); i++) {
        const Value *v = g->places.items[i].node;
        g->edges += (size_t)edge_count(v);
        g->runs_python |= row_slopes_in_python[v->state.row];
        g->has_bundles |= is_in_bundle(v);
    }
}

static inline Position *write_positions(const Value *v, Position *to)
{
    if (v->state.row == LEAF)
        return to;
    if (!v->state.has_tuples) {
        to[0] = position_of(v->operands[0]);
        to[1] = position_of(v->operands[1]);
        return to + 2;
    }
    const Items items = items_of(v);
    for (Py_ssize_t k = 0; k < items.count; k++)
        to[k] = position_of(item_node(item_at(&items, k)));
    return to + items.count;
}

static inline void mark_with_position(Graph *g, size_t i)
{
    Value *v = g->places.items[i].node;
    g->places.items[i].grad = v->grad;
    v->position = i;
    mark(v);
}

/* Marks each node with its position, operands before those that use them. */
static void mark_graph(Graph *g)
{
    Position *to = g->positions;
    for (size_t i = count_within(g); i < g->places.count; i++)
        mark_with_position(g, i);
    for (size_t i = 0; i < count_within(g); i++) {
        to = write_positions(g->places.items[i].node, to);
        mark_with_position(g, i);
    }
    looks += g->places.count + g->edges;
}

/* Takes the marks off and gives the nodes their grad back. */
static void unmark(Graph *g)
{
    for (size_t i = 0; i < g->places.count; i++) {
        Value *v = g->places.items[i].node;
        v->grad = g->places.items[i].grad;
        take_mark_off(v);
    }
}

/* Takes the arrays that are kept, and looks now and then whether that is worth it. */
static void take_arrays(Graph *g)
{
    static size_t sorts, most_needed;
    *g = spare;
    spare = (Graph){.edges = 0};
    most_needed = Py_MAX(most_needed, g->places.count);
    if (++sorts == A_WHILE) {
        if (most_needed < g->places.room / 2)
            free_arrays(g);
        sorts = most_needed = 0;
    }
    g->places.count = g->edges = g->beyond = 0;
    g->runs_python = g->has_bundles = false;
}

/* Puts the graph of the roots in order, leaving out what was recorded before the epoch since; false with an exception, and
 * then nothing is to be freed. */
static bool sort(Graph *g, Nodes roots, bool check, int64_t since)
{
    take_arrays(g);
    bool done = collect(&g->places, roots, check, since);
    if (!done)
        free_graph(g);
    return done;
}

/* Adds those of some nodes that were recorded before the epoch since, and are not there yet. */
static bool add_older(Graph *g, Nodes nodes, int64_t since)
{
    bool done = true;
    for (Py_ssize_t i = 0; done && i < nodes.count; i++) {
        Value *v = nodes.nodes[i];
        if (v->state.is_marked || v->state.epoch >= since)
            continue;
        done = append_place(&g->places, v);
        g->beyond += done;
        mark(v);
    }
    return done;
}

/* Puts roots and inputs from before the epoch since behind all others; no other node of the graph is older than that. */
static bool put_older_behind(Graph *g, Nodes roots, Nodes inputs, int64_t since)
{
    size_t kept = 0;
    for (size_t i = 0; i < g->places.count; i++)
        if (g->places.items[i].node->state.epoch >= since)
            g->places.items[kept++] = g->places.items[i];
    g->places.count = kept;
    bool done = add_older(g, roots, since) && add_older(g, inputs, since);
    for (size_t i = kept; i < g->places.count; i++)
        take_mark_off(g->places.items[i].node);
    if (!done)
        PyErr_NoMemory();
    return done;
}

/* The same with positions, and the marks left on: no Python may run before they are taken off. Of what was recorded before
 * the epoch since the inputs are there too. */
static bool sort_and_mark(Graph *g, Nodes roots, bool check, int64_t since, Nodes inputs)
{
    if (!sort(g, roots, check, since))
        return false;
    bool done = since == INT64_MIN || put_older_behind(g, roots, inputs, since);
    if (done)
        count_edges(g);
    done = done && make_room(g);
    if (done)
        mark_graph(g);
    else
        free_graph(g);
    return done;
}

/* Where nodes stand in a graph that is still marked. */
static void find(Position *found, Nodes nodes)
{
    for (Py_ssize_t i = 0; i < nodes.count; i++)
        found[i] = position_of(nodes.nodes[i]);
}
