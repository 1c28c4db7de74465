/* The inner loop of the TFTP service, compiled: many datagrams in one system call, and transfers in lockstep without
 * a line of Python for each packet.
 *
 * Python's engine (mixedmode.protocols.tftp) decides everything. A transfer in lockstep (window of one, packets ready)
 * is lent to a Lockstep, which does one thing: when the awaited ACK comes, send the next DATA packet. Any other
 * datagram comes out of turn() for the engine, which first asks where() the transfer stands. Of a file that is not in
 * memory a part is lent, and after it the next one. The package works the same without this module
 * (services/tftp/mmsg.py); it is then slower.
 *
 * Only Python's stable interface of 3.11 is used, so that one file serves every later Python.
 *
 * Memory: a slot holds a reference to a tuple of packets, which belong to the file or are the part; 40 bytes a slot.
 */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 256
#define SPACE 1024 /* no datagram that a client may send is longer than a request: 512 bytes */
#define ACK 4

static unsigned char payload[BATCH][SPACE];
static struct sockaddr_in names_in[BATCH], names_out[BATCH];
static struct iovec iov_in[BATCH], iov_out[BATCH];
static struct mmsghdr heads_in[BATCH], heads_out[BATCH];

static void prepare(void) {
    for (int i = 0; i < BATCH; i++) {
        iov_in[i].iov_base = payload[i];
        iov_in[i].iov_len = SPACE;
        heads_in[i].msg_hdr.msg_iov = &iov_in[i];
        heads_in[i].msg_hdr.msg_iovlen = 1;
        heads_in[i].msg_hdr.msg_name = &names_in[i];
        heads_out[i].msg_hdr.msg_iov = &iov_out[i];
        heads_out[i].msg_hdr.msg_iovlen = 1;
        heads_out[i].msg_hdr.msg_name = &names_out[i];
        heads_out[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_in);
    }
}

/* The buffers are shared by all callers: the GIL is held from filling to using them. */
static int take(int fd) {
    for (int i = 0; i < BATCH; i++) heads_in[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_in);
    int count = recvmmsg(fd, heads_in, BATCH, MSG_DONTWAIT, NULL);
    return count < 0 ? 0 : count;
}

static int give(int fd, int count) {
    int done = 0, failed = 0;
    while (done < count) {
        int sent = sendmmsg(fd, heads_out + done, count - done, MSG_DONTWAIT);
        if (sent <= 0) { /* the first of the rest is refused: go on behind it */
            if (sent < 0 && errno == EINTR) continue;
            failed++;
            sent = 1;
        }
        done += sent;
    }
    return failed;
}

static PyObject *pair(int i) {
    PyObject *data = PyBytes_FromStringAndSize((char *)payload[i], heads_in[i].msg_len);
    PyObject *name = PyBytes_FromStringAndSize((char *)&names_in[i], sizeof names_in[i]);
    PyObject *both = data && name ? PyTuple_Pack(2, data, name) : NULL;
    Py_XDECREF(data);
    Py_XDECREF(name);
    return both;
}

static int append_pair(PyObject *list, int i) {
    PyObject *both = pair(i);
    int failed = both == NULL || PyList_Append(list, both) < 0;
    Py_XDECREF(both);
    return failed ? -1 : 0;
}

PyDoc_STRVAR(receive_doc, "receive(descriptor) -> list of (datagram, address)\n\nNever waits; at most 256.");
static PyObject *receive(PyObject *self, PyObject *args) {
    int fd;
    if (!PyArg_ParseTuple(args, "i", &fd)) return NULL;
    int count = take(fd);
    PyObject *list = PyList_New(count);
    if (list == NULL) return NULL;
    for (int i = 0; i < count; i++) {
        PyObject *both = pair(i);
        if (both == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SetItem(list, i, both);
    }
    return list;
}

PyDoc_STRVAR(send_doc, "send(descriptor, [(packet, address), ...]) -> how many the kernel did not take");
static PyObject *send_pairs(PyObject *self, PyObject *args) {
    int fd, failed = 0;
    PyObject *list;
    if (!PyArg_ParseTuple(args, "iO!", &fd, &PyList_Type, &list)) return NULL;
    Py_ssize_t total = PyList_Size(list);
    for (Py_ssize_t start = 0; start < total; start += BATCH) {
        int count = (int)(total - start < BATCH ? total - start : BATCH);
        for (int i = 0; i < count; i++) {
            PyObject *item = PyList_GetItem(list, start + i);
            if (!PyTuple_Check(item) || PyTuple_Size(item) != 2 || !PyBytes_Check(PyTuple_GetItem(item, 0)) ||
                !PyBytes_Check(PyTuple_GetItem(item, 1)) ||
                PyBytes_Size(PyTuple_GetItem(item, 1)) != sizeof(struct sockaddr_in)) {
                PyErr_SetString(PyExc_TypeError, "a list of (packet, 16-byte address) is needed");
                return NULL;
            }
            PyObject *packet = PyTuple_GetItem(item, 0);
            iov_out[i].iov_base = PyBytes_AsString(packet);
            iov_out[i].iov_len = PyBytes_Size(packet);
            memcpy(&names_out[i], PyBytes_AsString(PyTuple_GetItem(item, 1)), sizeof(struct sockaddr_in));
        }
        failed += give(fd, count);
    }
    return PyLong_FromLong(failed);
}

/* Transfers by client: open addressing, linear probing, a deleted slot closes its gap. */
typedef struct {
    uint64_t key; /* address and port; 0 is a free slot, and no client */
    PyObject *packets;
    uint32_t first, sent, last; /* packets[0] is block `first` */
    double sent_at;
} Slot;

typedef struct {
    PyObject_HEAD
    Slot *slots;
    size_t mask, used;
} Lockstep;

static uint64_t key_of(const struct sockaddr_in *name) {
    return (uint64_t)name->sin_addr.s_addr << 16 | name->sin_port;
}

/* The uppermost bits hang on all 48 of the key: the phones of a subnet differ in the last byte of their addresses only,
 * which are the key's highest bits, and after a power cut many of them ask from the same port. */
static size_t home(uint64_t key, size_t mask) {
    return (size_t)((key * 0x9E3779B97F4A7C15ull) >> 40) & mask;
}

static Slot *find(Lockstep *self, uint64_t key) {
    for (size_t i = home(key, self->mask);; i = (i + 1) & self->mask) {
        Slot *slot = &self->slots[i];
        if (slot->key == key) return slot;
        if (slot->key == 0) return NULL;
    }
}

static PyObject *cut(Lockstep *self, Slot *slot) { /* returns the reference that the slot held */
    PyObject *packets = slot->packets;
    size_t gap = slot - self->slots;
    for (size_t i = (gap + 1) & self->mask; self->slots[i].key != 0; i = (i + 1) & self->mask) {
        size_t wanted = home(self->slots[i].key, self->mask);
        if (((i - wanted) & self->mask) >= ((i - gap) & self->mask)) {
            self->slots[gap] = self->slots[i];
            gap = i;
        }
    }
    self->slots[gap].key = 0;
    self->slots[gap].packets = NULL;
    self->used--;
    return packets;
}

static int grow(Lockstep *self) {
    size_t size = 2 * (self->mask + 1);
    Slot *slots = PyMem_Calloc(size, sizeof(Slot));
    if (slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i <= self->mask; i++) {
        if (self->slots[i].key == 0) continue;
        size_t at = home(self->slots[i].key, size - 1);
        while (slots[at].key != 0) at = (at + 1) & (size - 1);
        slots[at] = self->slots[i];
    }
    PyMem_Free(self->slots);
    self->slots = slots;
    self->mask = size - 1;
    return 0;
}

static int address_of(PyObject *object, uint64_t *key) {
    if (!PyBytes_Check(object) || PyBytes_Size(object) != sizeof(struct sockaddr_in)) {
        PyErr_SetString(PyExc_TypeError, "an address is the 16 bytes of a sockaddr_in");
        return -1;
    }
    struct sockaddr_in name;
    memcpy(&name, PyBytes_AsString(object), sizeof name);
    *key = key_of(&name);
    return 0;
}

static PyObject *put(Lockstep *self, PyObject *address, PyObject *packets, uint32_t first, uint32_t sent, double now) {
    uint64_t key;
    if (address_of(address, &key) < 0) return NULL;
    uint64_t end = first + (uint64_t)PyTuple_Size(packets);
    /* The block that is out may be the one before the first, but one must be left to send, or have been sent. */
    if (key == 0 || sent == 0 || (uint64_t)sent + 1 < first || sent >= end || end > UINT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "no such block, or no such client");
        return NULL;
    }
    Slot *slot = find(self, key);
    if (slot == NULL) {
        if (2 * (self->used + 1) > self->mask && grow(self) < 0) return NULL;
        size_t at = home(key, self->mask);
        while (self->slots[at].key != 0) at = (at + 1) & self->mask;
        slot = &self->slots[at];
        slot->key = key;
        self->used++;
    }
    PyObject *before = slot->packets;
    Py_INCREF(packets);
    slot->packets = packets;
    Py_XDECREF(before);
    slot->first = first;
    slot->sent = sent;
    slot->last = (uint32_t)(end - 1);
    slot->sent_at = now;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(lend_doc,
             "lend(address, packets, sent, sent_at)\n\nTake a transfer: block `sent` is out since then, packets[sent] its packet.");
static PyObject *lend(Lockstep *self, PyObject *args) {
    PyObject *address, *packets;
    unsigned int sent;
    double now;
    if (!PyArg_ParseTuple(args, "OO!Id", &address, &PyTuple_Type, &packets, &sent, &now)) return NULL;
    return put(self, address, packets, 0, sent, now);
}

PyDoc_STRVAR(lend_part_doc,
             "lend_part(address, packets, first, sent, sent_at)\n\n"
             "Take a transfer for some blocks: packets[0] is block `first`, and block `sent`, which may be the one before\n"
             "it, is out since then.");
static PyObject *lend_part(Lockstep *self, PyObject *args) {
    PyObject *address, *packets;
    unsigned int first, sent;
    double now;
    if (!PyArg_ParseTuple(args, "OO!IId", &address, &PyTuple_Type, &packets, &first, &sent, &now)) return NULL;
    return put(self, address, packets, first, sent, now);
}

PyDoc_STRVAR(where_doc, "where(address) -> (block that is out, when it was sent), or None for a transfer that is not here");
static PyObject *where(Lockstep *self, PyObject *address) {
    uint64_t key;
    if (address_of(address, &key) < 0) return NULL;
    Slot *slot = key ? find(self, key) : NULL;
    if (slot == NULL) Py_RETURN_NONE;
    return Py_BuildValue("Id", slot->sent, slot->sent_at);
}

PyDoc_STRVAR(take_back_doc, "take_back(address) -> as where(); the transfer is not here any more");
static PyObject *take_back(Lockstep *self, PyObject *address) {
    uint64_t key;
    if (address_of(address, &key) < 0) return NULL;
    Slot *slot = key ? find(self, key) : NULL;
    if (slot == NULL) Py_RETURN_NONE;
    PyObject *found = Py_BuildValue("Id", slot->sent, slot->sent_at);
    Py_XDECREF(cut(self, slot));
    return found;
}

PyDoc_STRVAR(turn_doc,
             "turn(descriptor, now) -> (received, failed, others, ended)\n\n"
             "Read up to 256 datagrams and answer the awaited ACKs among them.\n"
             "received: how many came. failed: packets that the kernel did not take. others: [(datagram, address)] for\n"
             "the engine. ended: addresses of transfers whose last block here was acknowledged; they are not here any\n"
             "more.");
static PyObject *turn(Lockstep *self, PyObject *args) {
    int fd;
    double now;
    if (!PyArg_ParseTuple(args, "id", &fd, &now)) return NULL;
    PyObject *others = PyList_New(0), *ended = PyList_New(0);
    PyObject *kept = NULL; /* packets of transfers that ended while one of theirs still waits in this batch */
    if (others == NULL || ended == NULL) goto failure;
    int count = take(fd), out = 0;
    for (int i = 0; i < count; i++) {
        const unsigned char *data = payload[i];
        Slot *slot = NULL;
        uint64_t key = key_of(&names_in[i]);
        if (heads_in[i].msg_len == 4 && data[0] == 0 && data[1] == ACK && key != 0) slot = find(self, key);
        if (slot == NULL || (slot->sent & 0xffff) != (uint32_t)(data[2] << 8 | data[3])) {
            if (append_pair(others, i) < 0) goto failure;
            continue;
        }
        slot->sent_at = now;
        if (slot->sent == slot->last) {
            PyObject *name = PyBytes_FromStringAndSize((char *)&names_in[i], sizeof names_in[i]);
            int failed = name == NULL || PyList_Append(ended, name) < 0;
            Py_XDECREF(name);
            if (failed) goto failure;
            PyObject *packets = cut(self, slot);
            failed = (kept == NULL && (kept = PyList_New(0)) == NULL) || PyList_Append(kept, packets) < 0;
            Py_DECREF(packets);
            if (failed) goto failure;
            continue;
        }
        slot->sent++;
        PyObject *packet = PyTuple_GetItem(slot->packets, slot->sent - slot->first);
        if (!PyBytes_Check(packet)) {
            PyErr_SetString(PyExc_TypeError, "packets are bytes");
            goto failure;
        }
        iov_out[out].iov_base = PyBytes_AsString(packet);
        iov_out[out].iov_len = PyBytes_Size(packet);
        names_out[out++] = names_in[i];
    }
    int failed = give(fd, out);
    Py_XDECREF(kept);
    return Py_BuildValue("iiNN", count, failed, others, ended);
failure:
    Py_XDECREF(kept);
    Py_XDECREF(others);
    Py_XDECREF(ended);
    return NULL;
}

static PyObject *lockstep_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Lockstep *self = (Lockstep *)allocate(type, 0);
    if (self == NULL) return NULL;
    self->mask = 63;
    self->slots = PyMem_Calloc(self->mask + 1, sizeof(Slot));
    if (self->slots == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void lockstep_dealloc(Lockstep *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    if (self->slots != NULL) {
        for (size_t i = 0; i <= self->mask; i++) Py_XDECREF(self->slots[i].packets);
        PyMem_Free(self->slots);
    }
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static Py_ssize_t lockstep_length(Lockstep *self) { return (Py_ssize_t)self->used; }

static PyMethodDef lockstep_methods[] = {
    {"lend", (PyCFunction)lend, METH_VARARGS, lend_doc},
    {"lend_part", (PyCFunction)lend_part, METH_VARARGS, lend_part_doc},
    {"where", (PyCFunction)where, METH_O, where_doc},
    {"take_back", (PyCFunction)take_back, METH_O, take_back_doc},
    {"turn", (PyCFunction)turn, METH_VARARGS, turn_doc},
    {NULL},
};

static PyType_Slot lockstep_slots[] = {
    {Py_tp_doc, "Transfers in lockstep, by client."},
    {Py_tp_new, lockstep_new},
    {Py_tp_dealloc, lockstep_dealloc},
    {Py_tp_methods, lockstep_methods},
    {Py_sq_length, lockstep_length},
    {0, NULL},
};

static PyType_Spec lockstep_spec = {
    .name = "mixedmode.services.tftp._lockstep.Lockstep",
    .basicsize = sizeof(Lockstep),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = lockstep_slots,
};

static PyMethodDef functions[] = {
    {"receive", receive, METH_VARARGS, receive_doc},
    {"send", send_pairs, METH_VARARGS, send_doc},
    {NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_lockstep",
    .m_doc = "The inner loop of the TFTP service, compiled.",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__lockstep(void) {
    prepare();
    PyObject *made = PyModule_Create(&module);
    PyObject *type = made ? PyType_FromSpec(&lockstep_spec) : NULL;
    if (type == NULL || PyModule_AddObjectRef(made, "Lockstep", type) < 0) {
        Py_XDECREF(type);
        Py_XDECREF(made);
        return NULL;
    }
    Py_DECREF(type);
    return made;
}
