// The loops for x86-64 with AVX-512 (F, BW, DQ, VL, CD) and its dot products of bfloat16 pairs.

#include "loops.h"

#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512bf16,avx2,fma,bmi,bmi2,f16c"))), apply_to = function)
#define HEAL_INSTANCE(name) name##_avx512bf16
#define HEAL_BF16_TERMS 2
#define HEAL_BLOCK_ROWS 4
#define HEAL_BLOCK_VECTORS 4
HEAL_LOOPS(HEAL_DECLARE_INSTANCE)
#include "instance.h"
#pragma clang attribute pop
#endif
