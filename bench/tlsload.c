// What this is: the TLS load generator behind the figures of TVS. Many connections in one process: connect, full
// TLS 1.3 handshake, one request and its answer if REQUEST names a file, close; again until TOTAL are done.
// Build: gcc -O2 -o tlsload tlsload.c -lssl -lcrypto     Use: tlsload IP PORT CONNECTIONS TOTAL [REQUEST [SILENT]]
// SILENT TCP connections are opened first, to the same port, and say nothing all the while.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum step { SHAKING, SENT };
typedef struct { int fd; SSL *ssl; enum step step; double began; } Connection;

static struct sockaddr_in server;
static SSL_CTX *context;
static int poller;
static char request[4096];
static int request_length;
static long total, started, done, failed;
static double *times;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b) {
    double x = *(double *)a, y = *(double *)b;
    return x < y ? -1 : x > y;
}

static void begin(Connection *c) {
    if (started >= total) return;
    started++;
    c->began = now();
    c->step = SHAKING;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(c->fd, (void *)&server, sizeof server);
    c->ssl = SSL_new(context);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

static void end(Connection *c, int good) {
    if (good) times[done++] = now() - c->began;
    else failed++;
    SSL_free(c->ssl);
    struct linger reset = {1, 0}; // no port is left in TIME_WAIT
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(c->fd);
    begin(c);
}

static void go_on(Connection *c) {
    char answer[4096];
    if (c->step == SHAKING) {
        int result = SSL_do_handshake(c->ssl);
        if (result != 1) {
            int why = SSL_get_error(c->ssl, result);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) end(c, 0);
            return;
        }
        if (request_length == 0) return end(c, 1);
        if (SSL_write(c->ssl, request, request_length) != request_length) return end(c, 0);
        c->step = SENT;
    }
    int got = SSL_read(c->ssl, answer, sizeof answer);
    if (got > 0) return end(c, 1);
    int why = SSL_get_error(c->ssl, got);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) end(c, 0);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "tlsload IP PORT CONNECTIONS TOTAL [REQUEST [SILENT]]\n");
        return 2;
    }
    server.sin_family = AF_INET;
    inet_pton(AF_INET, argv[1], &server.sin_addr);
    server.sin_port = htons(atoi(argv[2]));
    int connections = atoi(argv[3]);
    total = atol(argv[4]);
    if (argc > 5 && strcmp(argv[5], "-") != 0) {
        FILE *file = fopen(argv[5], "rb");
        if (file == NULL) return 2;
        request_length = fread(request, 1, sizeof request, file);
        fclose(file);
    }
    int silent = argc > 6 ? atoi(argv[6]) : 0;
    for (int i = 0; i < silent; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (void *)&server, sizeof server) != 0) return 3;
    }
    if (silent) sleep(1); // let the server take them first
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    poller = epoll_create1(0);
    times = malloc(sizeof(double) * total);
    Connection *all = calloc(connections, sizeof *all);
    double start = now(), limit = start + 60;
    for (int i = 0; i < connections; i++) begin(&all[i]);
    struct epoll_event events[256];
    while (done + failed < total && now() < limit) {
        int count = epoll_wait(poller, events, 256, 1000);
        for (int i = 0; i < count; i++) go_on(events[i].data.ptr);
    }
    double spent = now() - start;
    qsort(times, done, sizeof(double), compare);
    printf("done %ld failed %ld rate %.0f p50 %.2f p99 %.2f max %.2f ms\n", done, total - done, done / spent,
           done ? times[done / 2] * 1e3 : 0, done ? times[(long)(done * 0.99)] * 1e3 : 0, done ? times[done - 1] * 1e3 : 0);
    return 0;
}
