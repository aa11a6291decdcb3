// The loops for x86-64 with AVX2 and FMA.

#include "loops.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,f16c"))), apply_to = function)
#define HEAL_INSTANCE(name) name##_avx2
#define HEAL_BF16_TERMS 1
#define HEAL_BLOCK_ROWS 4
#define HEAL_BLOCK_VECTORS 1
HEAL_LOOPS(HEAL_DECLARE_INSTANCE)
#include "instance.h"
#pragma clang attribute pop
#endif
