// The element pairs of transposes and permutes. Textual include (instance.h).

HEAL_INLINE u16x16 load_bits(const uint16_t *p, ptrdiff_t count) {
    u16x16 v = {0};
    __builtin_memcpy(&v, p, count >= 16 ? 32 : (size_t)count * 2);
    return v;
}
HEAL_INLINE void store_bits(uint16_t *p, u16x16 v, ptrdiff_t count) { __builtin_memcpy(p, &v, count >= 16 ? 32 : (size_t)count * 2); }
HEAL_INLINE uint16_t narrow_one(float x) { return narrow(splat(x))[0]; }

// Below this many elements of an axis a transpose goes element by element: squares of vectors would be mostly empty.
#define HEAL_THIN 4

typedef struct {
    ptrdiff_t count, in, out, index;  // elements, elements from one to the next on both sides, where the loop is
} permute_axis;

// What a strided permute comes down to once axes of length 1 are gone and neighbours that stay neighbours are one: loops outside, then `unit` (the axis of stride 1
// in the input, or one of length 1) and `last` (the output's innermost).
typedef struct {
    int outer;
    permute_axis axes[sizeof(ptrdiff_t) * 8];  // each has two elements or more, so no more fit into the address space
    permute_axis unit, last;
    ptrdiff_t source, target;  // where the first element is
} permute_plan;

// 0 where there is nothing to do.
HEAL_INLINE int plan_permute(permute_plan *p, int rank, const ptrdiff_t *shape, const ptrdiff_t *instrides, ptrdiff_t begin, ptrdiff_t end) {
    const permute_axis one = {1, 1, 1, 0};
    ptrdiff_t outstride = 1;
    int n = 0;
    p->source = begin * instrides[0];
    // From the innermost axis out.
    for (int k = rank - 1; k >= 0; k--) {
        const permute_axis axis = {k == 0 ? end - begin : shape[k], instrides[k], outstride, 0};
        if (axis.count <= 0) return 0;
        if (k == 0) p->target = begin * outstride;
        outstride *= shape[k];
        if (axis.count == 1) continue;
        if (n > 0 && axis.in == p->axes[n - 1].count * p->axes[n - 1].in && axis.out == p->axes[n - 1].count * p->axes[n - 1].out)
            p->axes[n - 1].count *= axis.count;
        else
            p->axes[n++] = axis;
    }
    p->last = n > 0 ? p->axes[0] : one;
    p->unit = one;
    p->outer = 0;
    // The loops outside, outermost first. Of several axes of stride 1 the innermost is tiled.
    int unit = -1;
    for (int k = n - 1; k > 0; k--)
        if (p->last.in != 1 && p->axes[k].in == 1) unit = k;
    if (unit > 0) p->unit = p->axes[unit];
    for (int low = 0, high = n - 1; low < high; low++, high--) {
        const permute_axis swapped = p->axes[low];
        p->axes[low] = p->axes[high];
        p->axes[high] = swapped;
    }
    for (int k = 0; k < n - 1; k++)
        if (unit < 0 || k != n - 1 - unit) p->axes[p->outer++] = p->axes[k];
    return 1;
}

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
