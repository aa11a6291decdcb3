#ifndef HEAL_GEMM_H
#define HEAL_GEMM_H

#include <stdint.h>

/// Element types a product takes; outputs may be float32 or the inputs' own type.
enum { HEAL_F32 = 0, HEAL_BF16 = 1 };

/// C[m,n] (+)= op(A)[m,k] * op(B)[k,n], row-major, sums in float32.
/// `lda` is the row stride of A as stored: of [m,k], or of [k,m] when `transpose_a`. Likewise B and C.
typedef struct {
    int64_t m, n, k;
    int64_t lda, ldb, ldc;
    int32_t transpose_a, transpose_b;
    int32_t input_type, output_type;
    int32_t accumulate;
} heal_gemm_shape;

/// One product on the calling thread, through oneDNN. 0, or oneDNN's status.
int heal_gemm(const heal_gemm_shape *shape, const void *a, const void *b, void *c);

/// 1 when oneDNN has an optimised product for the type on this processor, else 0.
int heal_gemm_is_fast(int32_t input_type);

// Whether there are such products at all: 1 or 0.
int heal_gemm_exists(int32_t input_type);

#endif
