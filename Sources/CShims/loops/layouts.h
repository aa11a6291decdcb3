// The element pairs of transposes and permutes. Textual include (instance.h).

HEAL_INLINE u16x16 load_bits(const uint16_t *p, ptrdiff_t count) {
    u16x16 v = {0};
    __builtin_memcpy(&v, p, count >= 16 ? 32 : (size_t)count * 2);
    return v;
}
HEAL_INLINE void store_bits(uint16_t *p, u16x16 v, ptrdiff_t count) { __builtin_memcpy(p, &v, count >= 16 ? 32 : (size_t)count * 2); }
HEAL_INLINE uint16_t narrow_one(float x) { return narrow(splat(x))[0]; }

#define LOAD(p, count) load(p, count)
#define STORE(p, v, count) store(p, v, count)
#define W f32x16
#define W_LANES 16

#define X float
#define Y float
#define ONE(to, from) to = from
#define HEAL_SAME 1
#define T(name) HEAL_INSTANCE_OF(heal_##name##_f32)
#define P(name) HEAL_INSTANCE_OF(heal_##name##_f32_to_f32)
#include "layout.h"
#undef Y
#undef ONE
#undef HEAL_SAME
#undef T
#undef P

#define Y uint16_t
#define ONE(to, from) to = narrow_one(from)
#define HEAL_SAME 0
#define T(name) HEAL_INSTANCE_OF(heal_##name##_f32_to_bf16)
#define P(name) HEAL_INSTANCE_OF(heal_##name##_f32_to_bf16)
#include "layout.h"
#undef X
#undef Y
#undef ONE
#undef T
#undef P

#define X uint16_t
#define Y float
#define ONE(to, from) to = value(&from)
#define T(name) HEAL_INSTANCE_OF(heal_##name##_bf16_to_f32)
#define P(name) HEAL_INSTANCE_OF(heal_##name##_bf16_to_f32)
#include "layout.h"
#undef Y
#undef ONE
#undef HEAL_SAME
#undef T
#undef P
#undef W
#undef LOAD
#undef STORE

#define W u16x16
#define LOAD(p, count) load_bits(p, count)
#define STORE(p, v, count) store_bits(p, v, count)
#define Y uint16_t
#define ONE(to, from) to = from
#define HEAL_SAME 1
#define T(name) HEAL_INSTANCE_OF(heal_##name##_bf16)
#define P(name) HEAL_INSTANCE_OF(heal_##name##_bf16_to_bf16)
#include "layout.h"
#undef X
#undef Y
#undef T
#undef P
#undef W
#undef W_LANES
#undef LOAD
#undef STORE

#define W f64x8
#define W_LANES 8
#define LOAD(p, count) load(p, count)
#define STORE(p, v, count) store(p, v, count)
#define X double
#define Y double
#define T(name) HEAL_INSTANCE_OF(heal_##name##_f64)
#define P(name) HEAL_INSTANCE_OF(heal_##name##_f64_to_f64)
#include "layout.h"
#undef X
#undef Y
#undef ONE
#undef HEAL_SAME
#undef T
#undef P
#undef W
#undef W_LANES
#undef LOAD
#undef STORE
