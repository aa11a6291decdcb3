#define _GNU_SOURCE
#include "files.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

int heal_exchange(const char *one, const char *other) { return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE); }

// The handler may run at any instruction of any thread: it reads this table only, and takes no lock. A row counts while its start is not 0, which is
// written last. Mappings beyond the table end the process by SIGBUS, as they would without it.
enum { rows = 1024, longest = 512 };
static struct {
    _Atomic uintptr_t start;
    size_t count;
    char path[longest];
} mappings[rows];
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;

static void say(const char *text) {
    for (size_t left = strlen(text); left > 0;) {
        ssize_t written = write(STDERR_FILENO, text, left);
        if (written <= 0) return;
        text += written;
        left -= (size_t)written;
    }
}

static void meet(int signal, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t place = (uintptr_t)info->si_addr;
    for (int i = 0; i < rows; i++) {
        uintptr_t start = atomic_load(&mappings[i].start);
        if (start == 0 || place < start || place - start >= mappings[i].count) continue;
        say("heal: ");
        say(mappings[i].path);
        say(": was cut off by another program, or its disk failed, while it was in use; fetch or copy it again, and replace files by renaming, never in place\n");
        _exit(EX_IOERR);
    }
    // Not ours: what there was before meets it when the instruction is tried again.
    sigaction(signal, &before, NULL);
}

static void install(void) {
    struct sigaction action = {.sa_sigaction = meet, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &before);
}

void heal_watch_mapping(const void *start, size_t count, const char *path) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    pthread_mutex_lock(&writing);
    for (int i = 0; i < rows; i++) {
        if (atomic_load(&mappings[i].start) != 0) continue;
        mappings[i].count = count;
        // The end of a long path says more than its beginning.
        size_t length = strlen(path);
        snprintf(mappings[i].path, longest, "%s", length < longest ? path : path + (length - longest + 1));
        atomic_store(&mappings[i].start, (uintptr_t)start);
        break;
    }
    pthread_mutex_unlock(&writing);
}

void heal_forget_mapping(const void *start) {
    pthread_mutex_lock(&writing);
    for (int i = 0; i < rows; i++) {
        if (atomic_load(&mappings[i].start) != (uintptr_t)start) continue;
        atomic_store(&mappings[i].start, 0);
        break;
    }
    pthread_mutex_unlock(&writing);
}
