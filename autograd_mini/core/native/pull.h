/* The primitives of derivatives.py: pull goes backward through a recording, push forward, on doubles or on nodes; and
 * the adjoints of all nodes. */
#pragma once

#include "nodes.h"

/* ---- What Python hands over. ---- */

/* Some Values, held by a tuple of our own, which nobody can change meanwhile. */
static bool take_nodes(PyObject *sequence, PyObject **tuple, Nodes *nodes)
{
    *tuple = PySequence_Tuple(sequence);
    for (Py_ssize_t i = 0; *tuple && i < PyTuple_GET_SIZE(*tuple); i++)
        if (!is_value(PyTuple_GET_ITEM(*tuple, i))) {
            Py_XDECREF(PyObject_CallOneArg(shared.refuse_node, PyTuple_GET_ITEM(*tuple, i))); /* raises */
            Py_CLEAR(*tuple);
        }
    if (*tuple)
        *nodes = (Nodes){(Value *const *)&PyTuple_GET_ITEM(*tuple, 0), PyTuple_GET_SIZE(*tuple)};
    return *tuple != NULL;
}

/* A number for each of n nodes, which may be Values if `on_values`; NULL with an exception. The tuple holds them. */
static Operand *take_numbers(PyObject *sequence, Py_ssize_t n, bool on_values, PyObject **tuple)
{
    *tuple = PySequence_Tuple(sequence);
    if (*tuple && PyTuple_GET_SIZE(*tuple) != n)
        PyErr_Format(PyExc_ValueError, "there are %zd numbers for %zd nodes; give one for each", PyTuple_GET_SIZE(*tuple), n);
    if (!*tuple || PyErr_Occurred())
        return NULL;
    Operand *numbers = new_operands(n);
    for (Py_ssize_t i = 0; numbers && i < n; i++) {
        PyObject *x = PyTuple_GET_ITEM(*tuple, i);
        bool done = on_values ? take(x, &numbers[i]) : true;
        if (!on_values) {
            numbers[i] = (Operand){NULL, plain_double("what a sweep starts with", x)};
            done = numbers[i].number != -1.0 || !PyErr_Occurred();
        }
        if (!done) {
            PyMem_Free(numbers);
            numbers = NULL;
        }
    }
    return numbers;
}

/* The arguments of pull and push: nodes with numbers where the sweep starts, and the nodes whose derivatives are wanted. */
typedef struct {
    PyObject *held[3];
    Nodes start, wanted;
    Operand *numbers;
    int64_t since;
    bool on_values;
} Request;

static void free_request(Request *r)
{
    for (int i = 0; i < 3; i++)
        Py_XDECREF(r->held[i]);
    PyMem_Free(r->numbers);
}

static bool fill_request(Request *r, PyObject *start, PyObject *numbers, PyObject *wanted)
{
    if (take_nodes(start, &r->held[0], &r->start))
        r->numbers = take_numbers(numbers, r->start.count, r->on_values, &r->held[1]);
    return r->numbers && (!wanted || take_nodes(wanted, &r->held[2], &r->wanted));
}

/* ---- Arrays for a call. ---- */

/* Where the nodes of a request stand in a graph; of few nodes without a call for memory. */
typedef struct {
    Position *start, *wanted;
    Position few[16];
} Standing;

static bool new_standing(Standing *s, const Request *r)
{
    size_t count = (size_t)r->start.count + (size_t)r->wanted.count;
    s->start = count <= 16 ? s->few : PyMem_New(Position, count);
    if (!s->start)
        PyErr_NoMemory();
    else
        s->wanted = s->start + r->start.count;
    return s->start != NULL;
}

static void free_standing(Standing *s)
{
    if (s->start != s->few)
        PyMem_Free(s->start);
}

static void find_standing(Standing *s, const Request *r)
{
    find(s->start, r->start);
    find(s->wanted, r->wanted);
}

/* A tuple of the nodes, and one of the numbers, as watchers see them. */
static PyObject *tuple_of_nodes(Nodes nodes)
{
    PyObject *tuple = PyTuple_New(nodes.count);
    for (Py_ssize_t i = 0; tuple && i < nodes.count; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef((PyObject *)nodes.nodes[i]));
    return tuple;
}

static PyObject *begin_request(const Request *r, bool is_forward)
{
    PyObject *nodes = tuple_of_nodes(r->start), *numbers = tuple_of_operands(r->numbers, r->start.count), *sweep = NULL;
    if (nodes && numbers)
        sweep = begin_sweep(nodes, numbers, r->since, r->on_values, is_forward);
    Py_XDECREF(nodes);
    Py_XDECREF(numbers);
    return sweep;
}

/* What was found for each node of a graph, by node: doubles, or operands if there are such. */
static PyObject *by_node(const Graph *g, const double *doubles, const Operand *operands)
{
    PyObject *dict = PyDict_New();
    for (size_t i = 0; dict && i < g->places.count; i++) {
        PyObject *x = operands ? from_operand(&operands[i]) : PyFloat_FromDouble(doubles[i]);
        if (!x || PyDict_SetItem(dict, (PyObject *)g->places.items[i].node, x) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(x);
    }
    return dict;
}

/* What was found for some nodes, by their positions, as a list of floats, or of Values if it was found as operands. */
static PyObject *by_position(const Position *found, Py_ssize_t n, const double *doubles, const Operand *operands)
{
    PyObject *list = PyList_New(n);
    for (Py_ssize_t i = 0; list && i < n; i++) {
        Operand o = {NULL, 0.0};
        if (found[i] != NOWHERE)
            o = operands ? operands[found[i]] : (Operand){NULL, doubles[found[i]]};
        PyObject *x = operands && !o.node ? new_leaf(o.number) : from_operand(&o);
        if (x)
            PyList_SET_ITEM(list, i, x);
        else
            Py_CLEAR(list);
    }
    return list;
}

/* ---- Backward. ---- */

#ifdef HAS_SLABS
/* The derivatives by the wanted nodes as a list of floats, if all are leaves that the walk comes to, and it
 * serves; NULL without an exception if not. */
static PyObject *pull_by_walk(const Request *r)
{
    for (Py_ssize_t i = 0; i < r->wanted.count; i++)
        if (r->wanted.nodes[i]->state.row != LEAF || r->wanted.nodes[i]->state.epoch < r->since)
            return NULL;
    PyObject *list = PyList_New(r->wanted.count); /* before the walk, as it might have the collector run Python */
    if (!list || !walk_to_pull(r->start, r->numbers, r->since)) {
        Py_XDECREF(list);
        return NULL;
    }
    bool done = true;
    for (Py_ssize_t i = 0; done && i < r->wanted.count; i++) {
        const Value *v = r->wanted.nodes[i];
        PyObject *x = PyFloat_FromDouble(v->state.is_marked ? v->grad : 0.0);
        done = x != NULL;
        PyList_SET_ITEM(list, i, x);
    }
    end_pull();
    if (!done)
        Py_CLEAR(list);
    return list;
}
#endif

/* The derivatives by the wanted nodes as a list of floats. If asked to, also the adjoints of all nodes, by node. */
static PyObject *pull_doubles(const Request *r, PyObject **all)
{
    Graph g;
    Standing at;
    PyObject *list = NULL;
#ifdef HAS_SLABS
    if (!all && ((list = pull_by_walk(r)) || PyErr_Occurred()))
        return list;
#endif
    if (!new_standing(&at, r))
        return NULL;
    if (sort_and_mark(&g, r->start, true, r->since, r->wanted)) {
        find_standing(&at, r);
        unmark(&g);
        start_sweep(&g, at.start, r->numbers, r->start.count);
        if (sweep(&g) && (!all || (*all = by_node(&g, g.adjoint, NULL))))
            list = by_position(at.wanted, r->wanted.count, g.adjoint, NULL);
        free_graph(&g);
    }
    free_standing(&at);
    return list;
}

/* The same as a list of Values. */
static PyObject *pull_nodes(const Request *r, PyObject **all)
{
    NodeSweep s = {.used = 0};
    Standing at;
    PyObject *list = NULL;
    if (!new_standing(&at, r))
        return NULL;
    if (sort_and_mark(&s.graph, r->start, true, r->since, r->wanted)) {
        find_standing(&at, r);
        unmark(&s.graph);
        bool done = new_node_sweep(&s, r->start.count);
        for (Py_ssize_t i = 0; done && i < r->start.count; i++) {
            Py_XINCREF(r->numbers[i].node);
            add_term(&s, at.start[i], r->numbers[i]);
        }
        if (done && sweep_nodes(&s) && (!all || (*all = by_node(&s.graph, NULL, s.adjoint))))
            list = by_position(at.wanted, r->wanted.count, NULL, s.adjoint);
        free_node_sweep(&s);
    }
    free_standing(&at);
    return list;
}

/* ---- Forward. ---- */

static PyObject *push_doubles(const Request *r, Graph *g, const bool *is_given, const Standing *at, PyObject **all)
{
    if (g->places.count)
        memset(g->adjoint, 0, g->places.count * sizeof *g->adjoint);
    for (Py_ssize_t i = 0; i < r->start.count; i++)
        if (at->start[i] != NOWHERE)
            g->adjoint[at->start[i]] = r->numbers[i].number;
    if (!sweep_forward(g, is_given) || (all && !(*all = by_node(g, g->adjoint, NULL))))
        return NULL;
    return by_position(at->wanted, r->wanted.count, g->adjoint, NULL);
}

static PyObject *push_nodes(const Request *r, Graph *g, const bool *is_given, const Standing *at, PyObject **all)
{
    Operand *tangent = PyMem_Calloc(g->places.count + 1, sizeof *tangent);
    PyObject *list = NULL;
    if (!tangent)
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < r->start.count; i++)
        if (at->start[i] != NOWHERE) {
            drop(&tangent[at->start[i]]); /* where a node is given several times, the last one holds */
            Py_XINCREF(r->numbers[i].node);
            tangent[at->start[i]] = r->numbers[i];
        }
    if (sweep_nodes_forward(g, is_given, tangent) && (!all || (*all = by_node(g, NULL, tangent))))
        list = by_position(at->wanted, r->wanted.count, NULL, tangent);
    for (size_t i = 0; i < g->places.count; i++)
        drop(&tangent[i]);
    PyMem_Free(tangent);
    return list;
}

/* The tangents of the wanted nodes as a list of floats or Values. */
static PyObject *push_request(const Request *r, PyObject **all)
{
    Graph g;
    Standing at;
    PyObject *list = NULL;
    if (!new_standing(&at, r))
        return NULL;
    if (sort_and_mark(&g, r->wanted, true, r->since, r->start)) {
        find_standing(&at, r);
        unmark(&g);
        bool *is_given = PyMem_Calloc(g.places.count + 1, sizeof *is_given);
        for (Py_ssize_t i = 0; is_given && i < r->start.count; i++)
            if (at.start[i] != NOWHERE)
                is_given[at.start[i]] = true;
        if (!is_given)
            PyErr_NoMemory();
        else
            list = (r->on_values ? push_nodes : push_doubles)(r, &g, is_given, &at, all);
        PyMem_Free(is_given);
        free_graph(&g);
    }
    free_standing(&at);
    return list;
}

/* ---- The calls, watched or not. ---- */

typedef PyObject *Answer(const Request *r, PyObject **all);

static PyObject *pull_request(const Request *r, PyObject **all)
{
    return r->on_values ? pull_nodes(r, all) : pull_doubles(r, all);
}

/* The same for watchers: they are told what the sweep found before anything is made of it. */
static RARE PyObject *answer_watched(Answer *answer, const Request *r, bool is_forward, PyObject **all)
{
    PyObject *sweep = begin_request(r, is_forward), *list;
    if (!sweep)
        return NULL;
    list = answer(r, all);
    if (!list)
        Py_CLEAR(*all);
    if (!end_sweep(sweep, *all))
        *all = NULL;
    if (!*all)
        Py_CLEAR(list);
    return list;
}

static PyObject *answer(Answer *how, const Request *r, bool is_forward)
{
    Mode mode;
    if (!find_mode(&mode))
        return NULL;
    if (!mode.is_watched)
        return how(r, NULL);
    PyObject *all = NULL, *list = answer_watched(how, r, is_forward, &all);
    Py_XDECREF(all);
    return list;
}

/* The adjoints of all nodes, by node; NULL with an exception. */
static PyObject *answer_all(const Request *r)
{
    Mode mode;
    PyObject *all = NULL, *list;
    if (!find_mode(&mode))
        return NULL;
    list = mode.is_watched ? answer_watched(pull_request, r, false, &all) : pull_request(r, &all);
    if (!list)
        Py_CLEAR(all);
    Py_XDECREF(list);
    return all;
}

/* ---- Functions. ---- */

static PyObject *called(Answer *how, bool is_forward, const char *format, char **names, PyObject *args, PyObject *kwargs)
{
    PyObject *start, *numbers, *wanted, *list = NULL;
    long long since = INT64_MIN;
    int on_values = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, names, &start, &numbers, &wanted, &since, &on_values))
        return NULL;
    Request r = {.since = since, .on_values = on_values};
    if (fill_request(&r, start, numbers, wanted))
        list = answer(how, &r, is_forward);
    free_request(&r);
    return list;
}

static PyObject *function_pull(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"roots", "cotangents", "inputs", "since", "on_values", NULL};
    return called(pull_request, false, "OOO|Lp:pull", names, args, kwargs);
}

static PyObject *function_push(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"inputs", "tangents", "roots", "since", "on_values", NULL};
    return called(push_request, true, "OOO|Lp:push", names, args, kwargs);
}

static PyObject *function_adjoints(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"roots", "cotangents", "since", NULL};
    PyObject *roots, *cotangents, *all = NULL;
    long long since = INT64_MIN;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|L:adjoints", names, &roots, &cotangents, &since))
        return NULL;
    Request r = {.since = since};
    if (fill_request(&r, roots, cotangents, NULL))
        all = answer_all(&r);
    free_request(&r);
    return all;
}
