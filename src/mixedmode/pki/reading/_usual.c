/* The way to the public key of a certificate, compiled.
 *
 * It is the short way of mixedmode.pki.reading.outline, step by step: it takes certificates that are written as nearly
 * all are, and answers None for any other, which Python then reads or refuses with the reason.
 *
 * It stands in front of strangers: every read lies inside the certificate, no length that it states is allocated before
 * it is found to lie inside, nothing recurses, and there are eight steps.
 *
 * Only Python's stable interface of 3.11 is used, so that one file serves every later Python.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

enum { INTEGER = 0x02, BIT_STRING = 0x03, SEQUENCE = 0x30, VERSION = 0xA0, LONG = 0x80, ONE_OCTET = 0x81, TWO_OCTETS = 0x82 };

static Py_ssize_t number_at(const unsigned char *at) { return (Py_ssize_t)at[0] << 8 | at[1]; }

/* Return the byte after the field of a kind at pos, -1 if it is another one or does not end inside the certificate.
 * 0 <= pos <= size, and a field has at most 65539 bytes, so that nothing overflows. */
static Py_ssize_t after(const unsigned char *at, Py_ssize_t pos, Py_ssize_t size, int kind) {
    if (size - pos < 4 || at[pos] != kind) return -1;
    Py_ssize_t start = pos + 2, length = at[pos + 1];
    if (length == TWO_OCTETS) {
        start = pos + 4;
        length = number_at(at + pos + 2);
    } else if (length >= LONG) {
        return -1;
    }
    return length > size - start ? -1 : start + length;
}

PyDoc_STRVAR(usual_key_doc, "usual_key(der, /)\n--\n\n\
Return the public key of a certificate that is written in the usual way, None for any other.");

static PyObject *usual_key(PyObject *self, PyObject *der) {
    static const int kinds[] = {INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE};
    char *bytes;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(der, &bytes, &size) < 0) return NULL;
    const unsigned char *at = (const unsigned char *)bytes;
    if (size < 10 || at[0] != SEQUENCE || at[1] != TWO_OCTETS || at[4] != SEQUENCE || at[5] != TWO_OCTETS) Py_RETURN_NONE;
    Py_ssize_t end = 8 + number_at(at + 6), start = 8, pos = 8;
    if (4 + number_at(at + 2) != size || end > size) Py_RETURN_NONE;
    if (at[pos] == VERSION) {
        pos += 2 + at[pos + 1];
        if (pos > end) Py_RETURN_NONE;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        start = pos;
        pos = after(at, pos, end, kinds[i]);
        if (pos < 0) Py_RETURN_NONE;
    }
    /* Behind what is signed, an algorithm and the signature of an RSA key fill the rest. */
    Py_ssize_t next = after(at, end, size, SEQUENCE);
    if (next < 0 || at[end + 1] >= LONG || size - next < 4 || at[next] != BIT_STRING) Py_RETURN_NONE;
    Py_ssize_t last = at[next + 1] == TWO_OCTETS  ? next + 4 + number_at(at + next + 2)
                      : at[next + 1] == ONE_OCTET ? next + 3 + at[next + 2]
                                                  : -1;
    return last == size ? PyBytes_FromStringAndSize(bytes + start, pos - start) : Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
    {"usual_key", usual_key, METH_O, usual_key_doc},
    {NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_usual",
    .m_doc = "The way to the public key of a certificate, compiled.",
    .m_size = 0,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__usual(void) { return PyModule_Create(&module); }
