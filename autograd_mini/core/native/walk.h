/* The walk: from the youngest node that was reached down to the oldest, through memory, where inner nodes lie by age.
 *
 * An operand is older than what is computed from it. So when the walk comes to a node all its users are behind it; it
 * passes on what it received, marks its operands, and forgets the mark of its own; what is not marked is passed over.
 * There is no sort, and no array but for the leaves. That operands do lie below their users is not taken for granted,
 * as slabs with gaps are filled again, and copies have old epochs: where an epoch does not fall, or a mark remains, the
 * walk undoes what it did and says so. Then the graph is sorted.
 *
 * A walk runs no Python, so that nobody sees its marks, and the adjoints that it keeps in grad. */
#pragma once

#include "record.h"

#include <stdlib.h>

/* A node, and its grad while that serves something else. */
typedef struct {
    Value *node;
    double grad;
} Place;

typedef struct {
    Place *items;
    size_t count, room;
} Places;

/* Some nodes where a walk begins, or whose derivatives are wanted. */
typedef struct {
    Value *const *nodes;
    Py_ssize_t count;
} Nodes;

/* How many nodes and operands all walks and sorts have looked at, for tests that count instead of measuring time. */
static unsigned long long looks;

/* How many walks there were, and how many of them gave up. */
static unsigned long long walks, retreats;

/* Whether the last sweep met slopes that Python computes. Then the next one will, and need not walk there to find out. */
static bool expects_python;

/* ---- Arrays. ---- */

/* Makes room in an array; false if there is no memory, without an exception. */
static bool grow(void **memory, size_t size, size_t room)
{
    void *more = room <= PY_SSIZE_T_MAX / size ? PyMem_Realloc(*memory, room * size) : NULL;
    if (more)
        *memory = more;
    return more != NULL;
}

static RARE bool grow_places(Places *p)
{
    size_t room = 2 * p->room + 64;
    if (!grow((void **)&p->items, sizeof *p->items, room))
        return false;
    p->room = room;
    return true;
}

/* False as grow. */
static inline bool append_place(Places *p, Value *v)
{
    if (p->count == p->room && !grow_places(p))
        return false;
    p->items[p->count++] = (Place){v, v->grad};
    return true;
}

/* Arrays are kept for the next walk or sort, unless they are larger than this, or have been larger than was needed for a
 * while. */
#ifdef AUTOGRAD_MINI_SMALL_SLABS
enum { MOST_KEPT = 1, A_WHILE = 1000 };
#else
enum { MOST_KEPT = 1 << 21, A_WHILE = 1000 };
#endif

/* ---- Age. ---- */

static int compare_ages(const void *a, const void *b)
{
    int64_t x = ((const Place *)a)->node->state.epoch, y = ((const Place *)b)->node->state.epoch;
    return (x > y) - (x < y);
}

static inline bool is_newer(const Value *a, const Value *user)
{
    return a && a->state.epoch > user->state.epoch;
}

/* The last operand that was assigned after its user had been computed from it. */
static inline Value *newer_operand(const Value *v)
{
    if (v->state.epoch > last_assignment) /* and there is no need to look */
        return NULL;
    if (v->state.row == LEAF)
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

#ifdef HAS_SLABS

/* What a walk is for: adjoints that are to stay in inner nodes, or not; the nodes alone; or to clean up after one that
 * gave up and left adjoints in the nodes behind it. */
typedef enum { COMMITTING, PULLING, COLLECTING, CLEANING } Purpose;

static struct {
    Places leaves; /* those that were reached */
    Places others; /* inner nodes that were reached and have a grad; when COLLECTING all inner nodes, the youngest first */
    size_t pending;     /* how many nodes are marked that the walk has not come to */
    size_t top, bottom; /* the slabs with such, or that had such, are between these places */
    size_t visited, edges;
    size_t most_needed; /* of both arrays, for a while */
    bool is_short_of_memory;
} walk;

/* Whether the walk has just given up, and not for Python. Then there is no use in trying it again to collect the nodes. */
static bool avoids_walk;

/* ---- Marks. ---- */

static RARE void touch(Slab *s, Value *v)
{
    s->youngest = s->oldest = v;
    order.touched[s->place] = true;
    if (s->place >= walk.top)
        walk.top = s->place + 1;
}

/* False without memory. */
static ALWAYS_INLINE bool mark_inner(Value *v, Purpose purpose)
{
    if ((purpose == COMMITTING || purpose == PULLING) && v->position) { /* the bits of grad */
        if (!append_place(&walk.others, v))
            return false;
        v->grad = 0.0;
    }
    Slab *s = slab_of(v);
    mark(v);
    if (!s->oldest)
        touch(s, v);
    else if (v < s->oldest)
        s->oldest = v;
    else if (v > s->youngest)
        s->youngest = v;
    return true;
}

static inline bool mark_leaf(Value *v, Purpose purpose)
{
    if (purpose == CLEANING)
        return true;
    if (!append_place(&walk.leaves, v))
        return false;
    mark(v);
    if (purpose != COLLECTING)
        v->grad = 0.0;
    return true;
}

/* Marks an operand, unless it is none or older than the epoch since, and counts it if the walk will come to it. */
static ALWAYS_INLINE void reach(Value *a, int64_t since, Purpose purpose, size_t *pending)
{
    if (!a || a->state.is_marked || a->state.epoch < since)
        return;
    bool is_leaf = a->state.row == LEAF, done = is_leaf ? mark_leaf(a, purpose) : mark_inner(a, purpose);
    *pending += done && !is_leaf;
    if (!done)
        walk.is_short_of_memory = true;
}

/* Forgets the slabs that had marks. */
static void forget_slabs(void)
{
    for (size_t place = walk.top; place-- > walk.bottom;)
        if (order.touched[place]) {
            order.touched[place] = false;
            order.slabs[place]->oldest = NULL;
        }
}

/* Takes the marks off that are left, and the adjoints of these nodes. */
static void take_marks_off(bool with_grads)
{
    for (size_t place = walk.top; place-- > 0;) {
        Slab *s = order.touched[place] ? order.slabs[place] : NULL;
        for (Value *v = s ? s->youngest : NULL; s && v >= s->oldest; v--) {
            if (!v->state.is_marked)
                continue;
            take_mark_off(v);
            if (with_grads)
                v->grad = 0.0;
        }
    }
    walk.bottom = 0;
    forget_slabs();
}

/* ---- Visits. ---- */

#define PASS(a, slope) (a)->grad += row_strong_mul(cotangent, slope)

/* Whether an operand has been reached, now that those that can be were. */
static ALWAYS_INLINE bool is_reached(const Value *a, int64_t since)
{
    return a && (since == INT64_MIN || a->state.is_marked);
}

#define EDGE(i, slope) \
    if (is_reached(to[i], since)) \
        PASS(to[i], slope);

/* Passes the adjoint of a node on to operands that are in it. */
static ALWAYS_INLINE void pass_to_two(const Value *v, double cotangent, int64_t since)
{
    const double out = v->data, x = operand_in_node(v, 0).number, y = operand_in_node(v, 1).number, z = 0.0;
    Value *const to[3] = {v->operands[0], v->operands[1], NULL};
    (void)out, (void)z;
    switch (v->state.row) {
        EDGES_OF_FEW
    }
}

static RARE void pass_to_few(const Value *v, Py_ssize_t n, double cotangent, int64_t since)
{
    Operand xyz[3] = {{NULL, 0.0}, {NULL, 0.0}, {NULL, 0.0}};
    for (Py_ssize_t i = 0; i < n && i < 3; i++)
        xyz[i] = operand_in_tuples(v, i);
    const double out = v->data, x = xyz[0].number, y = xyz[1].number, z = xyz[2].number;
    Value *const to[3] = {xyz[0].node, xyz[1].node, xyz[2].node};
    (void)out, (void)z;
    switch (v->state.row) {
        EDGES_OF_FEW
    }
}

#undef EDGE
#define EDGE(i, slope) \
    do { \
        Value *a = item_node(item_at(&items, i)); \
        if (is_reached(a, since)) \
            PASS(a, slope); \
    } while (0)

static ALWAYS_INLINE void pass_to_many(const Value *v, const Items items, double cotangent, int64_t since)
{
    const double out = v->data;
    (void)out;
    switch (v->state.row) {
        EDGES_OF_MANY
    }
}

#undef EDGE
#undef PASS

static ALWAYS_INLINE bool passes_on(Purpose purpose, double cotangent)
{
    /* Zero times any slope is zero, be it infinite: a strong zero. */
    return (purpose == COMMITTING || purpose == PULLING) && cotangent != 0.0 && !walk.is_short_of_memory;
}

static ALWAYS_INLINE size_t visit_tuples(const Value *v, double cotangent, int64_t since, Purpose purpose)
{
    const Items items = items_of(v);
    size_t reached = 0;
    for (Py_ssize_t i = 0; i < items.count; i++)
        reach(item_node(item_at(&items, i)), since, purpose, &reached);
    walk.edges += (size_t)items.count;
    if (passes_on(purpose, cotangent)) {
        if (row_arity[v->state.row])
            pass_to_few(v, items.count, cotangent, since);
        else
            pass_to_many(v, items, cotangent, since);
    }
    return reached;
}

/* Marks the operands of a node and passes its adjoint on to them. */
static ALWAYS_INLINE void visit(Value *v, int64_t since, Purpose purpose, size_t *pending)
{
    const double cotangent = v->grad;
    if (v->state.has_tuples) {
        *pending += visit_tuples(v, cotangent, since, purpose);
    } else {
        reach(v->operands[0], since, purpose, pending);
        reach(v->operands[1], since, purpose, pending);
        if (passes_on(purpose, cotangent))
            pass_to_two(v, cotangent, since);
    }
    if (purpose == PULLING || purpose == CLEANING)
        v->grad = 0.0;
    if (purpose == COLLECTING && !append_place(&walk.others, v))
        walk.is_short_of_memory = true;
}

/* Whether the walk can go on with this node. */
static inline bool is_next(const Value *v, int64_t last, Purpose purpose, bool check)
{
    if (v->state.epoch >= last || (check && newer_operand(v)))
        return false;
    if (purpose == COLLECTING || !row_slopes_in_python[v->state.row])
        return true;
    expects_python = true;
    return false;
}

/* Walks until no mark is left, or so many nodes have been visited; false if it gives up before. */
static ALWAYS_INLINE bool walk_down(int64_t since, Purpose purpose, bool check, size_t most)
{
    int64_t last = INT64_MAX;
    size_t pending = walk.pending, visited = 0, place = walk.top;
    bool goes_on = true;
    while (goes_on && pending && place > 0) {
        if (!order.touched[--place])
            continue;
        Slab *s = order.slabs[place];
        for (Value *v = s->youngest; goes_on && pending && v >= s->oldest; v--) {
            if (!v->state.is_marked)
                continue;
            if (purpose != CLEANING && !is_next(v, last, purpose, check)) {
                goes_on = false;
                break;
            }
            last = v->state.epoch;
            take_mark_off(v);
            pending--;
            visited++;
            visit(v, since, purpose, &pending);
            goes_on = !walk.is_short_of_memory && visited < most;
        }
    }
    walk.visited = visited;
    walk.bottom = place;
    return goes_on && !pending;
}

static HOT bool walk_committing(void)
{
    return walk_down(INT64_MIN, COMMITTING, true, SIZE_MAX);
}

static HOT bool walk_pulling(int64_t since)
{
    return walk_down(since, PULLING, true, SIZE_MAX);
}

static HOT bool walk_collecting(int64_t since, bool check)
{
    return walk_down(since, COLLECTING, check, SIZE_MAX);
}

static RARE bool walk_cleaning(int64_t since, size_t visited)
{
    return walk_down(since, CLEANING, false, visited);
}

/* ---- The walks. ---- */

static void mark_roots(Nodes roots, Purpose purpose)
{
    walk.pending = walk.top = walk.bottom = 0;
    walk.is_short_of_memory = false;
    for (Py_ssize_t i = 0; i < roots.count; i++)
        reach(roots.nodes[i], INT64_MIN, purpose, &walk.pending);
}

static void give_grads_back(const Places *p)
{
    for (size_t i = 0; i < p->count; i++)
        p->items[i].node->grad = p->items[i].grad;
}

static void unmark_leaves(void)
{
    for (size_t i = 0; i < walk.leaves.count; i++)
        take_mark_off(walk.leaves.items[i].node);
}

/* Leaves everything as it was before a walk that has given up. Those behind it are found by the same way again. */
static RARE void retreat(Nodes roots, int64_t since, Purpose purpose)
{
    size_t visited = walk.visited;
    take_marks_off(purpose != COLLECTING);
    if (purpose == COMMITTING && visited) {
        mark_roots(roots, CLEANING);
        walk_cleaning(since, visited);
        take_marks_off(false);
    }
    if (purpose != COLLECTING) {
        give_grads_back(&walk.others);
        give_grads_back(&walk.leaves);
    }
    unmark_leaves();
}

static void free_places(Places *p)
{
    PyMem_Free(p->items);
    *p = (Places){NULL, 0, 0};
}

/* Gives back what was not needed for a while. */
static RARE void look_at_memory(void)
{
    give_back_half();
    if (walk.most_needed < Py_MAX(walk.leaves.room, walk.others.room) / 2) {
        free_places(&walk.leaves);
        free_places(&walk.others);
    }
    walk.most_needed = 0;
}

static void keep_arrays(void)
{
    walk.most_needed = Py_MAX(walk.most_needed, Py_MAX(walk.leaves.count, walk.others.count));
    if (walk.leaves.room > MOST_KEPT)
        free_places(&walk.leaves);
    if (walk.others.room > MOST_KEPT)
        free_places(&walk.others);
    if (walks % A_WHILE == 0)
        look_at_memory();
}

/* Begins with the cotangents of some roots, or none; false if there is a root that has no memory to be marked. */
static bool begin_walk(Nodes roots, const Operand *cotangents, Purpose purpose)
{
    walk.leaves.count = walk.others.count = walk.edges = walk.visited = 0;
    mark_roots(roots, purpose);
    for (Py_ssize_t i = 0; cotangents && i < roots.count && !walk.is_short_of_memory; i++)
        roots.nodes[i]->grad += cotangents[i].number;
    return !walk.is_short_of_memory;
}

static bool end_walk(bool done, Nodes roots, int64_t since, Purpose purpose)
{
    walks++;
    retreats += !done;
    looks += 3 * walk.visited + walk.edges + walk.leaves.count;
    if (done) {
        forget_slabs();
        return true;
    }
    if (walk.is_short_of_memory)
        PyErr_NoMemory();
    avoids_walk = !expects_python;
    retreat(roots, since, purpose);
    keep_arrays();
    return false;
}

/* Adds the adjoints to the leaves, and leaves them in the other nodes. False, and nothing has changed, with an exception
 * or where it must be done in another way; the same holds for those below. */
static bool walk_to_commit(Nodes roots, const Operand *cotangents)
{
    if (expects_python)
        return false;
    bool done = begin_walk(roots, cotangents, COMMITTING) && walk_committing();
    if (!end_walk(done, roots, INT64_MIN, COMMITTING))
        return false;
    for (size_t i = 0; i < walk.leaves.count; i++) {
        Value *v = walk.leaves.items[i].node;
        v->grad = walk.leaves.items[i].grad + v->grad;
        take_mark_off(v);
    }
    keep_arrays();
    return true;
}

/* Leaves the adjoints in the marked leaves, until end_pull. */
static bool walk_to_pull(Nodes roots, const Operand *cotangents, int64_t since)
{
    if (expects_python)
        return false;
    bool done = begin_walk(roots, cotangents, PULLING) && walk_pulling(since);
    return end_walk(done, roots, since, PULLING);
}

static void end_pull(void)
{
    give_grads_back(&walk.others);
    give_grads_back(&walk.leaves);
    unmark_leaves();
    keep_arrays();
}

/* Sorts the leaves, which are the first of some places, by age; false if two are equally old. */
static bool order_leaves(Places *p, size_t n)
{
    bool are_equal = false, are_sorted = true;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 1; i < n; i++) {
            int found = compare_ages(&p->items[i - 1], &p->items[i]);
            are_equal |= found == 0;
            are_sorted &= found < 0;
        }
        if (are_sorted || are_equal)
            break;
        qsort(p->items, n, sizeof *p->items, compare_ages);
        are_sorted = true;
    }
    return !are_equal;
}

/* Puts the nodes into an array that is empty: the leaves, then the others by age. */
static bool walk_to_collect(Places *out, Nodes roots, bool check, int64_t since)
{
    bool done = begin_walk(roots, NULL, COLLECTING) && walk_collecting(since, check);
    if (!end_walk(done, roots, since, COLLECTING))
        return false;
    unmark_leaves();
    for (size_t i = walk.leaves.count; done && i-- > 0;)
        done = append_place(out, walk.leaves.items[i].node);
    for (size_t i = walk.others.count; done && i-- > 0;)
        done = append_place(out, walk.others.items[i].node);
    if (!done)
        PyErr_NoMemory();
    done = done && order_leaves(out, walk.leaves.count);
    keep_arrays();
    return done;
}

#endif
