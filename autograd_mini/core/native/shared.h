/* What comes from Python's side: the table, and the modules that both engines share. They lie below this engine; nothing
 * above it is known here. */
#pragma once

#include "life.h"

static struct {
    PyObject *rows[CALL], *functions[CALL];                          /* the table, by ROW_... */
    PyObject *textbook;                                              /* its class, core/value.py */
    PyObject *number, *real;                                         /* ops, numbers */
    PyObject *compute, *leaf_data, *plain_number, *gradient_data, *label_text; /* core/shared.py */
    PyObject *refuse_data, *refuse_operand, *refuse_number, *refuse_constant, *refuse_node, *refuse_subclass, *refuse_stale, *refuse_restored;
    PyObject *plain_result, *picture_of, *refusal_of, *operand_set, *sign_of;
    PyObject *deepcopy, *reduce;                                     /* core/copies.py */
    PyObject *fresh_partials, *partial_values, *pull_each;           /* core/value.py and derivatives.py */
    PyObject *bundle, *pass_on, *tangent;                            /* core/bundles.py */
    PyObject *flow, *block, *tell, *sweep;                           /* core/mode.py */
    PyObject *call_ufunc, *call_function;                            /* core/arrays.py */
    PyObject *holds_node;                                            /* trees.py */
    PyObject *one, *nothing;                                         /* our own: a float, the empty tuple */
} shared;

/* The Op of a node; a borrowed reference. */
static inline PyObject *op_of(const Value *v)
{
    return v->state.row == LEAF ? Py_None : v->state.row == CALL ? v->op : shared.rows[v->state.row];
}

/* Whether a node is a result of an operation that Python differentiates as a whole; see core/bundles.py. */
static inline bool is_in_bundle(const Value *v)
{
    return v->state.row == CALL && Py_IS_TYPE(v->op, (PyTypeObject *)shared.bundle);
}
