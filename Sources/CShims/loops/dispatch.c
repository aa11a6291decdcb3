// Picks the instance of every loop when the program is loaded (ELF indirect functions, x86-64 only).

#include "loops.h"

#if defined(__x86_64__)

typedef enum { baseline, avx2, avx512, avx512bf16, instances } Instance;

// Runs before the program's own start-up code, hence the explicit initialisation and no calls.
__attribute__((always_inline, disable_sanitizer_instrumentation)) static inline Instance best(void) {
    __builtin_cpu_init();
    const int two = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                    __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
    if (!two) return baseline;
    const int five = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
    if (!five) return avx2;
    return __builtin_cpu_supports("avx512bf16") ? avx512bf16 : avx512;
}

#define DISPATCH(name)                                                                                                                      \
    extern __typeof__(heal_##name) heal_##name##_baseline, heal_##name##_avx2, heal_##name##_avx512, heal_##name##_avx512bf16;              \
    __attribute__((disable_sanitizer_instrumentation)) static __typeof__(heal_##name) *resolve_##name(void) {                               \
        const Instance instance = best();                                                                                                   \
        switch (instance) {                                                                                                                 \
        case avx512bf16: return heal_##name##_avx512bf16;                                                                                   \
        case avx512: return heal_##name##_avx512;                                                                                           \
        case avx2: return heal_##name##_avx2;                                                                                               \
        default: return heal_##name##_baseline;                                                                                             \
        }                                                                                                                                   \
    }                                                                                                                                       \
    __typeof__(heal_##name) heal_##name __attribute__((ifunc("resolve_" #name)));
HEAL_LOOPS(DISPATCH)

#define BASELINE(name) .name = heal_##name##_baseline,
#define AVX2(name) .name = heal_##name##_avx2,
#define AVX512(name) .name = heal_##name##_avx512,
#define AVX512BF16(name) .name = heal_##name##_avx512bf16,
static const heal_loops tables[instances] = {
    {.instruction_set = "baseline", HEAL_LOOPS(BASELINE)},
    {.instruction_set = "avx2", HEAL_LOOPS(AVX2)},
    {.instruction_set = "avx512", HEAL_LOOPS(AVX512)},
    {.instruction_set = "avx512bf16", HEAL_LOOPS(AVX512BF16)},
};

const heal_loops *heal_loops_instance(int index) { return index >= 0 && index <= (int)best() ? &tables[index] : NULL; }

const char *heal_loops_instruction_set(void) { return tables[best()].instruction_set; }

#else

#define ONLY(name) .name = heal_##name,
static const heal_loops only = {.instruction_set = "baseline", HEAL_LOOPS(ONLY)};

const heal_loops *heal_loops_instance(int index) { return index == 0 ? &only : NULL; }

const char *heal_loops_instruction_set(void) { return only.instruction_set; }

#endif
