#define _GNU_SOURCE
#include "processors.h"
#include <sched.h>

int heal_allowed_processors(void) {
    // The system refuses a set that is smaller than its own.
    for (int size = 1024; size <= 1 << 20; size *= 2) {
        cpu_set_t *set = CPU_ALLOC(size);
        if (!set) return 0;
        const int failed = sched_getaffinity(0, CPU_ALLOC_SIZE(size), set);
        const int count = failed ? 0 : CPU_COUNT_S(CPU_ALLOC_SIZE(size), set);
        CPU_FREE(set);
        if (!failed) return count;
    }
    return 0;
}
