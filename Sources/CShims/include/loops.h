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
// On x86-64 each function exists three times (baseline, AVX2 + FMA, AVX-512) and the loader picks one when the program starts. The bits of a
// result may differ between these (fused multiply-add or not), never between two calls on one machine.

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

#pragma clang assume_nonnull begin

// What the loader picked: "baseline", "avx2" or "avx512" ("baseline" on every other processor family).
const char *heal_loops_instruction_set(void);

#pragma clang assume_nonnull end

#endif
