#ifndef HEAL_DENORMALS_H
#define HEAL_DENORMALS_H

#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/// Makes this thread treat denormal floats as zero, and returns what to give to `heal_denormals_restore`.
///
/// Gradients of saturated softmaxes are full of denormals, and a product over them can be ten times slower.
static inline uint64_t heal_denormals_flush(void) {
#if defined(__x86_64__)
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
    return before;
#elif defined(__aarch64__)
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (1ull << 24)));
    return before;
#else
    return 0;
#endif
}

static inline void heal_denormals_restore(uint64_t before) {
#if defined(__x86_64__)
    _mm_setcsr((unsigned)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}

#endif
