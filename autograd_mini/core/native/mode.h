/* What holds for the present flow of control: the blocks of core/mode.py, read in C; and telling its watchers.
 *
 * A program that neither keeps operations from recording nor watches them never looks: `unusual_blocks` is 0. */
#pragma once

#include "shared.h"

#include <structmember.h>

/* How many blocks are open anywhere for which operations must look; core/mode.py keeps it up to date. */
static Py_ssize_t unusual_blocks;

/* Where the slots of a block are. */
static struct {
    Py_ssize_t outer, is_open, records, watcher, depth;
} slot;

/* What may go on in a thread several times at once: calls of transforms, and of watchers; how often each does at present. */
enum { TRACING, TELLING, KINDS };
static THREAD_LOCAL Py_ssize_t depth_of[KINDS];

static inline PyObject **slot_of(PyObject *block, Py_ssize_t offset)
{
    return (PyObject **)((char *)block + offset);
}

/* The innermost open block at or around one, or None. Borrowed, as all blocks here: a context, or a block within, holds
 * it. */
static PyObject *open_block(PyObject *block)
{
    while (block != Py_None && *slot_of(block, slot.is_open) != Py_True)
        block = *slot_of(block, slot.outer);
    return block;
}

/* The innermost open block of this flow, or None; NULL with an exception. */
static PyObject *innermost(void)
{
    PyObject *block;
    if (PyContextVar_Get(shared.flow, NULL, &block) < 0)
        return NULL;
    Py_DECREF(block);
    return open_block(block);
}

static PyObject *around(PyObject *block)
{
    return open_block(*slot_of(block, slot.outer));
}

typedef struct {
    bool is_silent, is_watched;
} Mode;

/* The mode of this flow, given its innermost block. */
static Mode mode_of(PyObject *block)
{
    Mode mode = {false, false};
    bool records_found = false;
    for (; block != Py_None; block = around(block)) {
        PyObject *records = *slot_of(block, slot.records), *watcher = *slot_of(block, slot.watcher);
        if (records != Py_None && !records_found) {
            mode.is_silent = records == Py_False;
            records_found = true;
        }
        mode.is_watched |= watcher != Py_None && PyLong_AsSsize_t(*slot_of(block, slot.depth)) >= depth_of[TELLING];
    }
    return mode;
}

static RARE bool look_at_mode(Mode *mode)
{
    PyObject *block = innermost();
    if (block)
        *mode = mode_of(block);
    return block != NULL;
}

/* Finds out how this flow computes; false with an exception. */
static inline bool find_mode(Mode *mode)
{
    *mode = (Mode){false, false};
    return !unusual_blocks || look_at_mode(mode);
}

/* ---- Transforms that trace. ---- */

typedef struct {
    PyObject *block;          /* that switches recording on, or NULL where operations record already */
    bool recorded, is_within; /* whether they did before, and whether the call is within another */
} Trace;

static RARE bool switch_recording_on(Trace *trace)
{
    Mode mode;
    if (!find_mode(&mode))
        return false;
    trace->recorded = !mode.is_silent;
    if (trace->recorded)
        return true;
    PyObject *opened = NULL;
    trace->block = PyObject_CallOneArg(shared.block, Py_True);
    if (trace->block)
        opened = PyObject_CallMethod(trace->block, "open", NULL);
    if (!opened && trace->block) {
        Py_SETREF(*slot_of(trace->block, slot.is_open), Py_NewRef(Py_False));
        Py_CLEAR(trace->block);
    }
    Py_XDECREF(opened);
    return opened != NULL;
}

/* Begins a call of a transform, which records in any case; false with an exception. */
static inline bool begin_trace(Trace *trace)
{
    *trace = (Trace){NULL, true, depth_of[TRACING] > 0};
    if (unusual_blocks && !switch_recording_on(trace))
        return false;
    depth_of[TRACING]++;
    return true;
}

static inline void end_trace(Trace *trace)
{
    depth_of[TRACING]--;
    if (trace->block) { /* closed without a call, which might fail; a flow passes over blocks that have ended */
        Py_SETREF(*slot_of(trace->block, slot.is_open), Py_NewRef(Py_False));
        Py_DECREF(trace->block);
    }
}

/* ---- Telling. ---- */

/* Tells this flow's watchers of an event; false with an exception. The arguments' references are taken over. */
static RARE bool tell(const char *event, PyObject *x, PyObject *y, PyObject *z, PyObject *outcome)
{
    PyObject *name = PyUnicode_InternFromString(event), *told = NULL;
    if (name && x && y)
        told = PyObject_CallFunctionObjArgs(shared.tell, name, x, y, z, outcome, NULL);
    Py_XDECREF(name);
    Py_XDECREF(x);
    Py_XDECREF(y);
    Py_XDECREF(z);
    Py_XDECREF(outcome);
    Py_XDECREF(told);
    return told != NULL;
}

/* A sweep that watchers are told of: a new reference, NULL with an exception. */
static PyObject *begin_sweep(PyObject *nodes, PyObject *numbers, int64_t since, bool on_values, bool is_forward)
{
    PyObject *sweep = PyObject_CallFunction(
        shared.sweep, "OOLOO", nodes, numbers, (long long)since, on_values ? Py_True : Py_False, is_forward ? Py_True : Py_False);
    PyObject *begun = sweep ? PyObject_CallMethod(sweep, "begin", NULL) : NULL;
    if (!begun)
        Py_CLEAR(sweep);
    Py_XDECREF(begun);
    return sweep;
}

/* Tells them what it found, or of the exception if it found nothing; takes over both references. What it found, or NULL
 * with an exception. */
static PyObject *end_sweep(PyObject *sweep, PyObject *found)
{
    PyObject *told;
    if (found) {
        told = PyObject_CallMethod(sweep, "end", "O", found);
        if (!told)
            Py_CLEAR(found);
    } else {
        PyObject *type, *error, *trace;
        PyErr_Fetch(&type, &error, &trace);
        PyErr_NormalizeException(&type, &error, &trace);
        if (trace)
            PyException_SetTraceback(error, trace);
        told = PyObject_CallMethod(sweep, "fail", "O", error);
        if (told) {
            PyErr_Restore(type, error, trace);
        } else { /* what a watcher raised then; it arose while the other was handled */
            PyObject *type_2, *error_2, *trace_2;
            PyErr_Fetch(&type_2, &error_2, &trace_2);
            PyErr_NormalizeException(&type_2, &error_2, &trace_2);
            PyException_SetContext(error_2, Py_NewRef(error));
            PyErr_Restore(type_2, error_2, trace_2);
            Py_XDECREF(type);
            Py_XDECREF(error);
            Py_XDECREF(trace);
        }
    }
    Py_XDECREF(told);
    Py_DECREF(sweep);
    return found;
}

/* ---- What Python asks. ---- */

static PyObject *function_set_unusual(PyObject *Py_UNUSED(module), PyObject *count)
{
    Py_ssize_t blocks = PyLong_AsSsize_t(count);
    if (blocks == -1 && PyErr_Occurred())
        return NULL;
    unusual_blocks = blocks;
    Py_RETURN_NONE;
}

/* Changes a depth and returns what it was: the page of Python and this engine count their calls together. */
static PyObject *function_deepen(PyObject *Py_UNUSED(module), PyObject *const *a, Py_ssize_t n)
{
    Py_ssize_t kind = n == 2 ? PyLong_AsSsize_t(a[0]) : KINDS, change = n == 2 ? PyLong_AsSsize_t(a[1]) : 0;
    if (PyErr_Occurred())
        return NULL;
    if (kind < 0 || kind >= KINDS) {
        PyErr_SetString(PyExc_TypeError, "deepen takes a kind of calls, and a change of their number");
        return NULL;
    }
    PyObject *before = PyLong_FromSsize_t(depth_of[kind]);
    if (before)
        depth_of[kind] += change;
    return before;
}

/* Where a slot of the class of blocks is; false with an exception. */
static bool find_slot(const char *name, Py_ssize_t *offset)
{
    PyObject *descriptor = PyObject_GetAttrString(shared.block, name);
    bool found = descriptor && Py_IS_TYPE(descriptor, &PyMemberDescr_Type);
    if (found)
        *offset = ((PyMemberDescrObject *)descriptor)->d_member->offset;
    else if (descriptor)
        PyErr_Format(PyExc_TypeError, "%s of a block is no slot", name);
    Py_XDECREF(descriptor);
    return found;
}

static bool find_slots(void)
{
    return find_slot("outer", &slot.outer) && find_slot("is_open", &slot.is_open) && find_slot("records", &slot.records)
        && find_slot("watcher", &slot.watcher) && find_slot("depth", &slot.depth);
}
