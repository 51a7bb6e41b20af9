/* The class Value: its methods, attributes and slots. Their docstrings are those of value.py. */
#pragma once

#include "pull.h"

/* ---- Making a leaf. ---- */

/* The label as it is kept: NULL for the empty string, a new reference otherwise; false with an exception. */
static bool take_label(PyObject *label, PyObject **kept)
{
    *kept = NULL;
    if (!PyUnicode_CheckExact(label)) {
        Py_XDECREF(PyObject_CallOneArg(shared.label_text, label)); /* raises */
        return false;
    }
    if (PyUnicode_GET_LENGTH(label))
        *kept = Py_NewRef(label);
    return true;
}

static PyObject *labelled_leaf(double data, PyObject *label)
{
    PyObject *kept = NULL;
    if (label && !take_label(label, &kept))
        return NULL;
    Value *v = new_node(data, LEAF);
    if (v)
        v->label = kept;
    else
        Py_XDECREF(kept);
    return (PyObject *)v;
}

/* The number of a new leaf; -1.0 with an exception. */
static double leaf_data(PyObject *x)
{
    Operand o;
    if (!is_value(x) && take_quickly(x, &o))
        return o.number;
    PyObject *number = PyObject_CallOneArg(shared.leaf_data, x);
    if (!number)
        return -1.0;
    o.number = PyFloat_AsDouble(number);
    Py_DECREF(number);
    return o.number;
}

static PyObject *leaf_from(PyObject *x, PyObject *label)
{
    double data = leaf_data(x);
    return data == -1.0 && PyErr_Occurred() ? NULL : labelled_leaf(data, label);
}

static PyObject *value_new(PyTypeObject *Py_UNUSED(type), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"data", "label", NULL};
    PyObject *data, *label = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:Value", names, &data, &label))
        return NULL;
    return leaf_from(data, label);
}

static PyObject *value_vectorcall(PyObject *type, PyObject *const *args, size_t flags, PyObject *names)
{
    if (PyVectorcall_NARGS(flags) == 1 && !names)
        return leaf_from(args[0], NULL);
    /* The tuple comes last, as the collector, which may run when another container is made, shows it around. */
    PyObject *dict = PyDict_New(), *tuple = dict ? PyTuple_New(PyVectorcall_NARGS(flags)) : NULL, *out = NULL;
    for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
    bool done = tuple != NULL;
    for (Py_ssize_t i = 0; done && names && i < PyTuple_GET_SIZE(names); i++)
        done = !PyDict_SetItem(dict, PyTuple_GET_ITEM(names, i), args[PyVectorcall_NARGS(flags) + i]);
    if (done)
        out = value_new((PyTypeObject *)type, tuple, dict);
    Py_XDECREF(tuple);
    Py_XDECREF(dict);
    return out;
}

/* ---- Attributes. ---- */

static PyObject *get_number(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(((Value *)self)->data);
}

static RARE bool tell_detached(PyObject *self, const char *way)
{
    Mode mode;
    return find_mode(&mode)
        && (!mode.is_watched || tell("detached", Py_NewRef(self), PyUnicode_FromString(way), NULL, NULL));
}

/* The number leaves the graph: false with an exception of a watcher that was told so. */
static inline bool detach(PyObject *self, const char *way)
{
    return !unusual_blocks || tell_detached(self, way);
}

static PyObject *get_data(PyObject *self, void *Py_UNUSED(closure))
{
    return detach(self, "data") ? get_number(self, NULL) : NULL;
}

static PyObject *get_grad(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(((Value *)self)->grad);
}

static PyObject *get_label(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *label = ((Value *)self)->label;
    return label ? Py_NewRef(label) : PyUnicode_FromString("");
}

static PyObject *get_op(PyObject *self, void *Py_UNUSED(closure))
{
    return Py_NewRef(op_of((Value *)self));
}

static PyObject *get_args(PyObject *self, void *Py_UNUSED(closure))
{
    looks += 1 + (unsigned long long)operand_count((Value *)self);
    return args_of((Value *)self);
}

static PyObject *get_epoch(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromLongLong(((Value *)self)->state.epoch);
}

static PyObject *get_prev(PyObject *self, void *Py_UNUSED(closure))
{
    return PyObject_CallOneArg(shared.operand_set, self);
}

static PyObject *get_sign(PyObject *self, void *Py_UNUSED(closure))
{
    return PyObject_CallOneArg(shared.sign_of, self);
}

static int refuse_deletion(const char *name)
{
    PyErr_Format(PyExc_AttributeError, "cannot delete %s of a Value", name);
    return -1;
}

static int set_data(PyObject *self, PyObject *x, void *Py_UNUSED(closure))
{
    Value *v = (Value *)self;
    if (!x)
        return refuse_deletion("data");
    if (v->state.row != LEAF) {
        Py_XDECREF(PyObject_CallOneArg(shared.refuse_data, self)); /* raises */
        return -1;
    }
    double data = plain_double("data", x);
    if (data == -1.0 && PyErr_Occurred())
        return -1;
    v->data = data;
    v->state.epoch = last_assignment = ++epoch_now;
    return 0;
}

static int set_grad(PyObject *self, PyObject *x, void *Py_UNUSED(closure))
{
    if (!x)
        return refuse_deletion("grad");
    double grad;
    if (PyFloat_CheckExact(x)) {
        grad = PyFloat_AS_DOUBLE(x);
    } else {
        PyObject *number = PyObject_CallOneArg(shared.gradient_data, x);
        if (!number)
            return -1;
        grad = PyFloat_AsDouble(number);
        Py_DECREF(number);
        if (grad == -1.0 && PyErr_Occurred())
            return -1;
    }
    ((Value *)self)->grad = grad;
    return 0;
}

static int set_label(PyObject *self, PyObject *x, void *Py_UNUSED(closure))
{
    PyObject *kept;
    if (!x)
        return refuse_deletion("label");
    if (!take_label(x, &kept))
        return -1;
    Py_XSETREF(((Value *)self)->label, kept);
    return 0;
}

static PyGetSetDef value_getset[] = {
    {"data", get_data, set_data, NULL, NULL},
    {"grad", get_grad, set_grad, NULL, NULL},
    {"label", get_label, set_label, NULL, NULL},
    {"op", get_op, NULL, NULL, NULL},
    {"args", get_args, NULL, NULL, NULL},
    {"_epoch", get_epoch, NULL, NULL, NULL},
    {"_data", get_number, NULL, NULL, NULL},
    {"_prev", get_prev, NULL, NULL, NULL},
    {"_op", get_sign, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* ---- Numbers. ---- */

static PyObject *value_positive(PyObject *self)
{
    return Py_NewRef(self);
}

static PyObject *value_negative(PyObject *self)
{
    return record_neg((Value *)self);
}

static PyObject *value_absolute(PyObject *self)
{
    return record_abs((Value *)self);
}

static RARE PyObject *tell_compared(PyObject *self, PyObject *other, int how, PyObject *outcome)
{
    static const char *const sign[] = {"<", "<=", "==", "!=", ">", ">="};
    Mode mode;
    bool told = find_mode(&mode)
        && (!mode.is_watched
            || tell("compared", PyUnicode_FromString(sign[how]), Py_NewRef(self), Py_NewRef(other), Py_NewRef(outcome)));
    if (!told)
        Py_CLEAR(outcome);
    return outcome;
}

/* Takes over the reference of what a comparison gives. */
static inline PyObject *compared(PyObject *self, PyObject *other, int how, PyObject *outcome)
{
    return unusual_blocks && outcome ? tell_compared(self, other, how, outcome) : outcome;
}

static int value_bool(PyObject *self)
{
    bool is_true = ((Value *)self)->data != 0.0;
    if (!unusual_blocks)
        return is_true;
    PyObject *zero = PyFloat_FromDouble(0.0);
    PyObject *told = zero ? compared(self, zero, Py_NE, PyBool_FromLong(is_true)) : NULL;
    Py_XDECREF(zero);
    Py_XDECREF(told);
    return told ? is_true : -1;
}

static PyObject *value_float(PyObject *self)
{
    return PyObject_CallFunction(shared.refuse_number, "Os", self, "float");
}

static PyObject *value_int(PyObject *self)
{
    return PyObject_CallFunction(shared.refuse_number, "Os", self, "int");
}

static PyObject *value_index(PyObject *self)
{
    return PyObject_CallFunction(shared.refuse_number, "Os", self, "index");
}

static PyObject *value_as_integer_ratio(PyObject *self, PyObject *Py_UNUSED(none))
{
    return PyObject_CallFunction(shared.refuse_number, "Os", self, "ratio");
}

static PyObject *value_conjugate(PyObject *self, PyObject *Py_UNUSED(none))
{
    return Py_NewRef(self);
}

static PyObject *value_array_ufunc(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    return PyObject_Call(shared.call_ufunc, args, kwargs);
}

static PyObject *value_array_function(PyObject *Py_UNUSED(self), PyObject *args, PyObject *kwargs)
{
    return PyObject_Call(shared.call_function, args, kwargs);
}

static PyObject *value_divmod(PyObject *x, PyObject *y)
{
    int ours = is_operand(x);
    if (ours > 0)
        ours = is_operand(y);
    if (ours <= 0)
        return ours ? NULL : Py_NewRef(Py_NotImplemented);
    PyObject *quotient = PyNumber_FloorDivide(x, y), *remainder = quotient ? PyNumber_Remainder(x, y) : NULL;
    PyObject *both = remainder ? PyTuple_Pack(2, quotient, remainder) : NULL;
    Py_XDECREF(quotient);
    Py_XDECREF(remainder);
    return both;
}

/* The outcome of a comparison of doubles. */
static inline bool compare(double x, double y, int how)
{
    switch (how) {
    case Py_LT:
        return x < y;
    case Py_LE:
        return x <= y;
    case Py_EQ:
        return x == y;
    case Py_NE:
        return x != y;
    case Py_GT:
        return x > y;
    default:
        return x >= y;
    }
}

static PyObject *value_compare(PyObject *self, PyObject *other, int how)
{
    double x = ((Value *)self)->data;
    Operand y;
    if (take_quickly(other, &y))
        return compared(self, other, how, PyBool_FromLong(compare(x, y.number, how)));
    int real = PyObject_IsInstance(other, shared.real), foreign = real ? 0 : is_foreign(other);
    if (!real && !foreign)
        return Py_NewRef(Py_NotImplemented);
    if (foreign > 0) /* raises, unless by now it says that it is a real number */
        return take(other, &y) ? compared(self, other, how, PyBool_FromLong(compare(x, y.number, how))) : NULL;
    if (real < 0 || foreign < 0)
        return NULL;
    PyObject *number = PyFloat_FromDouble(x);
    PyObject *out = number ? PyObject_RichCompare(number, other, how) : NULL;
    Py_XDECREF(number);
    return compared(self, other, how, out);
}

static Py_hash_t value_hash(PyObject *self)
{
    return PyBaseObject_Type.tp_hash(self);
}

/* Calls a method of float on the number, which thereby leaves the graph. */
static PyObject *as_float(PyObject *self, const char *method, const char *way)
{
    PyObject *number = detach(self, way) ? get_number(self, NULL) : NULL;
    PyObject *out = number ? PyObject_CallMethod(number, method, NULL) : NULL;
    Py_XDECREF(number);
    return out;
}

static PyObject *value_floor(PyObject *self, PyObject *Py_UNUSED(none))
{
    return as_float(self, "__floor__", "floor");
}

static PyObject *value_ceil(PyObject *self, PyObject *Py_UNUSED(none))
{
    return as_float(self, "__ceil__", "ceil");
}

static PyObject *value_trunc(PyObject *self, PyObject *Py_UNUSED(none))
{
    return as_float(self, "__trunc__", "trunc");
}

static PyObject *value_round(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"ndigits", NULL};
    PyObject *digits = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:__round__", names, &digits))
        return NULL;
    if (digits == Py_None)
        return as_float(self, "__round__", "round");
    PyObject *index = PyNumber_Index(digits);
    if (!index)
        return NULL;
    int overflow;
    long n = PyLong_AsLongAndOverflow(index, &overflow);
    Py_DECREF(index);
    /* Beyond 400 digits either way a float does not change any more. */
    if (overflow > 0 || n > 400)
        n = 400;
    if (overflow < 0 || n < -400)
        n = -400;
    Operand operands[2] = {{(Value *)self, ((Value *)self)->data}, {NULL, (double)n}};
    return apply(ROW_round, shared.rows[ROW_round], operands, 2);
}

/* ---- Text. ---- */

static PyObject *value_repr(PyObject *self)
{
    Value *v = (Value *)self;
    char *number = PyOS_double_to_string(v->data, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (!number)
        return PyErr_NoMemory();
    PyObject *out = v->label ? PyUnicode_FromFormat("Value(%s, label=%R)", number, v->label)
                             : PyUnicode_FromFormat("Value(%s)", number);
    PyMem_Free(number);
    return out;
}

static PyObject *value_format(PyObject *self, PyObject *spec)
{
    int given = PyObject_IsTrue(spec);
    if (given <= 0)
        return given ? NULL : value_repr(self);
    if (!PyUnicode_Check(spec))
        return PyErr_Format(PyExc_TypeError, "format() argument 2 must be str, not %.200s", Py_TYPE(spec)->tp_name);
    PyObject *number = get_number(self, NULL);
    PyObject *out = number ? PyObject_Format(number, spec) : NULL;
    Py_XDECREF(number);
    return out;
}

static PyObject *value_picture(PyObject *self, PyObject *Py_UNUSED(none))
{
    return PyObject_CallOneArg(shared.picture_of, self);
}

static PyObject *value_refusal(PyObject *self, PyObject *Py_UNUSED(none))
{
    return PyObject_CallOneArg(shared.refusal_of, self);
}

/* ---- Copies. ---- */

/* A row's number, CALL if it was registered at run time. */
static int row_of(PyObject *op)
{
    int row = LEAF + 1;
    while (row < CALL && shared.rows[row] != op)
        row++;
    return row;
}

/* Takes the items of a tuple into a block of operands of its own; NULL with an exception. */
static Operand *take_tuple(PyObject *const *items, Py_ssize_t n)
{
    Operand *operands = new_operands(n);
    for (Py_ssize_t i = 0; operands && i < n; i++)
        if (!take(items[i], &operands[i])) {
            PyMem_Free(operands);
            operands = NULL;
        }
    return operands;
}

static PyObject *value_apply(PyObject *Py_UNUSED(type), PyObject *const *args, Py_ssize_t n)
{
    bool is_row = n > 0 && PyObject_TypeCheck(args[0], Py_TYPE(shared.rows[ROW_add]));
    int row = is_row ? row_of(args[0]) : LEAF;
    if (!is_row || (row_lists[row] == 2 && n % 2 == 0)) {
        PyErr_SetString(PyExc_TypeError, "_apply takes a row of the table and its operands");
        return NULL;
    }
    Operand *operands = take_tuple(args + 1, n - 1);
    PyObject *out = operands ? apply(row, args[0], operands, n - 1) : NULL;
    PyMem_Free(operands);
    return out;
}

/* The epoch of a copy: it is newer than what it was computed from, and not of the future, whatever is told; as what it was
 * computed from was made before it, there is always such an epoch. */
static void set_epoch(Value *v, int64_t epoch)
{
    epoch = Py_MIN(epoch, v->state.epoch);
    int64_t newest_leaf = v->state.row == LEAF ? epoch : INT64_MIN;
    for (Py_ssize_t i = 0, n = operand_count(v); i < n; i++) {
        const Value *a = operand_of(v, i).node;
        if (a && a->state.row == LEAF)
            newest_leaf = Py_MAX(newest_leaf, a->state.epoch);
        else if (a)
            epoch = Py_MAX(epoch, a->state.epoch + 1);
    }
    v->state.epoch = epoch;
    last_assignment = Py_MAX(last_assignment, newest_leaf); /* it may be newer than a copy that uses it */
}

/* A node that is told all it has but its grad and its epoch; NULL with an exception. */
static Value *restored(PyObject *op, PyObject *args, double data, PyObject *label)
{
    if (op == Py_None)
        return (Value *)labelled_leaf(data, label);
    PyObject *kept;
    Py_ssize_t n = PyTuple_GET_SIZE(args);
    Operand *operands = take_tuple(&PyTuple_GET_ITEM(args, 0), n);
    if (!operands || !take_label(label, &kept)) {
        PyMem_Free(operands);
        return NULL;
    }
    int row = row_of(op);
    Value *v = (Value *)make(row, row == CALL ? op : NULL, data, operands, n);
    PyMem_Free(operands);
    if (v)
        v->label = kept;
    else
        Py_XDECREF(kept);
    return v;
}

static PyObject *value_restore(PyObject *Py_UNUSED(type), PyObject *const *args, Py_ssize_t n)
{
    if (n != 6) {
        PyErr_SetString(PyExc_TypeError, "_restore takes op, args, data, grad, label, epoch");
        return NULL;
    }
    PyObject *fine = PyObject_CallFunctionObjArgs(shared.refuse_restored, args[0], args[1], args[5], NULL);
    if (!fine)
        return NULL;
    Py_DECREF(fine);
    double data = leaf_data(args[2]);
    Value *v = data == -1.0 && PyErr_Occurred() ? NULL : restored(args[0], args[1], data, args[4]);
    if (v && set_grad((PyObject *)v, args[3], NULL) < 0)
        Py_CLEAR(v);
    if (v)
        set_epoch(v, PyLong_AsLongLong(args[5]));
    return (PyObject *)v;
}

static PyObject *value_copy(PyObject *self, PyObject *Py_UNUSED(none))
{
    Value *v = (Value *)self;
    PyObject *args = get_args(self, NULL), *label = get_label(self, NULL), *epoch = get_epoch(self, NULL), *out = NULL;
    if (args && label && epoch)
        out = PyObject_CallMethod((PyObject *)value_type, "_restore", "OOddOO", op_of(v), args, v->data, v->grad, label, epoch);
    Py_XDECREF(args);
    Py_XDECREF(label);
    Py_XDECREF(epoch);
    return out;
}

static PyObject *value_deepcopy(PyObject *self, PyObject *memo)
{
    return PyObject_CallFunctionObjArgs(shared.deepcopy, self, memo, NULL);
}

static PyObject *value_reduce(PyObject *self, PyObject *Py_UNUSED(protocol))
{
    return PyObject_CallOneArg(shared.reduce, self);
}

/* ---- Gradients. ---- */

static PyObject *value_item(PyObject *self, PyObject *Py_UNUSED(none))
{
    return detach(self, "item") ? get_number(self, NULL) : NULL;
}

static PyObject *value_detach(PyObject *self, PyObject *Py_UNUSED(none))
{
    if (!detach(self, "detach"))
        return NULL;
    return labelled_leaf(((Value *)self)->data, ((Value *)self)->label);
}

/* The watchers are told of the adjoints before they are committed. */
static RARE PyObject *backward_watched(Value *root, double gradient)
{
    Operand start = {NULL, gradient};
    Request r = {.start = {&root, 1}, .numbers = &start, .since = INT64_MIN};
    PyObject *found = answer_all(&r), *node, *adjoint;
    Py_ssize_t place = 0;
    if (!found)
        return NULL;
    while (PyDict_Next(found, &place, &node, &adjoint)) {
        if (is_value(node) && PyFloat_CheckExact(adjoint)) /* whoever got hold of the dict may have spoilt it */
            commit((Value *)node, PyFloat_AS_DOUBLE(adjoint));
    }
    Py_DECREF(found);
    Py_RETURN_NONE;
}

/* The backward pass; false with an exception, and then nothing is committed. */
static bool backward(Value *root, double gradient)
{
    const Nodes roots = {&root, 1};
    const Operand cotangent = {NULL, gradient};
#ifdef HAS_SLABS
    if (walk_to_commit(roots, &cotangent) || PyErr_Occurred())
        return !PyErr_Occurred();
#endif
    Graph g;
    if (!sort_and_mark(&g, roots, true, INT64_MIN, (Nodes){NULL, 0}))
        return false;
    Position at = position_of(root);
    unmark(&g);
    start_sweep(&g, &at, &cotangent, 1);
    bool done = sweep(&g);
    for (size_t i = 0; done && i < g.places.count; i++)
        commit(g.places.items[i].node, g.adjoint[i]);
    free_graph(&g);
    return done;
}

static PyObject *value_backward(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"gradient", NULL};
    PyObject *x = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:backward", names, &x))
        return NULL;
    Value *root = (Value *)self;
    if (root->state.is_constant)
        return PyObject_CallOneArg(shared.refuse_constant, self); /* raises */
    double gradient = x ? plain_double("gradient", x) : 1.0;
    if (gradient == -1.0 && PyErr_Occurred())
        return NULL;
    Mode mode;
    if (!find_mode(&mode))
        return NULL;
    if (mode.is_watched)
        return backward_watched(root, gradient);
    return backward(root, gradient) ? Py_NewRef(Py_None) : NULL;
}

static PyObject *value_zero_grad(PyObject *self, PyObject *Py_UNUSED(none))
{
    Graph g;
    Value *root = (Value *)self;
    if (!sort(&g, (Nodes){&root, 1}, false, INT64_MIN))
        return NULL;
    for (size_t i = 0; i < g.places.count; i++)
        g.places.items[i].node->grad = 0.0;
    free_graph(&g);
    Py_RETURN_NONE;
}

/* ---- The class. Each docstring here is a signature; the text comes from value.py when the module is loaded. ---- */

#define UNARY_METHOD(spelling, name) {#spelling, value_##name, METH_NOARGS, #spelling "($self)\n--\n\n"},
#define BINARY_METHOD(spelling, name) OTHER_METHOD(spelling, name, "$self, other")
#define OTHER_METHOD(spelling, name, signature) \
    {#spelling, (PyCFunction)(void (*)(void))value_##name, METH_FASTCALL | METH_KEYWORDS, \
     #spelling "(" signature ")\n--\n\n"},

static PyMethodDef value_methods[] = {
    {"backward", (PyCFunction)(void (*)(void))value_backward, METH_VARARGS | METH_KEYWORDS,
     "backward($self, gradient=1.0)\n--\n\n"},
    {"zero_grad", value_zero_grad, METH_NOARGS, "zero_grad($self)\n--\n\n"},
    {"item", value_item, METH_NOARGS, "item($self)\n--\n\n"},
    {"detach", value_detach, METH_NOARGS, "detach($self)\n--\n\n"},
    UNARY_METHODS(UNARY_METHOD)
    BINARY_METHODS(BINARY_METHOD)
    OTHER_METHODS(OTHER_METHOD)
    {"as_integer_ratio", value_as_integer_ratio, METH_NOARGS, "as_integer_ratio($self)\n--\n\n"},
    {"conjugate", value_conjugate, METH_NOARGS, "conjugate($self)\n--\n\n"},
    {"__array_ufunc__", (PyCFunction)(void (*)(void))value_array_ufunc, METH_VARARGS | METH_KEYWORDS,
     "__array_ufunc__($self, ufunc, method, *inputs, **options)\n--\n\n"},
    {"__array_function__", (PyCFunction)(void (*)(void))value_array_function, METH_VARARGS | METH_KEYWORDS,
     "__array_function__($self, function, types, args, kwargs)\n--\n\n"},
    {"__round__", (PyCFunction)(void (*)(void))value_round, METH_VARARGS | METH_KEYWORDS,
     "__round__($self, ndigits=None)\n--\n\n"},
    {"__floor__", value_floor, METH_NOARGS, "__floor__($self)\n--\n\n"},
    {"__ceil__", value_ceil, METH_NOARGS, "__ceil__($self)\n--\n\n"},
    {"__trunc__", value_trunc, METH_NOARGS, "__trunc__($self)\n--\n\n"},
    {"__format__", value_format, METH_O, "__format__($self, spec)\n--\n\n"},
    {"_repr_svg_", value_picture, METH_NOARGS, "_repr_svg_($self)\n--\n\n"},
    {"_repr_html_", value_refusal, METH_NOARGS, "_repr_html_($self)\n--\n\n"},
    {"__copy__", value_copy, METH_NOARGS, "__copy__($self)\n--\n\n"},
    {"__deepcopy__", value_deepcopy, METH_O, "__deepcopy__($self, memo)\n--\n\n"},
    {"__reduce_ex__", value_reduce, METH_O, "__reduce_ex__($self, protocol)\n--\n\n"},
    {"_apply", (PyCFunction)(void (*)(void))value_apply, METH_FASTCALL | METH_STATIC, "_apply(op, *args)\n--\n\n"},
    {"_restore", (PyCFunction)(void (*)(void))value_restore, METH_FASTCALL | METH_STATIC,
     "_restore(op, args, data, grad, label, epoch)\n--\n\n"},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef value_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Value, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* A function as a slot has it, whose type is an object's pointer. */
#define SLOT(function) ((void *)(uintptr_t)(function))

static PyType_Slot value_slots[] = {
    {Py_tp_doc, NULL}, /* first, as make_class fills it in */
    {Py_tp_new, SLOT(value_new)},
    {Py_tp_dealloc, SLOT(value_dealloc)},
    {Py_tp_repr, SLOT(value_repr)},
    {Py_tp_hash, SLOT(value_hash)},
    {Py_tp_richcompare, SLOT(value_compare)},
    {Py_tp_methods, value_methods},
    {Py_tp_getset, value_getset},
    {Py_tp_members, value_members},
    {Py_nb_add, SLOT(value_add)},
    {Py_nb_subtract, SLOT(value_sub)},
    {Py_nb_multiply, SLOT(value_mul)},
    {Py_nb_true_divide, SLOT(value_div)},
    {Py_nb_floor_divide, SLOT(value_floordiv)},
    {Py_nb_remainder, SLOT(value_mod)},
    {Py_nb_divmod, SLOT(value_divmod)},
    {Py_nb_power, SLOT(value_pow)},
    {Py_nb_negative, SLOT(value_negative)},
    {Py_nb_positive, SLOT(value_positive)},
    {Py_nb_absolute, SLOT(value_absolute)},
    {Py_nb_bool, SLOT(value_bool)},
    {Py_nb_float, SLOT(value_float)},
    {Py_nb_int, SLOT(value_int)},
    {Py_nb_index, SLOT(value_index)},
    {0, NULL},
};

static PyType_Spec value_spec = {
    "autograd_mini.core.serving.Value", sizeof(Value), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, value_slots,
};

/* The class of the class: it says why Value has no subclasses, and where inspect.getsource finds a source to read. */
static PyObject *refuse_subclass(PyTypeObject *Py_UNUSED(type), PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    return PyObject_CallNoArgs(shared.refuse_subclass);
}

static PyObject *get_wrapped(PyObject *Py_UNUSED(type), void *Py_UNUSED(closure))
{
    return Py_NewRef(shared.textbook);
}

static PyGetSetDef final_getset[] = {
    {"__wrapped__", get_wrapped, NULL, "The textbook's class.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject final_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "final",
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_getset = final_getset,
    .tp_new = refuse_subclass,
};
