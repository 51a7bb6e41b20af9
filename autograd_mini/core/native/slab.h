/* Memory for inner nodes: slabs, in which they lie by age, so that a sweep can walk through memory from the youngest to
 * the oldest. Leaves, also what is computed while nothing records, live elsewhere: they live long, and would pin slabs.
 *
 * Slabs nobody lives in are kept for the next graph, or else its memory would come from the system again, page by page.
 * They come in regions; a region in which every slab is spare can go back. */
#pragma once

#include "node.h"

#if defined(AUTOGRAD_MINI_NO_WALK) || defined(Py_GIL_DISABLED)

/* Without slabs there is no walk; nodes are objects as any other. */
static inline Value *inner_memory(void)
{
    return PyObject_New(Value, value_type);
}

static inline void free_inner(Value *v)
{
    PyTypeObject *type = Py_TYPE(v);
    PyObject_Free(v);
    Py_DECREF(type);
}

static inline void restart_if_empty(void)
{
}

#else
#define HAS_SLABS

typedef struct Slab Slab;
typedef struct Region Region;

struct Slab {
    Region *region;
    Slab *next, *before;       /* spare slabs of its region, by `next`; or sparse ones, by both */
    size_t place;              /* among the slabs in the order in which they were begun */
    Value *youngest, *oldest;  /* the marked nodes, during a walk; NULL if there was none */
    uint32_t alive;            /* how many nodes it has; those of the open run count as well */
    bool is_sparse;            /* whether it is in the list of those with few */
};

struct Region {
    void *memory;
    Slab *spare;
    Region *next, *before; /* of those with spare slabs */
    int spare_count;
};

/* Of regions that are spare as a whole so many are kept at most: 512 MB, some six million nodes. */
#ifdef AUTOGRAD_MINI_SMALL_SLABS /* for tests: slabs come and go all the time */
enum { SLAB_SIZE = 1 << 10, SLABS_OF_REGION = 2, MOST_SPARE = 1 };
#else
enum { SLAB_SIZE = 1 << 16, SLABS_OF_REGION = 16, MOST_SPARE = 512 };
#endif
enum { REGION_SIZE = SLABS_OF_REGION * SLAB_SIZE };
enum { HEADER = (sizeof(Slab) + 15) / 16 * 16, CAPACITY = (SLAB_SIZE - HEADER) / sizeof(Value) };

static inline Slab *slab_of(const Value *v)
{
    return (Slab *)((uintptr_t)v & ~(uintptr_t)(SLAB_SIZE - 1));
}

/* The node of slot i. A free slot has the row LEAF, as leaves do not live in slabs. */
static inline Value *node_at(Slab *s, int i)
{
    return (Value *)((char *)s + HEADER) + i;
}

/* ---- The order. ---- */

/* The slabs in use, in the order in which they were begun, with gaps; and during a walk whether they have marked nodes. */
static struct {
    Slab **slabs;
    bool *touched;
    size_t count, room;
} order;

static void close_gaps(void)
{
    size_t count = 0;
    for (size_t i = 0; i < order.count; i++)
        if (order.slabs[i]) {
            order.slabs[i]->place = count;
            order.slabs[count++] = order.slabs[i];
        }
    order.count = count;
}

static bool grow_order(void)
{
    size_t room = 2 * order.room + 64;
    Slab **slabs = PyMem_RawRealloc(order.slabs, room * sizeof *slabs);
    if (slabs)
        order.slabs = slabs;
    bool *touched = slabs ? PyMem_RawRealloc(order.touched, room * sizeof *touched) : NULL;
    if (!touched)
        return false;
    memset(touched + order.room, 0, (room - order.room) * sizeof *touched);
    order.touched = touched;
    order.room = room;
    return true;
}

static bool make_room_in_order(void)
{
    if (order.count < order.room)
        return true;
    close_gaps();
    return order.count < order.room / 2 || grow_order();
}

static void append_to_order(Slab *s)
{
    s->place = order.count;
    order.slabs[order.count++] = s;
}

/* ---- Spare slabs. ---- */

static Region *with_spare, *last_with_spare; /* the regions that have spare slabs, those that are spare as a whole last */
static size_t regions, spare_regions; /* how many there are, and how many of them are spare as a whole */
static size_t least_spare;            /* at least so many were since the last look */

static void link_first(Region *r)
{
    r->before = NULL;
    r->next = with_spare;
    *(r->next ? &r->next->before : &last_with_spare) = r;
    with_spare = r;
}

static void link_last(Region *r)
{
    r->next = NULL;
    r->before = last_with_spare;
    *(r->before ? &r->before->next : &with_spare) = r;
    last_with_spare = r;
}

static void unlink_region(Region *r)
{
    *(r->before ? &r->before->next : &with_spare) = r->next;
    *(r->next ? &r->next->before : &last_with_spare) = r->before;
}

/* Memory of nothing but zeros, from where the interpreter's own arenas come: malloc keeps what is given back to it. */
static void *map_memory(size_t size)
{
#ifdef AUTOGRAD_MINI_SMALL_SLABS /* sanitizers see this, and it can be made to fail */
    return PyMem_RawCalloc(1, size);
#else
    PyObjectArenaAllocator arenas;
    PyObject_GetArenaAllocator(&arenas);
    void *memory = arenas.alloc(arenas.ctx, size);
#if !defined(HAVE_MMAP) && !defined(MS_WINDOWS)
    if (memory)
        memset(memory, 0, size);
#endif
    return memory;
#endif
}

static void unmap_memory(void *memory, size_t size)
{
#ifdef AUTOGRAD_MINI_SMALL_SLABS
    (void)size;
    PyMem_RawFree(memory);
#else
    PyObjectArenaAllocator arenas;
    PyObject_GetArenaAllocator(&arenas);
    arenas.free(arenas.ctx, memory, size);
#endif
}

static void give_back(Region *r)
{
    unlink_region(r);
    regions--;
    unmap_memory(r->memory, REGION_SIZE + SLAB_SIZE);
    PyMem_RawFree(r);
}

static void add_spare(Slab *s)
{
    Region *r = s->region;
    s->next = r->spare;
    r->spare = s;
    if (r->spare_count++ == 0)
        link_first(r);
    if (r->spare_count < SLABS_OF_REGION)
        return;
    unlink_region(r);
    link_last(r);
    if (spare_regions++ >= MOST_SPARE) {
        spare_regions--;
        give_back(r);
    }
}

static bool new_region(void)
{
    Region *r = PyMem_RawCalloc(1, sizeof *r);
    if (r && !(r->memory = map_memory(REGION_SIZE + SLAB_SIZE))) {
        PyMem_RawFree(r);
        r = NULL;
    }
    if (!r)
        return false;
    regions++;
    Slab *first = slab_of((Value *)((char *)r->memory + SLAB_SIZE - 1));
    for (int i = SLABS_OF_REGION; i-- > 0;) {
        Slab *s = (Slab *)((char *)first + i * SLAB_SIZE);
        s->region = r;
        add_spare(s);
    }
    return true;
}

static Slab *take_spare(void)
{
    Region *r = with_spare;
    if (!r)
        return NULL;
    if (r->spare_count-- == SLABS_OF_REGION && --spare_regions < least_spare)
        least_spare = spare_regions;
    Slab *s = r->spare;
    r->spare = s->next;
    if (!r->spare)
        unlink_region(r);
    return s;
}

/* Gives back half of what was spare all the time since the last look. */
static void give_back_half(void)
{
    size_t excess = (least_spare + 1) / 2;
    for (Region *r = with_spare, *next; r && excess; r = next) {
        next = r->next;
        if (r->spare_count == SLABS_OF_REGION) {
            give_back(r);
            spare_regions--;
            excess--;
        }
    }
    least_spare = spare_regions;
}

/* ---- Sparse slabs. ---- */

/* A slab with so few nodes is filled again, in its gaps, before memory is asked for: a node that is kept of every thousand
 * does not hold the others' memory. What lives there is older than its new neighbours, which a walk must check. */
enum { FEW = CAPACITY / 4 };

static Slab *sparse;

static void add_sparse(Slab *s)
{
    s->is_sparse = true;
    s->before = NULL;
    s->next = sparse;
    if (s->next)
        s->next->before = s;
    sparse = s;
}

static void remove_sparse(Slab *s)
{
    s->is_sparse = false;
    if (s->before)
        s->before->next = s->next;
    else
        sparse = s->next;
    if (s->next)
        s->next->before = s->before;
}

/* Looks at a slab that is not the one being filled, and has few nodes. */
static RARE void look_at_slab(Slab *s)
{
    if (s->alive > 0) {
        if (!s->is_sparse)
            add_sparse(s);
        return;
    }
    if (s->is_sparse)
        remove_sparse(s);
    order.slabs[s->place] = NULL;
    add_spare(s);
}

static Slab *take_sparse(void)
{
    Slab *s = sparse;
    if (s) {
        remove_sparse(s);
        order.slabs[s->place] = NULL;
    }
    return s;
}

/* ---- The slab that is being filled. ---- */

static Slab *newest;
static Value *next_slot, *run_end; /* the open run: its free slots, which the next nodes take */

/* Opens the whole of a slab without nodes. */
static inline void open_all(Slab *s)
{
    next_slot = node_at(s, 0);
    run_end = node_at(s, CAPACITY);
    s->alive = CAPACITY;
}

static bool begin_slab(void)
{
    if (!make_room_in_order())
        return false;
    Slab *s = take_spare();
    if (!s)
        s = take_sparse();
    if (!s && new_region())
        s = take_spare();
    if (!s)
        return false;
    append_to_order(s);
    newest = s;
    next_slot = run_end = node_at(s, 0);
    if (!s->alive)
        open_all(s);
    return true;
}

static void leave_slab(void)
{
    Slab *s = newest;
    newest = NULL;
    if (s->alive <= FEW)
        look_at_slab(s);
}

/* Opens the next run of free slots; false with MemoryError. */
static RARE bool open_run(void)
{
    for (;;) {
        if (!newest && !begin_slab()) {
            PyErr_NoMemory();
            return false;
        }
        Value *end = node_at(newest, CAPACITY);
        while (next_slot == run_end && next_slot < end) {
            if (next_slot->state.row != LEAF)
                next_slot++;
            for (run_end = next_slot; run_end < end && run_end->state.row == LEAF; run_end++)
                newest->alive++;
        }
        if (next_slot < run_end)
            return true;
        leave_slab();
    }
}

static inline Value *inner_memory(void)
{
    if (next_slot == run_end && !open_run())
        return NULL;
    Value *v = next_slot++;
    Py_SET_TYPE(v, value_type); /* without a reference for each, as the class never dies */
#if defined(Py_REF_DEBUG) || defined(Py_TRACE_REFS)
    _Py_NewReference((PyObject *)v);
#else
    Py_SET_REFCNT(v, 1);
#endif
    return v;
}

static inline void free_inner(Value *v)
{
    Slab *s = slab_of(v);
    v->state.row = LEAF;
    s->alive--;
    if ((s->alive == FEW || s->alive == 0) && s != newest)
        look_at_slab(s);
}

/* Small graphs follow each other at the beginning of the same slab. */
static inline void restart_if_empty(void)
{
    if (newest && newest->alive == (uint32_t)(run_end - next_slot))
        open_all(newest);
}

#endif
