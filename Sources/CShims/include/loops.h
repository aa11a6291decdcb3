// The fused loops: norms, rotary embedding, SwiGLU, losses, attention, AdamW, conversions, permutes.
//
// Every function is single-threaded, allocates nothing and keeps no state: a worker hands it a block of rows and, where needed, scratch.
// Sums run in a fixed order that depends on shapes only, and an element is computed in the same way wherever it sits in a vector, so the
// result of a row does not depend on how rows are split into blocks. Everything is row-major; strides count elements and may be larger
// than a row. Sizes of 0 are allowed and do nothing. Pointers need only the alignment of their element.
//
// Three variants come from one source:
//
//   suffix   A activations (saved, GEMM inputs)   R residual stream, gradients   C compute, weights, statistics
//   _f32     float                                float                          float
//   _f64     double                               double                         double       for gradient checks
//   _bf16    uint16_t, bfloat16 bits              float                          float
//
// Storing to bfloat16 rounds to nearest, ties to even; NaN stays NaN.
//
// On x86-64 each function exists four times (baseline; AVX2 + FMA; AVX-512; AVX-512 with bfloat16 dot products) and the loader picks one when the
// program starts. The bits of a result may differ between these (fused multiply-add or not; the last rounds attention probabilities and their
// gradients to bfloat16 before the products they enter, _bf16 only), never between two calls on one machine.

#ifndef HEAL_LOOPS_H
#define HEAL_LOOPS_H

#include <stddef.h>
#include <stdint.h>

#define A float
#define R float
#define C float
#define HEAL_NAME(name) heal_##name##_f32
#include "../loops/activation_functions.h"
#include "../loops/number_functions.h"
#undef A
#undef R
#undef C
#undef HEAL_NAME

#define A double
#define R double
#define C double
#define HEAL_NAME(name) heal_##name##_f64
#include "../loops/activation_functions.h"
#include "../loops/number_functions.h"
#undef A
#undef R
#undef C
#undef HEAL_NAME

#define A uint16_t
#define R float
#define C float
#define HEAL_NAME(name) heal_##name##_bf16
#include "../loops/activation_functions.h"
#undef A
#undef R
#undef C
#undef HEAL_NAME

#include "../loops/layout_functions.h"
#include "../loops/adamw_narrow_functions.h"

#pragma clang assume_nonnull begin

// What the loader picked: "baseline", "avx2", "avx512" or "avx512bf16" ("baseline" on every other processor family).
const char *heal_loops_instruction_set(void);

// ---- The instances themselves, so that tests can reach each one and callers can say which is in use

// F(name) for every function above, without its heal_ prefix.
#define HEAL_ACTIVATION_LOOPS(F, suffix) \
    F(rmsnorm_forward##suffix) F(rmsnorm_backward##suffix) F(rmsnorm_backward_output##suffix) F(headnorm_forward##suffix) F(headnorm_backward##suffix) F(rope##suffix) \
    F(swiglu_forward##suffix) F(swiglu_backward##suffix) F(swiglu_rows_forward##suffix) F(swiglu_rows_backward##suffix) \
    F(cross_entropy_rows##suffix) F(softmax_grad_block##suffix) F(kl_rows##suffix) F(kl_block##suffix) F(sparse_kl_row##suffix) \
    F(attention_forward_scratch##suffix) F(attention_backward_scratch##suffix) F(attention_forward##suffix) \
    F(attention_forward_cached##suffix) F(attention_backward##suffix) F(activation_from_residual##suffix) \
    F(residual_from_activation##suffix) F(residual_add_activation##suffix) F(bias_add##suffix) F(column_sum##suffix) F(thin_product##suffix) F(thin_product_wide##suffix) \
    F(transpose##suffix)
#define HEAL_NUMBER_LOOPS(F, suffix) \
    F(exp##suffix) F(add##suffix) F(scale##suffix) F(axpy##suffix) F(scale_add##suffix) F(sum_squares##suffix) F(dot##suffix) \
    F(lse_update##suffix) F(adamw##suffix)
#define HEAL_LAYOUT_LOOPS(F) \
    F(convert_f32_to_bf16) F(convert_bf16_to_f32) F(convert_f32_to_f16) F(convert_f16_to_f32) F(convert_f64_to_f32) \
    F(convert_f32_to_f64) F(permute_f32_to_f32) F(permute_f32_to_bf16) F(permute_bf16_to_f32) F(permute_bf16_to_bf16) \
    F(permute_f64_to_f64) F(permute_strided_f32_to_f32) F(permute_strided_f32_to_bf16) F(permute_strided_bf16_to_f32) \
    F(permute_strided_bf16_to_bf16) F(permute_strided_f64_to_f64) F(transpose_f32_to_bf16) F(transpose_bf16_to_f32)
#define HEAL_NARROW_LOOPS(F) F(adamw_bf16) F(adamw_8bit_f32) F(adamw_8bit_bf16)
#define HEAL_LOOPS(F) \
    HEAL_ACTIVATION_LOOPS(F, _f32) HEAL_ACTIVATION_LOOPS(F, _f64) HEAL_ACTIVATION_LOOPS(F, _bf16) \
    HEAL_NUMBER_LOOPS(F, _f32) HEAL_NUMBER_LOOPS(F, _f64) HEAL_LAYOUT_LOOPS(F) HEAL_NARROW_LOOPS(F)
#define HEAL_LOOP_FIELD(name) __typeof__(heal_##name) *name;
#define HEAL_DECLARE_INSTANCE(name) __typeof__(heal_##name) HEAL_INSTANCE(heal_##name);

typedef struct heal_loops {
    const char *instruction_set;
    HEAL_LOOPS(HEAL_LOOP_FIELD)
} heal_loops;

// Instances that this processor can run: 0 (baseline), 1 (AVX2), 2 (AVX-512), 3 (AVX-512 with bfloat16 dot products), in this order; NULL beyond the last.
const heal_loops *_Nullable heal_loops_instance(int index);

#pragma clang assume_nonnull end

#endif
