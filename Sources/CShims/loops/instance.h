// All loops for one instruction set: included by baseline.c and its neighbours, with HEAL_INSTANCE(name) giving a function its name there
// and HEAL_BLOCK_ROWS x HEAL_BLOCK_VECTORS accumulators of 64 bytes for small products;
// HEAL_BF16_TERMS is 2 where products of bfloat16 pairs are an instruction, else 1.

#pragma clang diagnostic ignored "-Wpsabi"  // vectors are passed between inlined functions only

#include "vectors.h"
#include "convert.h"

#define HEAL_INSTANCE_OF(name) HEAL_INSTANCE(name)

#include "layouts.h"
#include "adamw_narrow.h"

#define A float
#define R float
#define C float
#define V f32x16
#define L 16
#define F(name) HEAL_INSTANCE_OF(heal_##name##_f32)
#define HEAL_HAS_NUMBERS 1
#define HEAL_A_IS_C 1
#define HEAL_TERMS 1
#include "variant.h"
#undef A
#undef R
#undef C
#undef V
#undef L
#undef F
#undef HEAL_HAS_NUMBERS
#undef HEAL_A_IS_C
#undef HEAL_TERMS

#define A double
#define R double
#define C double
#define V f64x8
#define L 8
#define F(name) HEAL_INSTANCE_OF(heal_##name##_f64)
#define HEAL_HAS_NUMBERS 1
#define HEAL_A_IS_C 1
#define HEAL_TERMS 1
#include "variant.h"
#undef A
#undef R
#undef C
#undef V
#undef L
#undef F
#undef HEAL_HAS_NUMBERS
#undef HEAL_A_IS_C
#undef HEAL_TERMS

#define A uint16_t
#define R float
#define C float
#define V f32x16
#define L 16
#define F(name) HEAL_INSTANCE_OF(heal_##name##_bf16)
#define HEAL_HAS_NUMBERS 0
#define HEAL_A_IS_C 0
#define HEAL_TERMS HEAL_BF16_TERMS
#include "variant.h"
#undef A
#undef R
#undef C
#undef V
#undef L
#undef F
#undef HEAL_HAS_NUMBERS
#undef HEAL_A_IS_C
#undef HEAL_TERMS
