/* How nodes are made and how they die. */
#pragma once

#include "slab.h"

/* Memory of dead leaves, kept for the next ones. */
#if defined(AUTOGRAD_MINI_NO_FREE_LIST) || defined(Py_GIL_DISABLED)
enum { MOST_FREE = 0 };
#else
enum { MOST_FREE = 20000 };
#endif
static Value *free_leaves;
static int free_count;

static inline Value *leaf_memory(void)
{
    Value *v = free_leaves;
    if (MOST_FREE == 0 || !v)
        return PyObject_New(Value, value_type);
    free_leaves = v->next;
    free_count--;
    _Py_NewReference((PyObject *)v);
    return v;
}

static void free_leaf(Value *v)
{
    if (free_count < MOST_FREE) {
        v->next = free_leaves;
        free_leaves = v;
        free_count++;
    } else {
        PyTypeObject *type = Py_TYPE(v);
        PyObject_Free(v);
        Py_DECREF(type);
    }
}

/* A node without operands and label; NULL with MemoryError. */
static ALWAYS_INLINE Value *new_node(double data, int row)
{
    Value *v = row == LEAF ? leaf_memory() : inner_memory();
    if (!v)
        return NULL;
    v->data = data;
    v->grad = 0.0;
    v->state = (State){.row = (unsigned char)row, .epoch = ++epoch_now};
    v->label = NULL;
    v->weakrefs = NULL;
    return v;
}

static inline void free_node(Value *v)
{
    if (v->state.row == LEAF)
        free_leaf(v);
    else
        free_inner(v);
}

/* Memory for operands; NULL with MemoryError. */
static Operand *new_operands(Py_ssize_t n)
{
    Operand *operands = PyMem_New(Operand, n ? n : 1);
    if (!operands)
        PyErr_NoMemory();
    return operands;
}

static PyObject *new_leaf(double data)
{
    return (PyObject *)new_node(data, LEAF);
}

/* ---- Death. ---- */

/* A dying node takes its operands with it. Recursion would end in a stack overflow, so nodes that die meanwhile queue up.
 * Each thread has a queue of its own: callbacks of weak references and run-time rows may run Python in here, also such as
 * waits, or forks. */
typedef struct {
    Value *dying;
    bool is_burying;
} Queue;

static THREAD_LOCAL Queue queue;

static inline void queue_up(Queue *q, Value *v)
{
    v->next = q->dying;
    q->dying = v;
}

/* Py_XDECREF without the way through the interpreter, which ends in queue_up too. */
static inline void drop_node(Queue *q, Value *v)
{
#if defined(Py_REF_DEBUG) || defined(Py_TRACE_REFS) || defined(Py_GIL_DISABLED)
    (void)q;
    Py_XDECREF(v);
#else
    if (!v)
        return;
    Py_SET_REFCNT(v, Py_REFCNT(v) - 1);
    if (Py_REFCNT(v) == 0)
        queue_up(q, v);
#endif
}

static inline void drop_operands(Queue *q, Value *v)
{
    if (v->state.has_tuples) {
        Py_DECREF(v->tuples[0]);
        Py_DECREF(v->tuples[1]);
        if (v->state.row == CALL)
            Py_DECREF(v->op);
    } else if (v->state.row != LEAF) {
        drop_node(q, v->operands[0]);
        drop_node(q, v->operands[1]);
    }
}

static void value_dealloc(PyObject *self)
{
    Queue *q = &queue;
    queue_up(q, (Value *)self);
    if (q->is_burying)
        return;
    q->is_burying = true;
    for (Value *v; (v = q->dying);) {
        q->dying = v->next;
        if (v->weakrefs)
            PyObject_ClearWeakRefs((PyObject *)v);
        Py_XDECREF(v->label);
        drop_operands(q, v);
        free_node(v);
    }
    q->is_burying = false;
    restart_if_empty();
}
