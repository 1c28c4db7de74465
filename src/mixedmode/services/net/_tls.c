/* TLS connections of a server, compiled: OpenSSL straight on the socket, without a line of Python between two bytes of
 * a handshake.
 *
 * Three types: Keys (an SSL_CTX), Pump (an epoll set with its connections) and Channel (one connection). A channel
 * does what services/net/tls_channel.py does in Python, and tells its owner (services/net/tls_transport.py) the same things in
 * the same order; the owner decides everything: limits, times, how a connection ends. The package works the same
 * without this module; handshakes then cost more.
 *
 * Rules:
 * 1. All cryptography and every byte of TLS is OpenSSL's, through its documented functions. It reads and writes
 *    memory (a BIO of ours), never the socket, so that what one reading leads to goes out in one send.
 * 2. What a client may make us keep is bounded: READ_BYTES of input a turn, one record within OpenSSL, and the output
 *    that the owner allows.
 * 3. The GIL is released for handshakes alone. `busy` keeps every other call out meanwhile.
 * 4. A channel may be closed by any call of its owner: after each of them `fd` tells whether there is still one.
 */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 4096     /* at once; what phones send is shorter */
#define EVENTS 64           /* a turn: the loop has other things to do between two of them */
#define FIRST_ROOM 4096     /* of an output buffer: a server's flight with an RSA certificate fits */
#define FLUSH_AT (64 << 10) /* output that is not kept back any longer */

static BIO_METHOD *memory;
static PyObject *ssl_error;
static PyObject *say_shaken, *say_received, *say_ended, *say_refused, *say_lost, *say_dropped, *say_backed_up, *say_drained;
static PyTypeObject *keys_type, *channel_type;

typedef struct {
    PyObject_HEAD
    SSL_CTX *context;
} Keys;

typedef struct Channel Channel;

typedef struct {
    PyObject_HEAD
    int epoll;
    bool busy;
    Channel **channels; /* by file descriptor; each holds a reference */
    int room;
    Py_ssize_t open;
    unsigned char in[READ_BYTES]; /* what `reader` has just got from its socket */
    size_t in_at, in_end;
    Channel *reader;
    unsigned char *spare; /* an output buffer of FIRST_ROOM bytes for whoever needs one next */
} Pump;

struct Channel {
    PyObject_HEAD
    Pump *pump;
    Keys *keys;
    PyObject *owner; /* until closed */
    SSL *ssl;        /* from the first byte */
    int fd;          /* -1 when closed */
    uint32_t waits_for; /* what epoll is asked for */
    bool made, paused, leaving, deferring;
    unsigned char *out; /* made by OpenSSL, from out_at on not sent */
    size_t out_at, out_end, out_room;
    unsigned char *kept; /* got before the owner paused */
    size_t kept_at, kept_end;
};

/* What OpenSSL reads and writes. */

static int bio_read(BIO *bio, char *data, int size) {
    Channel *c = BIO_get_data(bio);
    Pump *pump = c->pump;
    BIO_clear_retry_flags(bio);
    size_t room = size < 0 ? 0 : (size_t)size, got = 0;
    if (c->kept_at < c->kept_end) {
        got = c->kept_end - c->kept_at < room ? c->kept_end - c->kept_at : room;
        memcpy(data, c->kept + c->kept_at, got);
        c->kept_at += got;
    } else if (pump->reader == c && pump->in_at < pump->in_end) {
        got = pump->in_end - pump->in_at < room ? pump->in_end - pump->in_at : room;
        memcpy(data, pump->in + pump->in_at, got);
        pump->in_at += got;
    } else {
        BIO_set_retry_read(bio);
        return -1;
    }
    return (int)got;
}

static int bio_write(BIO *bio, const char *data, int size) {
    Channel *c = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    size_t more = (size_t)size;
    if (c->out == NULL && more <= FIRST_ROOM && c->pump->spare != NULL) {
        c->out = c->pump->spare;
        c->out_room = FIRST_ROOM;
        c->pump->spare = NULL;
    }
    if (more > c->out_room - c->out_end) {
        size_t room = c->out_room ? c->out_room : FIRST_ROOM;
        while (room - c->out_end < more) room *= 2;
        unsigned char *grown = realloc(c->out, room);
        if (grown == NULL) return -1;
        c->out = grown;
        c->out_room = room;
    }
    memcpy(c->out + c->out_end, data, more);
    c->out_end += more;
    return size;
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer) {
    return what == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

/* A channel's memory and its socket. */

static size_t waiting(Channel *c) { return c->out_end - c->out_at; }

static void drop_output(Channel *c) {
    if (c->out_room == FIRST_ROOM && c->pump->spare == NULL) c->pump->spare = c->out;
    else free(c->out);
    c->out = NULL;
    c->out_at = c->out_end = c->out_room = 0;
}

static void ask(Channel *c, uint32_t events) {
    if (c->fd < 0 || events == c->waits_for) return;
    struct epoll_event event = {.events = events, .data.fd = c->fd};
    /* Nothing to wait for is no registration: epoll would tell of a hang-up over and over. It can fail only for want of
     * kernel memory; the owner's deadline ends such a connection. */
    int what = events == 0 ? EPOLL_CTL_DEL : c->waits_for == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    epoll_ctl(c->pump->epoll, what, c->fd, &event);
    c->waits_for = events;
}

static void shut(Channel *c) {
    if (c->fd < 0) return;
    c->pump->channels[c->fd] = NULL;
    c->pump->open--;
    close(c->fd); /* epoll forgets it with that */
    c->fd = -1;
    c->waits_for = 0;
    SSL_free(c->ssl);
    c->ssl = NULL;
    drop_output(c);
    free(c->kept);
    c->kept = NULL;
    c->kept_at = c->kept_end = 0;
    Py_CLEAR(c->owner);
    Py_DECREF(c);
}

/* Sends what there is; false where the client is gone. */
static bool flush(Channel *c) {
    if (c->fd < 0) return false;
    if (waiting(c) == 0 || c->waits_for & EPOLLOUT) return true;
    ssize_t sent = send(c->fd, c->out + c->out_at, waiting(c), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (sent > 0) c->out_at += sent;
    if (waiting(c) == 0) drop_output(c);
    else ask(c, c->waits_for | EPOLLOUT);
    return true;
}

/* Telling the owner. False: it raised something that nobody but the loop may catch. */

static bool tell(Channel *c, PyObject *what, PyObject *argument) {
    PyObject *owner = c->owner;
    if (owner == NULL) {
        Py_XDECREF(argument);
        return true;
    }
    Py_INCREF(owner);
    PyObject *result = argument ? PyObject_CallMethodOneArg(owner, what, argument) : PyObject_CallMethodNoArgs(owner, what);
    Py_DECREF(owner);
    Py_XDECREF(argument);
    Py_XDECREF(result);
    return result != NULL;
}

static PyObject *why_openssl(void) {
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    PyObject *error = PyObject_CallFunction(ssl_error, "is", SSL_ERROR_SSL, reason ? reason : "the connection is broken");
    ERR_clear_error();
    return error;
}

static void raise_openssl(void) {
    PyObject *error = why_openssl();
    if (error) PyErr_SetObject(ssl_error, error);
    Py_XDECREF(error);
}

static bool tell_refused(Channel *c) {
    PyObject *error = why_openssl();
    return error != NULL && tell(c, say_refused, error);
}

static bool tell_lost(Channel *c, int number) {
    PyObject *error = number ? PyObject_CallFunction(PyExc_OSError, "is", number, strerror(number)) : Py_NewRef(Py_None);
    return error != NULL && tell(c, say_lost, error);
}

/* The work. */

static bool begin_tls(Channel *c) {
    BIO *bio = BIO_new(memory);
    c->ssl = SSL_new(c->keys->context);
    if (bio == NULL || c->ssl == NULL) {
        BIO_free(bio);
        SSL_free(c->ssl);
        c->ssl = NULL;
        return false;
    }
    BIO_set_data(bio, c);
    SSL_set_bio(c->ssl, bio, bio);
    SSL_set_accept_state(c->ssl);
    return true;
}

static int shake(Channel *c) {
    int result, why;
    c->pump->busy = true;
    Py_BEGIN_ALLOW_THREADS
    ERR_clear_error();
    result = SSL_do_handshake(c->ssl);
    why = result == 1 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, result);
    Py_END_ALLOW_THREADS
    c->pump->busy = false;
    return why;
}

/* Hands over what has come, until there is no more or the owner wants no more. */
static bool deliver(Channel *c) {
    while (c->fd >= 0 && !c->paused && !c->leaving) {
        unsigned char data[READ_BYTES];
        size_t size = 0;
        ERR_clear_error();
        if (SSL_read_ex(c->ssl, data, sizeof data, &size)) {
            PyObject *bytes = PyBytes_FromStringAndSize((char *)data, (Py_ssize_t)size);
            OPENSSL_cleanse(data, size);
            if (bytes == NULL || !tell(c, say_received, bytes)) return false;
            continue;
        }
        switch (SSL_get_error(c->ssl, 0)) {
        case SSL_ERROR_WANT_READ: return true;
        case SSL_ERROR_ZERO_RETURN: return tell(c, say_ended, NULL);
        default: return tell_refused(c);
        }
    }
    return true;
}

/* Keeps what has come and was not asked for. */
static bool keep(Channel *c) {
    Pump *pump = c->pump;
    size_t old = c->kept_end - c->kept_at, fresh = pump->reader == c ? pump->in_end - pump->in_at : 0;
    if (c->fd < 0 || c->leaving || old + fresh == 0) {
        free(c->kept);
        c->kept = NULL;
        c->kept_at = c->kept_end = 0;
    } else if (fresh) {
        unsigned char *both = malloc(old + fresh);
        if (both == NULL) return PyErr_NoMemory() != NULL;
        if (old) memcpy(both, c->kept + c->kept_at, old);
        memcpy(both + old, pump->in + pump->in_at, fresh);
        free(c->kept);
        c->kept = both;
        c->kept_at = 0;
        c->kept_end = old + fresh;
    }
    return true;
}

static bool go_on(Channel *c) {
    if (c->fd < 0 || c->leaving) return true;
    if (c->ssl == NULL && !begin_tls(c)) return tell_refused(c);
    bool fine = true;
    c->deferring = true;
    if (!c->made) {
        int why = shake(c);
        if (why == SSL_ERROR_NONE) {
            c->made = true;
            fine = tell(c, say_shaken, NULL);
        } else if (why != SSL_ERROR_WANT_READ) fine = tell_refused(c);
    }
    if (fine && c->made) fine = deliver(c);
    c->deferring = false;
    fine = keep(c) && fine;
    if (!fine || c->fd < 0 || waiting(c) == 0) return fine;
    if (!flush(c)) return tell_lost(c, 0);
    return waiting(c) == 0 || tell(c, say_backed_up, NULL);
}

static bool readable(Channel *c) {
    Pump *pump = c->pump;
    ssize_t size = recv(c->fd, pump->in, READ_BYTES, 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR || tell_lost(c, errno);
    if (size == 0) return tell(c, say_ended, NULL);
    if (c->leaving) {
        PyObject *number = PyLong_FromSsize_t(size);
        return number != NULL && tell(c, say_dropped, number);
    }
    pump->reader = c;
    pump->in_at = 0;
    pump->in_end = (size_t)size;
    bool fine = go_on(c);
    pump->reader = NULL;
    return fine;
}

static bool writable(Channel *c) {
    ssize_t sent = send(c->fd, c->out + c->out_at, waiting(c), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR || tell_lost(c, errno);
    c->out_at += sent;
    if (waiting(c) == 0) {
        drop_output(c);
        ask(c, c->waits_for & ~(uint32_t)EPOLLOUT);
    }
    return tell(c, say_drained, NULL);
}

static bool is_free(Pump *pump) {
    if (pump->busy) PyErr_SetString(PyExc_RuntimeError, "another thread is in a handshake of this pump");
    return !pump->busy;
}

/* Channel. */

PyDoc_STRVAR(start_doc, "start(owner, /)\n--\n\nRead from now on, and tell the owner.");

static PyObject *channel_start(Channel *c, PyObject *owner) {
    if (!is_free(c->pump)) return NULL;
    if (c->fd >= 0) {
        Py_XSETREF(c->owner, Py_NewRef(owner));
        ask(c, EPOLLIN);
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(fileno_doc, "fileno()\n--\n\nReturn the socket's descriptor; -1 when closed.");

static PyObject *channel_fileno(Channel *c, PyObject *unused) { return PyLong_FromLong(c->fd); }

PyDoc_STRVAR(write_doc, "write(data, /)\n--\n\nSend bytes; return False where the client is gone.");

static PyObject *channel_write(Channel *c, PyObject *argument) {
    Py_buffer data;
    if (!is_free(c->pump) || PyObject_GetBuffer(argument, &data, PyBUF_SIMPLE) < 0) return NULL;
    size_t written;
    bool fine = true;
    ERR_clear_error();
    if (c->ssl == NULL) fine = false;
    else if (data.len && !SSL_write_ex(c->ssl, data.buf, (size_t)data.len, &written)) {
        raise_openssl();
        PyBuffer_Release(&data);
        return NULL;
    }
    PyBuffer_Release(&data);
    if (fine && (!c->deferring || waiting(c) > FLUSH_AT)) fine = flush(c);
    return PyBool_FromLong(fine);
}

PyDoc_STRVAR(flush_doc, "flush()\n--\n\nSend what there is; return False where the client is gone.");

static PyObject *channel_flush(Channel *c, PyObject *unused) {
    if (!is_free(c->pump)) return NULL;
    return PyBool_FromLong(flush(c));
}

PyDoc_STRVAR(pause_doc, "pause()\n--\n\nRead no more.");

static PyObject *channel_pause(Channel *c, PyObject *unused) {
    if (!is_free(c->pump)) return NULL;
    c->paused = true;
    ask(c, c->waits_for & ~(uint32_t)EPOLLIN);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(resume_doc, "resume()\n--\n\nRead again; go_on() delivers what came before.");

static PyObject *channel_resume(Channel *c, PyObject *unused) {
    if (!is_free(c->pump)) return NULL;
    c->paused = false;
    ask(c, c->waits_for | EPOLLIN);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(go_on_doc, "go_on()\n--\n\nDeliver what came before reading was paused.");

static PyObject *channel_go_on(Channel *c, PyObject *unused) {
    if (!is_free(c->pump)) return NULL;
    if (c->ssl == NULL || c->paused) Py_RETURN_NONE;
    Py_INCREF(c);
    bool fine = go_on(c);
    Py_DECREF(c);
    if (!fine) return NULL;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(leave_doc, "leave(goodbye, /)\n--\n\nDeliver no more; say close_notify if asked to.");

static PyObject *channel_leave(Channel *c, PyObject *goodbye) {
    if (!is_free(c->pump)) return NULL;
    c->leaving = true;
    if (c->ssl != NULL && PyObject_IsTrue(goodbye) == 1) {
        SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    Py_RETURN_NONE;
}

PyDoc_STRVAR(end_doc, "end()\n--\n\nEnd our side of TCP.");

static PyObject *channel_end(Channel *c, PyObject *unused) {
    if (c->fd >= 0) shutdown(c->fd, SHUT_WR);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(close_doc, "close()\n--\n\nClose the socket and forget everything. Closing twice does no harm.");

static PyObject *channel_close(Channel *c, PyObject *unused) {
    if (!is_free(c->pump)) return NULL;
    shut(c);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(about_doc, "about(name, /)\n--\n\nReturn (name, protocol, bits) for `cipher`, None for anything else.");

static PyObject *channel_about(Channel *c, PyObject *name) {
    const SSL_CIPHER *cipher = c->ssl ? SSL_get_current_cipher(c->ssl) : NULL;
    if (cipher == NULL || !PyUnicode_Check(name) || PyUnicode_CompareWithASCIIString(name, "cipher") != 0) Py_RETURN_NONE;
    return Py_BuildValue("(ssi)", SSL_CIPHER_get_name(cipher), SSL_CIPHER_get_version(cipher), SSL_CIPHER_get_bits(cipher, NULL));
}

static PyObject *channel_unsent(Channel *c, void *unused) { return PyLong_FromSize_t(waiting(c)); }

static int channel_traverse(Channel *c, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(c));
    Py_VISIT(c->pump);
    Py_VISIT(c->keys);
    Py_VISIT(c->owner);
    return 0;
}

static int channel_clear(Channel *c) {
    Py_CLEAR(c->owner);
    return 0;
}

static void channel_dealloc(Channel *c) {
    PyTypeObject *type = Py_TYPE(c);
    PyObject_GC_UnTrack(c);
    Py_CLEAR(c->owner);
    Py_CLEAR(c->keys);
    Py_CLEAR(c->pump);
    type->tp_free(c);
    Py_DECREF(type);
}

static PyMethodDef channel_methods[] = {
    {"start", (PyCFunction)channel_start, METH_O, start_doc},
    {"fileno", (PyCFunction)channel_fileno, METH_NOARGS, fileno_doc},
    {"write", (PyCFunction)channel_write, METH_O, write_doc},
    {"flush", (PyCFunction)channel_flush, METH_NOARGS, flush_doc},
    {"pause", (PyCFunction)channel_pause, METH_NOARGS, pause_doc},
    {"resume", (PyCFunction)channel_resume, METH_NOARGS, resume_doc},
    {"go_on", (PyCFunction)channel_go_on, METH_NOARGS, go_on_doc},
    {"leave", (PyCFunction)channel_leave, METH_O, leave_doc},
    {"end", (PyCFunction)channel_end, METH_NOARGS, end_doc},
    {"close", (PyCFunction)channel_close, METH_NOARGS, close_doc},
    {"about", (PyCFunction)channel_about, METH_O, about_doc},
    {NULL},
};

static PyGetSetDef channel_attributes[] = {
    {"unsent", (getter)channel_unsent, NULL, "Bytes that the client has not taken.", NULL},
    {NULL},
};

static PyType_Slot channel_slots[] = {
    {Py_tp_doc, "One connection; made by Pump.take()."},
    {Py_tp_dealloc, channel_dealloc},
    {Py_tp_traverse, channel_traverse},
    {Py_tp_clear, channel_clear},
    {Py_tp_methods, channel_methods},
    {Py_tp_getset, channel_attributes},
    {0, NULL},
};

static PyType_Spec channel_spec = {
    .name = "mixedmode.services.net._tls.Channel",
    .basicsize = sizeof(Channel),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = channel_slots,
};

/* Pump. */

static PyObject *pump_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    if (!PyArg_ParseTuple(args, "")) return NULL;
    Pump *pump = (Pump *)type->tp_alloc(type, 0);
    if (pump == NULL) return NULL;
    pump->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (pump->epoll < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(pump);
        return NULL;
    }
    return (PyObject *)pump;
}

PyDoc_STRVAR(pump_fileno_doc, "fileno()\n--\n\nReturn a descriptor that is readable when turn() has something to do.");

static PyObject *pump_fileno(Pump *pump, PyObject *unused) { return PyLong_FromLong(pump->epoll); }

PyDoc_STRVAR(take_doc, "take(fd, keys, /)\n--\n\nReturn a channel for a socket that does not block, which is its own from now on.");

static PyObject *pump_take(Pump *pump, PyObject *args) {
    int fd;
    Keys *keys;
    if (!PyArg_ParseTuple(args, "iO!", &fd, keys_type, &keys) || !is_free(pump)) return NULL;
    if (fd < 0 || pump->epoll < 0) {
        PyErr_SetString(PyExc_ValueError, "no such socket, or the pump is closed");
        return NULL;
    }
    if (fd >= pump->room) {
        int room = fd + 1 < 256 ? 256 : (fd + 1) * 2;
        Channel **grown = realloc(pump->channels, sizeof *grown * (size_t)room);
        if (grown == NULL) return PyErr_NoMemory();
        memset(grown + pump->room, 0, sizeof *grown * (size_t)(room - pump->room));
        pump->channels = grown;
        pump->room = room;
    }
    if (pump->channels[fd] != NULL) {
        PyErr_SetString(PyExc_ValueError, "the pump has this socket already");
        return NULL;
    }
    Channel *c = (Channel *)channel_type->tp_alloc(channel_type, 0);
    if (c == NULL) return NULL;
    c->pump = (Pump *)Py_NewRef(pump);
    c->keys = (Keys *)Py_NewRef(keys);
    c->fd = fd;
    pump->channels[fd] = (Channel *)Py_NewRef(c);
    pump->open++;
    return (PyObject *)c;
}

PyDoc_STRVAR(turn_doc, "turn()\n--\n\nDo what can be done now, of a bounded number of channels.");

static PyObject *pump_turn(Pump *pump, PyObject *unused) {
    if (!is_free(pump)) return NULL;
    struct epoll_event events[EVENTS];
    int count = pump->epoll < 0 ? 0 : epoll_wait(pump->epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) {
        /* A descriptor may belong to somebody else since: that one reads once in vain. */
        int fd = events[i].data.fd;
        Channel *c = fd < pump->room ? pump->channels[fd] : NULL;
        if (c == NULL) continue;
        Py_INCREF(c);
        uint32_t what = events[i].events;
        bool fine = true;
        if (c->waits_for & EPOLLOUT && what & (EPOLLOUT | EPOLLERR | EPOLLHUP)) fine = writable(c);
        if (fine && c->waits_for & EPOLLIN && what & (EPOLLIN | EPOLLERR | EPOLLHUP)) fine = readable(c);
        if (!fine) shut(c);
        Py_DECREF(c);
        if (!fine) return NULL;
    }
    Py_RETURN_NONE;
}

static Py_ssize_t pump_length(Pump *pump) { return pump->open; }

static void shut_all(Pump *pump) {
    for (int fd = 0; fd < pump->room; fd++)
        if (pump->channels[fd] != NULL) shut(pump->channels[fd]);
    if (pump->epoll >= 0) close(pump->epoll);
    pump->epoll = -1;
}

PyDoc_STRVAR(pump_close_doc, "close()\n--\n\nClose all channels without a word. Closing twice does no harm.");

static PyObject *pump_close(Pump *pump, PyObject *unused) {
    if (!is_free(pump)) return NULL;
    shut_all(pump);
    Py_RETURN_NONE;
}

static int pump_traverse(Pump *pump, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(pump));
    for (int fd = 0; fd < pump->room; fd++) Py_VISIT(pump->channels[fd]);
    return 0;
}

static int pump_clear(Pump *pump) {
    shut_all(pump);
    return 0;
}

static void pump_dealloc(Pump *pump) {
    PyTypeObject *type = Py_TYPE(pump);
    PyObject_GC_UnTrack(pump);
    shut_all(pump);
    free(pump->channels);
    free(pump->spare);
    type->tp_free(pump);
    Py_DECREF(type);
}

static PyMethodDef pump_methods[] = {
    {"fileno", (PyCFunction)pump_fileno, METH_NOARGS, pump_fileno_doc},
    {"take", (PyCFunction)pump_take, METH_VARARGS, take_doc},
    {"turn", (PyCFunction)pump_turn, METH_NOARGS, turn_doc},
    {"close", (PyCFunction)pump_close, METH_NOARGS, pump_close_doc},
    {NULL},
};

static PyType_Slot pump_slots[] = {
    {Py_tp_doc, "An epoll set with its connections."},
    {Py_tp_new, pump_new},
    {Py_tp_dealloc, pump_dealloc},
    {Py_tp_traverse, pump_traverse},
    {Py_tp_clear, pump_clear},
    {Py_tp_methods, pump_methods},
    {Py_sq_length, pump_length},
    {0, NULL},
};

static PyType_Spec pump_spec = {
    .name = "mixedmode.services.net._tls.Pump",
    .basicsize = sizeof(Pump),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = pump_slots,
};

/* Keys. */

static bool use_pair(SSL_CTX *context, PyObject *pair) {
    Py_buffer certificate, key;
    if (!PyTuple_Check(pair)) {
        PyErr_SetString(PyExc_TypeError, "a pair is a tuple of a certificate and its key, both DER");
        return false;
    }
    if (!PyArg_ParseTuple(pair, "y*y*", &certificate, &key)) return false;
    const unsigned char *at = key.buf;
    EVP_PKEY *parsed = d2i_AutoPrivateKey(NULL, &at, (long)key.len);
    bool fine = parsed != NULL
                && SSL_CTX_use_certificate_ASN1(context, (int)certificate.len, certificate.buf) == 1
                && SSL_CTX_use_PrivateKey(context, parsed) == 1 && SSL_CTX_check_private_key(context) == 1;
    EVP_PKEY_free(parsed);
    PyBuffer_Release(&certificate);
    PyBuffer_Release(&key);
    if (!fine) raise_openssl();
    return fine;
}

/* As Python's ssl module makes the context of a server, where the arguments do not say otherwise. Each certificate is
 * shown alone: OpenSSL would look for its issuers in an empty store in each handshake. */
static bool prepare(SSL_CTX *context, unsigned long long options, int level, int least, const char *ciphers, Py_ssize_t tickets) {
    SSL_CTX_clear_options(context, SSL_CTX_get_options(context));
    SSL_CTX_set_options(context, options);
    SSL_CTX_set_security_level(context, level);
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS
                                  | SSL_MODE_NO_AUTO_CHAIN);
    bool fine = SSL_CTX_set_min_proto_version(context, least) == 1 && SSL_CTX_set_cipher_list(context, ciphers) == 1
                && SSL_CTX_set_num_tickets(context, (size_t)tickets) == 1
                && SSL_CTX_set_session_id_context(context, (const unsigned char *)"mixedmode", 9) == 1;
    if (!fine) raise_openssl();
    return fine;
}

static PyObject *keys_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    static char *names[] = {"pairs", "options", "level", "least", "ciphers", "tickets", NULL};
    PyObject *pairs;
    unsigned long long options;
    int level, least;
    const char *ciphers;
    Py_ssize_t tickets;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!$Kiisn", names, &PyList_Type, &pairs, &options, &level, &least, &ciphers, &tickets))
        return NULL;
    Keys *keys = (Keys *)type->tp_alloc(type, 0);
    if (keys == NULL) return NULL;
    keys->context = SSL_CTX_new(TLS_server_method());
    if (keys->context == NULL) {
        Py_DECREF(keys);
        return PyErr_NoMemory();
    }
    bool fine = prepare(keys->context, options, level, least, ciphers, tickets);
    for (Py_ssize_t i = 0; fine && i < PyList_GET_SIZE(pairs); i++)
        fine = use_pair(keys->context, PyList_GET_ITEM(pairs, i));
    if (!fine) Py_CLEAR(keys);
    return (PyObject *)keys;
}

static void keys_dealloc(Keys *keys) {
    PyTypeObject *type = Py_TYPE(keys);
    SSL_CTX_free(keys->context);
    type->tp_free(keys);
    Py_DECREF(type);
}

static PyType_Slot keys_slots[] = {
    {Py_tp_doc, "Keys with their certificates, versions and ciphers: what OpenSSL calls a context."},
    {Py_tp_new, keys_new},
    {Py_tp_dealloc, keys_dealloc},
    {0, NULL},
};

static PyType_Spec keys_spec = {
    .name = "mixedmode.services.net._tls.Keys",
    .basicsize = sizeof(Keys),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = keys_slots,
};

PyDoc_STRVAR(accept_doc, "accept(descriptor, /)\n--\n\nReturn (descriptor, address) of the next connection, not blocking.");

static PyObject *take_next(PyObject *self, PyObject *argument) {
    long listener = PyLong_AsLong(argument);
    if (listener == -1 && PyErr_Occurred()) return NULL;
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    int fd = accept4((int)listener, (struct sockaddr *)&name, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return PyErr_SetFromErrno(PyExc_OSError);
    char text[INET6_ADDRSTRLEN] = "";
    if (name.ss_family == AF_INET) inet_ntop(AF_INET, &((struct sockaddr_in *)&name)->sin_addr, text, sizeof text);
    if (name.ss_family == AF_INET6) inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&name)->sin6_addr, text, sizeof text);
    PyObject *result = Py_BuildValue("(is)", fd, text);
    if (result == NULL) close(fd);
    return result;
}

static PyMethodDef functions[] = {
    {"accept", take_next, METH_O, accept_doc},
    {NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_tls",
    .m_doc = "TLS connections of a server, compiled.",
    .m_size = -1,
    .m_methods = functions,
};

static bool make_words(void) {
    return (say_shaken = PyUnicode_InternFromString("shaken")) && (say_received = PyUnicode_InternFromString("received"))
           && (say_ended = PyUnicode_InternFromString("ended")) && (say_refused = PyUnicode_InternFromString("refused"))
           && (say_lost = PyUnicode_InternFromString("lost")) && (say_dropped = PyUnicode_InternFromString("dropped"))
           && (say_backed_up = PyUnicode_InternFromString("backed_up"))
           && (say_drained = PyUnicode_InternFromString("drained"));
}

static bool make_memory(void) {
    int kind = BIO_get_new_index();
    memory = kind == -1 ? NULL : BIO_meth_new(kind | BIO_TYPE_SOURCE_SINK, "mixedmode");
    return memory && BIO_meth_set_read(memory, bio_read) && BIO_meth_set_write(memory, bio_write)
           && BIO_meth_set_ctrl(memory, bio_ctrl) && BIO_meth_set_create(memory, bio_create);
}

static PyTypeObject *add_type(PyObject *made, const char *name, PyType_Spec *spec) {
    PyObject *type = PyType_FromSpec(spec);
    if (type != NULL && PyModule_AddObjectRef(made, name, type) < 0) Py_CLEAR(type);
    return (PyTypeObject *)type;
}

PyMODINIT_FUNC PyInit__tls(void) {
    PyObject *made = PyModule_Create(&module);
    PyObject *python = made ? PyImport_ImportModule("ssl") : NULL;
    ssl_error = python ? PyObject_GetAttrString(python, "SSLError") : NULL;
    Py_XDECREF(python);
    if (ssl_error == NULL || !make_words()) {
        Py_XDECREF(made);
        return NULL;
    }
    if (!make_memory()) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    PyTypeObject *pump_type;
    if (!(keys_type = add_type(made, "Keys", &keys_spec)) || !(channel_type = add_type(made, "Channel", &channel_spec))
        || !(pump_type = add_type(made, "Pump", &pump_spec))) {
        Py_DECREF(made);
        return NULL;
    }
    Py_DECREF(pump_type);
    return made;
}
