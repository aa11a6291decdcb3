// LD_PRELOAD library: one system call on a file fails, as a full or broken disk makes it. scripts/break_writes.py builds and uses it.
//
// FAIL_CALL names the call, FAIL_PATH a part of the file's path, FAIL_AT which such call (0 only counts), FAIL_ERRNO the error; FAIL_COUNT takes the number
// of such calls. EINTR stands for a signal: the call has not been done. A failing close has closed the descriptor all the same, as in Linux.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static long count;
static long number(const char *key) { const char *text = getenv(key); return text ? atol(text) : 0; }

static int fails(const char *call, const char *path) {
    const char *wanted = getenv("FAIL_CALL"), *part = getenv("FAIL_PATH");
    if (!wanted || strcmp(wanted, call) || !part || !path || !strstr(path, part)) return 0;
    if (__sync_add_and_fetch(&count, 1) != number("FAIL_AT")) return 0;
    errno = (int)number("FAIL_ERRNO");
    return 1;
}

static int fails_on(const char *call, int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return fails(call, path);
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
ssize_t write(int fd, const void *b, size_t n) { REAL(write); return fails_on("write", fd) ? -1 : real(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { REAL(pwrite); return fails_on("pwrite", fd) ? -1 : real(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { REAL(pwrite64); return fails_on("pwrite", fd) ? -1 : real(fd, b, n, o); }
int fsync(int fd) { REAL(fsync); return fails_on("fsync", fd) ? -1 : real(fd); }
int ftruncate(int fd, off_t n) { REAL(ftruncate); return fails_on("ftruncate", fd) ? -1 : real(fd, n); }
int ftruncate64(int fd, off64_t n) { REAL(ftruncate64); return fails_on("ftruncate", fd) ? -1 : real(fd, n); }
int rename(const char *a, const char *b) { REAL(rename); return fails("rename", b) ? -1 : real(a, b); }
int close(int fd) {
    REAL(close);
    int failing = fails_on("close", fd), code = errno;
    int status = real(fd);
    if (!failing) return status;
    errno = code;
    return -1;
}
void *mmap(void *a, size_t n, int p, int f, int fd, off_t o) { REAL(mmap); return fd >= 0 && fails_on("mmap", fd) ? MAP_FAILED : real(a, n, p, f, fd, o); }
void *mmap64(void *a, size_t n, int p, int f, int fd, off64_t o) { REAL(mmap64); return fd >= 0 && fails_on("mmap", fd) ? MAP_FAILED : real(a, n, p, f, fd, o); }

__attribute__((destructor)) static void tell(void) {
    const char *place = getenv("FAIL_COUNT");
    FILE *file = place ? fopen(place, "w") : NULL;
    if (file) { fprintf(file, "%ld\n", count); fclose(file); }
}
