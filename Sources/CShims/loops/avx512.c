// The loops for x86-64 with AVX-512 (F, BW, DQ, VL, CD).

#include "loops.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx2,fma,bmi,bmi2,f16c"))), apply_to = function)
#define HEAL_INSTANCE(name) name##_avx512
#define HEAL_BF16_TERMS 1
#define HEAL_BLOCK_ROWS 4
#define HEAL_BLOCK_VECTORS 4
HEAL_LOOPS(HEAL_DECLARE_INSTANCE)
#include "instance.h"
#pragma clang attribute pop
#endif
