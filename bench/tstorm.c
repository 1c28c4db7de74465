// What this is: the phones of a boot storm. Each has an address of its own, fetches its files one after the other in
// lockstep, octet mode, without options, a new port (TID) for each file, and repeats what is not answered. All of them
// together have one socket a file: recvmmsg and IP_PKTINFO say whose a datagram is, sendmmsg speaks for many, so that
// the server is the limit and not the fleet.
// Build: gcc -O2 -o tstorm tstorm.c
// Use: tstorm IP PORT FIRST PHONES AT_ONCE KEPT FILE...   FIRST is a device name, its MAC address is counted up.
// FILE is a name with @ for the device's, then = and a file that holds what must come; of one without, what came is
// written to KEPT: length (4 bytes, little endian) and bytes for each phone, in order of the phones.
// Repeats after 1, 2, 4 and 8 s, gives up after five of them. The last line is the result, as JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/sock_diag.h>

#define BATCH 256
#define BLOCK 512
#define FILES 8
#define MOST 65536 /* bytes of a file that is kept */
#define RETRIES 5
#define BASE 0x7f800001u /* 127.128.0.1 is the first phone's address */

typedef struct {
    int file;          // which it asks for; -1 before its boot, `files` after it
    unsigned block;    // the last that came
    unsigned short tid; // the server's port, network order; 0 until it answered
    int retries;
    double sent, begun;
    unsigned char *kept;
    unsigned length;
} Phone;

static struct { char name[128]; unsigned char *wanted; long size; int fd; int count; } file[FILES];
static struct { // what leaves by one socket next
    struct mmsghdr head[BATCH];
    struct iovec iov[BATCH];
    struct sockaddr_in to[BATCH];
    char control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
    unsigned char data[BATCH][256];
    int count;
} out[FILES];
static struct mmsghdr heads[BATCH];
static struct iovec iov[BATCH];
static struct sockaddr_in from[BATCH];
static char control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
static unsigned char in[BATCH][1024];

static Phone *phones;
static struct sockaddr_in server;
static unsigned long long first;
static int files, total, next_phone, active, at_once;
static long done, failed, wrong, repeated, late, sent, received, errors;
static double *boots, *waits, power;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void flush(int f) {
    for (int at = 0; at < out[f].count;) {
        int gone = sendmmsg(file[f].fd, out[f].head + at, out[f].count - at, 0);
        at += gone > 0 ? gone : 1;
    }
    sent += out[f].count;
    out[f].count = 0;
}

static void put(int f, int phone, unsigned short port, const void *data, int length) {
    if (out[f].count == BATCH) flush(f);
    int i = out[f].count++;
    memcpy(out[f].data[i], data, length);
    out[f].iov[i].iov_len = length;
    out[f].to[i].sin_port = port;
    struct in_pktinfo *mine = (void *)CMSG_DATA((struct cmsghdr *)out[f].control[i]);
    mine->ipi_spec_dst.s_addr = htonl(BASE + phone);
}

static void acknowledge(int f, int phone, unsigned short port, unsigned block) {
    put(f, phone, port, (unsigned char[]){0, 4, block >> 8, block}, 4);
}

static void ask(int i) {
    unsigned char packet[256] = {0, 1};
    int length = 2 + sprintf((char *)packet + 2, file[phones[i].file].name, first + i) + 1;
    length += sprintf((char *)packet + length, "octet") + 1;
    put(phones[i].file, i, server.sin_port, packet, length);
}

static void begin_file(int i, int f, double t) {
    Phone *p = &phones[i];
    p->file = f, p->block = 0, p->tid = 0, p->retries = 0, p->sent = t, p->length = 0;
    ask(i);
}

static void admit(double t) {
    for (; next_phone < total && active < at_once; active++) {
        phones[next_phone].begun = t;
        begin_file(next_phone++, 0, t);
    }
}

static void end(int i, double t, int good) {
    Phone *p = &phones[i];
    p->file = files;
    active--;
    if (good) boots[done] = t - p->begun, waits[done++] = t - power;
    else failed++;
}

static int take(Phone *p, const unsigned char *data, int length) { // returns whether that is what must come
    long at = (long)(p->block - 1) * BLOCK;
    if (file[p->file].wanted)
        return at + length <= file[p->file].size && !memcmp(file[p->file].wanted + at, data, length) &&
               (length == BLOCK || at + length == file[p->file].size);
    if (at + length > MOST) return 0;
    if (!p->kept || at) p->kept = realloc(p->kept, at + BLOCK);
    memcpy(p->kept + at, data, length);
    p->length = at + length;
    return 1;
}

static void datagram(int f, int m, double t) {
    struct in_pktinfo *whose = (void *)CMSG_DATA((struct cmsghdr *)control[m]);
    unsigned i = ntohl(whose->ipi_addr.s_addr) - BASE;
    int length = heads[m].msg_len, code = in[m][2] << 8 | in[m][3];
    unsigned short port = from[m].sin_port;
    received++;
    if (i >= (unsigned)next_phone || length < 4) return;
    Phone *p = &phones[i];
    if (p->file != f) { // its transfer has ended: a last block that comes again was not acknowledged in time
        late++;
        if (in[m][1] == 3 && p->file > f) acknowledge(f, i, port, code);
        return;
    }
    if (p->tid && p->tid != port) {
        late++;
        put(f, i, port, "\0\5\0\5wrong port", 15);
    } else if (in[m][1] == 5) {
        errors++;
        end(i, t, 0);
    } else if (in[m][1] == 3 && (unsigned)code == ((p->block + 1) & 0xffff)) {
        p->tid = port, p->block++, p->retries = 0, p->sent = t;
        acknowledge(f, i, port, code);
        if (!take(p, in[m] + 4, length - 4)) {
            wrong++;
            end(i, t, 0);
        } else if (length < BLOCK + 4) {
            file[f].count++;
            if (f + 1 < files) begin_file(i, f + 1, t);
            else end(i, t, 1);
        }
    } else if (in[m][1] == 3 && (unsigned)code == (p->block & 0xffff)) {
        late++;
        acknowledge(f, i, port, code);
    }
}

static void read_all(int f, double t) {
    for (int i = 0; i < BATCH; i++) heads[i].msg_hdr.msg_namelen = sizeof from[i], heads[i].msg_hdr.msg_controllen = sizeof control[i];
    int count = recvmmsg(file[f].fd, heads, BATCH, MSG_DONTWAIT, NULL);
    for (int m = 0; m < count; m++) datagram(f, m, t);
}

static void repeat(double t) {
    for (int i = 0; i < next_phone; i++) {
        Phone *p = &phones[i];
        if (p->file == files || t - p->sent < (1 << (p->retries < 3 ? p->retries : 3))) continue;
        if (++p->retries > RETRIES) {
            end(i, t, 0);
            continue;
        }
        p->sent = t, repeated++;
        if (p->tid) acknowledge(p->file, i, p->tid, p->block & 0xffff);
        else ask(i);
    }
}

static void open_file(int f, char *words) {
    char *wanted = strchr(words, '='), *device = strchr(words, '@');
    if (wanted) *wanted++ = 0;
    if (device) snprintf(file[f].name, sizeof file[f].name, "%.*sSEP%%012llX%s", (int)(device - words), words, device + 1);
    else snprintf(file[f].name, sizeof file[f].name, "%s", words);
    if (wanted) {
        FILE *held = fopen(wanted, "rb");
        file[f].wanted = malloc(1 << 24);
        if (!held) perror(wanted), exit(2);
        file[f].size = fread(file[f].wanted, 1, 1 << 24, held);
        fclose(held);
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1, room = 64 << 20;
    struct sockaddr_in any = {.sin_family = AF_INET};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room)) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    if (bind(fd, (void *)&any, sizeof any)) perror("bind"), exit(2);
    file[f].fd = fd;
    for (int i = 0; i < BATCH; i++) {
        struct cmsghdr *c = (void *)out[f].control[i];
        c->cmsg_level = IPPROTO_IP, c->cmsg_type = IP_PKTINFO, c->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
        out[f].to[i] = server;
        out[f].iov[i].iov_base = out[f].data[i];
        out[f].head[i].msg_hdr = (struct msghdr){.msg_name = &out[f].to[i], .msg_namelen = sizeof server,
            .msg_iov = &out[f].iov[i], .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof out[f].control[i]};
    }
}

static int order(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double part(double *of, double share) { return done ? of[(long)((done - 1) * share)] : 0; }

static void tell(double seconds) {
    struct rusage used;
    unsigned drops = 0, memory[SK_MEMINFO_VARS];
    getrusage(RUSAGE_SELF, &used);
    for (int f = 0; f < files; f++) {
        socklen_t length = sizeof memory;
        if (!getsockopt(file[f].fd, SOL_SOCKET, SO_MEMINFO, memory, &length)) drops += memory[SK_MEMINFO_DROPS];
    }
    qsort(boots, done, sizeof *boots, order);
    qsort(waits, done, sizeof *waits, order);
    printf("{\"done\": %ld, \"failed\": %ld, \"errors\": %ld, \"wrong\": %ld, \"repeated\": %ld, \"late\": %ld, \"lost_here\": %u, "
           "\"sent\": %ld, \"received\": %ld, \"seconds\": %.4f, \"processor_seconds\": %.4f, "
           "\"boot_p50\": %.4f, \"boot_p99\": %.4f, \"boot_max\": %.4f, \"wait_p50\": %.4f, \"wait_p99\": %.4f}\n",
           done, failed, errors, wrong, repeated, late, drops, sent, received, seconds,
           used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6,
           part(boots, .5), part(boots, .99), part(boots, 1), part(waits, .5), part(waits, .99));
}

int main(int argc, char **argv) {
    if (argc < 8 || argc > 7 + FILES || strncmp(argv[3], "SEP", 3)) {
        fprintf(stderr, "tstorm ip port first phones at_once kept file[=content]...\n");
        return 2;
    }
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &server.sin_addr);
    first = strtoull(argv[3] + 3, NULL, 16), total = atoi(argv[4]), at_once = atoi(argv[5]), files = argc - 7;
    phones = calloc(total, sizeof *phones), boots = calloc(total, sizeof *boots), waits = calloc(total, sizeof *waits);
    struct pollfd polls[FILES];
    for (int f = 0; f < files; f++) open_file(f, argv[7 + f]), polls[f] = (struct pollfd){file[f].fd, POLLIN, 0};
    for (int i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){in[i], sizeof in[i]};
        heads[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_iov = &iov[i], .msg_iovlen = 1, .msg_control = control[i]};
    }
    double looked = power = now(), t = power;
    admit(t);
    while (done + failed < total) {
        for (int f = 0; f < files; f++) flush(f);
        poll(polls, files, 50);
        t = now();
        for (int f = 0; f < files; f++) if (polls[f].revents) read_all(f, t);
        if (t - looked > .1) looked = t, repeat(t);
        admit(t);
    }
    for (int f = 0; f < files; f++) flush(f);
    double seconds = now() - power;
    FILE *kept = fopen(argv[6], "wb");
    if (!kept) return perror(argv[6]), 2;
    for (int i = 0; i < total; i++) fwrite(&phones[i].length, 4, 1, kept), fwrite(phones[i].kept, 1, phones[i].length, kept);
    if (fclose(kept)) return perror(argv[6]), 2;
    tell(seconds);
}
