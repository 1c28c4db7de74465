/* The walk over the TLVs of a trust list, compiled: where a header ends, where its records lie, the bytes of a field.
 *
 * Python decides everything (mixedmode.trustlist.walk): this takes only what is written in the usual way, and answers
 * None for any other bytes, which Python's own walk then reads, or refuses with the offset and the reason. So nothing
 * here has a rule of its own that could differ: what is not None is what Python's walk says too.
 *
 * It stands in front of strangers. Every read lies between the ends that were checked when the function was entered; no
 * length that a file states is ever allocated before it is found to lie inside the file; nothing recurses; a walk takes
 * at least one byte a step, so it ends.
 *
 * Only Python's stable interface of 3.11 is used, so that one file serves every later Python.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <string.h>

#define TAG_AND_LENGTH 3
#define BEGINNING 5 /* 01 0002 and two bytes: the version of a file, the length of a record */
#define HEADER_LENGTH 2
#define PAD 13
#define USUAL_PADS 3

typedef struct {
    const unsigned char *at;
    Py_ssize_t size;
} Bytes;

static int bytes_of(PyObject *object, Bytes *bytes) {
    char *at;
    if (PyBytes_AsStringAndSize(object, &at, &bytes->size) < 0) return -1;
    bytes->at = (const unsigned char *)at;
    return 0;
}

/* Take a position that must lie in [from, to]. */
static int position_of(PyObject *object, Py_ssize_t from, Py_ssize_t to, Py_ssize_t *position) {
    *position = PyLong_AsSsize_t(object);
    if (*position == -1 && PyErr_Occurred()) return -1;
    if (*position >= from && *position <= to) return 0;
    PyErr_SetString(PyExc_ValueError, "a position lies outside of the file");
    return -1;
}

static int tag_of(PyObject *object, Py_ssize_t *tag) {
    *tag = PyLong_AsSsize_t(object);
    return *tag == -1 && PyErr_Occurred() ? -1 : 0;
}

static int count_is(Py_ssize_t count, Py_ssize_t wanted) {
    if (count == wanted) return 1;
    PyErr_Format(PyExc_TypeError, "%zd arguments are needed, not %zd", wanted, count);
    return 0;
}

static Py_ssize_t number_at(const unsigned char *at) { return (Py_ssize_t)at[0] << 8 | at[1]; }

/* Needs the five bytes to be there. */
static int begins_at(const unsigned char *at) { return at[0] == 1 && at[1] == 0 && at[2] == 2; }

static int holds(Bytes tags, unsigned char tag) { return tags.size > 0 && memchr(tags.at, tag, tags.size) != NULL; }

/* Return the byte after the field at pos, a container's being the first of its children; -1 if it runs past end.
 * pos <= end <= the file's size, and a field has at most 65538 bytes, so that nothing overflows. */
static Py_ssize_t after_field(const unsigned char *at, Py_ssize_t pos, Py_ssize_t end, Bytes containers) {
    if (end - pos < TAG_AND_LENGTH) return -1;
    Py_ssize_t value = pos + TAG_AND_LENGTH;
    if (holds(containers, at[pos])) return value;
    Py_ssize_t size = number_at(at + pos + 1);
    return size > end - value ? -1 : value + size;
}

PyDoc_STRVAR(header_doc, "header(data, containers, /)\n--\n\n\
Return where a header written in the usual way ends, None for any other.");

static PyObject *header(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    Bytes data, containers;
    if (!count_is(count, 2)) return NULL;
    if (!PyBytes_Check(arguments[0])) Py_RETURN_NONE;
    if (bytes_of(arguments[0], &data) < 0 || bytes_of(arguments[1], &containers) < 0) return NULL;
    if (data.size < BEGINNING || !begins_at(data.at)) Py_RETURN_NONE;
    Py_ssize_t pos = BEGINNING, limit = data.size;
    int has_length = 0;
    while (pos < limit) {
        unsigned char tag = data.at[pos];
        if (tag == PAD) {
            if (!has_length || limit - pos > USUAL_PADS) Py_RETURN_NONE;
            for (Py_ssize_t pad = pos; pad < limit; pad++)
                if (data.at[pad] != PAD) Py_RETURN_NONE;
            break;
        }
        if (tag == 1 && !has_length) Py_RETURN_NONE;
        Py_ssize_t after = after_field(data.at, pos, limit, containers);
        if (after < 0) Py_RETURN_NONE;
        if (tag == HEADER_LENGTH && !has_length) {
            if (after - pos != TAG_AND_LENGTH + 2) Py_RETURN_NONE;
            limit = number_at(data.at + pos + TAG_AND_LENGTH);
            if (limit < after || limit > data.size) Py_RETURN_NONE;
            has_length = 1;
        }
        pos = after;
    }
    if (!has_length) Py_RETURN_NONE;
    return PyLong_FromSsize_t(limit);
}

/* Return whether the fields of a record fill it exactly. */
static int is_filled(const unsigned char *at, Py_ssize_t pos, Py_ssize_t end) {
    static const Bytes no_containers = {NULL, 0};
    while (pos >= 0 && pos < end) pos = after_field(at, pos, end, no_containers);
    return pos == end;
}

static int append_span(PyObject *list, Py_ssize_t start, Py_ssize_t end) {
    PyObject *first = PyLong_FromSsize_t(start), *last = PyLong_FromSsize_t(end);
    PyObject *span = first && last ? PyTuple_Pack(2, first, last) : NULL;
    int failed = span == NULL || PyList_Append(list, span) < 0;
    Py_XDECREF(first);
    Py_XDECREF(last);
    Py_XDECREF(span);
    return failed ? -1 : 0;
}

PyDoc_STRVAR(records_doc, "records(data, start, most, /)\n--\n\n\
Return where each record from start to the end of the file lies, None if one is unusual or there are more than most.");

static PyObject *records(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    Bytes data;
    Py_ssize_t pos, most;
    if (!count_is(count, 3) || bytes_of(arguments[0], &data) < 0 ||
        position_of(arguments[1], 0, data.size, &pos) < 0 ||
        position_of(arguments[2], 0, PY_SSIZE_T_MAX, &most) < 0)
        return NULL;
    PyObject *spans = PyList_New(0);
    if (spans == NULL) return NULL;
    for (; pos < data.size; most--) {
        if (most == 0 || data.size - pos < BEGINNING || !begins_at(data.at + pos)) goto unusual;
        Py_ssize_t length = number_at(data.at + pos + TAG_AND_LENGTH);
        if (length < BEGINNING || length > data.size - pos) goto unusual;
        if (!is_filled(data.at, pos + BEGINNING, pos + length)) goto unusual;
        if (append_span(spans, pos, pos + length) < 0) {
            Py_DECREF(spans);
            return NULL;
        }
        pos += length;
    }
    return spans;
unusual:
    Py_DECREF(spans);
    Py_RETURN_NONE;
}

/* What value(), values() and without() are asked of: the fields between start and end. */
typedef struct {
    Bytes data, containers;
    Py_ssize_t start, end;
} Fields;

/* Take data, start, end and containers. */
static int fields_of(PyObject *const *arguments, Fields *fields) {
    if (bytes_of(arguments[0], &fields->data) < 0 ||
        position_of(arguments[1], 0, fields->data.size, &fields->start) < 0 ||
        position_of(arguments[2], fields->start, fields->data.size, &fields->end) < 0)
        return -1;
    return bytes_of(arguments[3], &fields->containers);
}

/* Return where the first field of a tag begins, -1 if there is none. */
static Py_ssize_t offset_of(const Fields *fields, Py_ssize_t tag) {
    Py_ssize_t pos = fields->start;
    while (pos < fields->end) {
        Py_ssize_t after = after_field(fields->data.at, pos, fields->end, fields->containers);
        if (after < 0) break;
        if (fields->data.at[pos] == tag) return pos;
        pos = after;
    }
    return -1;
}

/* Return where the value of the field at pos ends, at most the file's end: a container's length has not been checked. */
static Py_ssize_t end_of_value(Bytes data, Py_ssize_t pos) {
    Py_ssize_t start = pos + TAG_AND_LENGTH, size = number_at(data.at + pos + 1);
    return size > data.size - start ? data.size : start + size;
}

static PyObject *value_of(const Fields *fields, Py_ssize_t tag) {
    Py_ssize_t pos = offset_of(fields, tag);
    if (pos < 0) Py_RETURN_NONE;
    Py_ssize_t start = pos + TAG_AND_LENGTH;
    return PyBytes_FromStringAndSize((const char *)fields->data.at + start, end_of_value(fields->data, pos) - start);
}

PyDoc_STRVAR(value_doc, "value(data, start, end, containers, tag, /)\n--\n\n\
Return the value of the first field of a tag between start and end, None if there is none.");

static PyObject *value(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    Fields fields;
    Py_ssize_t tag;
    if (!count_is(count, 5) || fields_of(arguments, &fields) < 0 || tag_of(arguments[4], &tag) < 0)
        return NULL;
    return value_of(&fields, tag);
}

PyDoc_STRVAR(values_doc, "values(data, start, end, containers, tags, /)\n--\n\n\
Return the values of the first fields of some tags, in their order.");

static PyObject *values(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    Fields fields;
    Bytes tags;
    if (!count_is(count, 5) || fields_of(arguments, &fields) < 0 || bytes_of(arguments[4], &tags) < 0) return NULL;
    PyObject *found = PyTuple_New(tags.size);
    for (Py_ssize_t i = 0; found != NULL && i < tags.size; i++) {
        PyObject *one = value_of(&fields, tags.at[i]);
        if (one == NULL || PyTuple_SetItem(found, i, one) < 0) Py_CLEAR(found);
    }
    return found;
}

PyDoc_STRVAR(without_doc, "without(data, start, end, containers, tag, /)\n--\n\n\
Return the file without the first field of a tag between start and end, None if there is none.");

static PyObject *without(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    Fields fields;
    Py_ssize_t tag;
    if (!count_is(count, 5) || fields_of(arguments, &fields) < 0 || tag_of(arguments[4], &tag) < 0)
        return NULL;
    Py_ssize_t pos = offset_of(&fields, tag);
    if (pos < 0) Py_RETURN_NONE;
    Py_ssize_t after = end_of_value(fields.data, pos), rest = fields.data.size - after;
    PyObject *made = PyBytes_FromStringAndSize(NULL, pos + rest);
    if (made == NULL) return NULL;
    char *to = PyBytes_AsString(made);
    memcpy(to, fields.data.at, pos);
    memcpy(to + pos, fields.data.at + after, rest);
    return made;
}

static PyMethodDef functions[] = {
    {"header", (PyCFunction)(void (*)(void))header, METH_FASTCALL, header_doc},
    {"records", (PyCFunction)(void (*)(void))records, METH_FASTCALL, records_doc},
    {"value", (PyCFunction)(void (*)(void))value, METH_FASTCALL, value_doc},
    {"values", (PyCFunction)(void (*)(void))values, METH_FASTCALL, values_doc},
    {"without", (PyCFunction)(void (*)(void))without, METH_FASTCALL, without_doc},
    {NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_spans",
    .m_doc = "The walk over the TLVs of a trust list, compiled.",
    .m_size = 0,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__spans(void) { return PyModule_Create(&module); }
