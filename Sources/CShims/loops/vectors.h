// Vectors of 64 bytes for every instruction set: the compiler splits them where registers are narrower, so lane counts, and with them the
// order of every sum, are the same everywhere. Helpers are overloaded on the element type; bfloat16 loads as float.
//
// Textual include only (see instance.h): the functions must be compiled under the instruction set of the including file.

typedef float f32x16 __attribute__((vector_size(64)));
typedef int32_t i32x16 __attribute__((vector_size(64)));
typedef uint32_t u32x16 __attribute__((vector_size(64)));
typedef uint16_t u16x16 __attribute__((vector_size(32)));
typedef double f64x8 __attribute__((vector_size(64)));
typedef int64_t i64x8 __attribute__((vector_size(64)));
typedef uint32_t bf16_pair __attribute__((aligned(2), may_alias));  // two bfloat16 neighbours, the first in the low half

#define HEAL_INLINE static inline __attribute__((overloadable, always_inline, unused))

// Runs the body for i = 0, lanes, 2 lanes, ...; `count` is the number of elements that are left, at most `lanes`. The body is expanded twice, so
// that `count` is a constant in the hot loop and load/store cost nothing extra there.
#define HEAL_FOR_VECTORS(i, n, lanes, ...)                                                                                                  \
    {                                                                                                                                       \
        ptrdiff_t i = 0;                                                                                                                    \
        for (; i + (lanes) <= (n); i += (lanes)) {                                                                                          \
            const ptrdiff_t count = (lanes);                                                                                                \
            __VA_ARGS__                                                                                                                     \
        }                                                                                                                                   \
        if (i < (n)) {                                                                                                                      \
            const ptrdiff_t count = (n)-i;                                                                                                  \
            __VA_ARGS__                                                                                                                     \
        }                                                                                                                                   \
    }

// ---- Choosing and broadcasting

HEAL_INLINE f32x16 choose(i32x16 mask, f32x16 a, f32x16 b) { return (f32x16)((mask & (i32x16)a) | (~mask & (i32x16)b)); }
HEAL_INLINE f64x8 choose(i64x8 mask, f64x8 a, f64x8 b) { return (f64x8)((mask & (i64x8)a) | (~mask & (i64x8)b)); }
// The greater one; b where one is NaN.
HEAL_INLINE f32x16 greater(f32x16 a, f32x16 b) { return choose(a > b, a, b); }
HEAL_INLINE f64x8 greater(f64x8 a, f64x8 b) { return choose(a > b, a, b); }
HEAL_INLINE f32x16 splat(float a) { return (f32x16){a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a}; }
HEAL_INLINE f64x8 splat(double a) { return (f64x8){a, a, a, a, a, a, a, a}; }

// ---- bfloat16

HEAL_INLINE f32x16 widen(u16x16 h) { return (f32x16)(__builtin_convertvector(h, u32x16) << 16); }
HEAL_INLINE u16x16 narrow(f32x16 x) {
    u32x16 bits = (u32x16)x;
    u32x16 rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    u32x16 quiet = (bits >> 16) | 0x40;  // rounding could carry a NaN into infinity
    u32x16 nan = (u32x16)(x != x);
    return __builtin_convertvector((nan & quiet) | (~nan & rounded), u16x16);
}

// ---- Loads and stores of `count` elements, a full vector or less; the lanes that are not loaded are zero

HEAL_INLINE f32x16 load(const float *p) { f32x16 v; __builtin_memcpy(&v, p, 64); return v; }
HEAL_INLINE f64x8 load(const double *p) { f64x8 v; __builtin_memcpy(&v, p, 64); return v; }
HEAL_INLINE f32x16 load(const uint16_t *p) { u16x16 v; __builtin_memcpy(&v, p, 32); return widen(v); }
HEAL_INLINE void store(float *p, f32x16 v) { __builtin_memcpy(p, &v, 64); }
HEAL_INLINE void store(double *p, f64x8 v) { __builtin_memcpy(p, &v, 64); }
HEAL_INLINE void store(uint16_t *p, f32x16 v) { u16x16 h = narrow(v); __builtin_memcpy(p, &h, 32); }

HEAL_INLINE f32x16 load(const float *p, ptrdiff_t count) {
    if (count >= 16) return load(p);
    f32x16 v = {0};
    __builtin_memcpy(&v, p, (size_t)count * 4);
    return v;
}
HEAL_INLINE f64x8 load(const double *p, ptrdiff_t count) {
    if (count >= 8) return load(p);
    f64x8 v = {0};
    __builtin_memcpy(&v, p, (size_t)count * 8);
    return v;
}
HEAL_INLINE f32x16 load(const uint16_t *p, ptrdiff_t count) {
    if (count >= 16) return load(p);
    u16x16 v = {0};
    __builtin_memcpy(&v, p, (size_t)count * 2);
    return widen(v);
}
HEAL_INLINE void store(float *p, f32x16 v, ptrdiff_t count) {
    if (count >= 16) store(p, v); else __builtin_memcpy(p, &v, (size_t)count * 4);
}
HEAL_INLINE void store(double *p, f64x8 v, ptrdiff_t count) {
    if (count >= 8) store(p, v); else __builtin_memcpy(p, &v, (size_t)count * 8);
}
HEAL_INLINE void store(uint16_t *p, f32x16 v, ptrdiff_t count) {
    u16x16 h = narrow(v);
    if (count >= 16) __builtin_memcpy(p, &h, 32); else __builtin_memcpy(p, &h, (size_t)count * 2);
}

// One element, for rows that are read by scalars.
HEAL_INLINE float value(const float *p) { return *p; }
HEAL_INLINE double value(const double *p) { return *p; }
HEAL_INLINE float value(const uint16_t *p) {
    uint32_t bits = (uint32_t)*p << 16;
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
}

// The other way: one element rounded to the type it is stored as.
HEAL_INLINE void put(float *p, float x) { *p = x; }
HEAL_INLINE void put(double *p, double x) { *p = x; }
HEAL_INLINE void put(uint16_t *p, float x) { *p = narrow(splat(x))[0]; }

// ---- Over the lanes, halving: lane k meets lane k + half

HEAL_INLINE double sum(f64x8 v) {
    double a = v[0] + v[4], b = v[1] + v[5], c = v[2] + v[6], d = v[3] + v[7];
    return (a + c) + (b + d);
}
HEAL_INLINE float sum(f32x16 v) {
    typedef float f32x8 __attribute__((vector_size(32)));
    typedef float f32x4 __attribute__((vector_size(16)));
    f32x8 h = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    f32x4 q = __builtin_shufflevector(h, h, 0, 1, 2, 3) + __builtin_shufflevector(h, h, 4, 5, 6, 7);
    return (q[0] + q[2]) + (q[1] + q[3]);
}
HEAL_INLINE float maximum(f32x16 v) {
    float m = v[0];
    for (int k = 1; k < 16; k++) m = v[k] > m ? v[k] : m;
    return m;
}
HEAL_INLINE double maximum(f64x8 v) {
    double m = v[0];
    for (int k = 1; k < 8; k++) m = v[k] > m ? v[k] : m;
    return m;
}

// ---- exp

// exp(x) for every x: x = k ln 2 + r, |r| <= ln 2 / 2, exp(r) = 1 + r + r^2 q(r) with q fitted for least relative error (3.1e-9), 2^k applied in
// two halves so that overflow and gradual underflow come out right.
HEAL_INLINE f32x16 exp_reduced(f32x16 x, i32x16 *k) {
    const float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer and leaves that in the low bits
    f32x16 shifted = x * 1.44269504f + shift;
    f32x16 whole = shifted - shift;
    f32x16 r = x - whole * 0.693359375f;
    r = r - whole * -2.12194440e-4f;
    *k = (i32x16)shifted;
    f32x16 q = r * 0.00138143089f + 0.00836885627f;
    q = q * r + 0.0416684002f;
    q = q * r + 0.166665196f;
    q = q * r + 0.49999994f;
    q = q * r + 1.0f;
    return q * r + 1.0f;
}
HEAL_INLINE f32x16 exponential(f32x16 x) {
    f32x16 high = choose(x > 89.0f, splat(89.0f), x);  // NaN passes both comparisons
    f32x16 y = choose(high < -104.0f, splat(-104.0f), high);
    i32x16 k;
    f32x16 p = exp_reduced(y, &k);
    k = k - 0x4b400000;
    i32x16 half = k >> 1;
    f32x16 a = (f32x16)((half + 127) << 23), b = (f32x16)((k - half + 127) << 23);
    return p * a * b;
}
// exp(x) for x <= 0 or a little above (rounding), as after subtracting a maximum; below -87.3 it is 0, where exp is subnormal.
HEAL_INLINE f32x16 exponential_nonpositive(f32x16 x) {
    i32x16 k;
    f32x16 p = exp_reduced(choose(x < -87.3f, splat(-87.3f), x), &k);
    i32x16 bits = (i32x16)p + (k << 23);
    return (f32x16)(bits & ~(i32x16)(x < -87.3f));  // NaN stays
}
HEAL_INLINE f64x8 exponential(f64x8 x) {
    f64x8 y;
    for (int k = 0; k < 8; k++) y[k] = __builtin_exp(x[k]);
    return y;
}
HEAL_INLINE f64x8 exponential_nonpositive(f64x8 x) { return exponential(x); }

HEAL_INLINE float logarithm(float x) { return __builtin_logf(x); }
HEAL_INLINE double logarithm(double x) { return __builtin_log(x); }
HEAL_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
HEAL_INLINE double square_root(double x) { return __builtin_sqrt(x); }
HEAL_INLINE f32x16 square_root(f32x16 x) { return __builtin_elementwise_sqrt(x); }
HEAL_INLINE f64x8 square_root(f64x8 x) { return __builtin_elementwise_sqrt(x); }

// ---- Square transposition in registers: `lanes` rounds of interleaving row k with row k + half rotate the bits of the address (row, lane), so that
// ---- after log2(lanes) rounds row and lane have changed places

#define HEAL_INTERLEAVE_16(type)                                                                                                            \
    HEAL_INLINE void transpose_square(type *rows) {                                                                                         \
        for (int round = 0; round < 4; round++) {                                                                                           \
            type next[16];                                                                                                                  \
            for (int k = 0; k < 8; k++) {                                                                                                   \
                next[2 * k] = __builtin_shufflevector(rows[k], rows[k + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);        \
                next[2 * k + 1] =                                                                                                           \
                    __builtin_shufflevector(rows[k], rows[k + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);            \
            }                                                                                                                               \
            for (int k = 0; k < 16; k++) rows[k] = next[k];                                                                                 \
        }                                                                                                                                   \
    }
HEAL_INTERLEAVE_16(f32x16)
HEAL_INTERLEAVE_16(u16x16)
#undef HEAL_INTERLEAVE_16

HEAL_INLINE void transpose_square(f64x8 *rows) {
    for (int round = 0; round < 3; round++) {
        f64x8 next[8];
        for (int k = 0; k < 4; k++) {
            next[2 * k] = __builtin_shufflevector(rows[k], rows[k + 4], 0, 8, 1, 9, 2, 10, 3, 11);
            next[2 * k + 1] = __builtin_shufflevector(rows[k], rows[k + 4], 4, 12, 5, 13, 6, 14, 7, 15);
        }
        for (int k = 0; k < 8; k++) rows[k] = next[k];
    }
}
