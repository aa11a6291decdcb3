// AdamW on parameters and moments of few bits, with random rounding. Textual include (instance.h).

typedef uint8_t u8x16 __attribute__((vector_size(16)));

// ---- Random bits, a function of key and counter alone: lane k gets those of counter + k (integer hash "lowbias32", C. Wellons 2018)

HEAL_INLINE u32x16 random_bits(uint32_t key, uint32_t counter) {
    u32x16 x = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    x = ((x + counter) * 0x9e3779b9u) ^ key;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return x ^ (x >> 16);
}

// Parameters after an update. Finite values only, which the caller has made sure of: bfloat16 rounds up with the probability of what is cut off.
HEAL_INLINE void store_randomly(float *p, f32x16 v, u32x16 random, ptrdiff_t count) { store(p, v, count); }
HEAL_INLINE void store_randomly(uint16_t *p, f32x16 v, u32x16 random, ptrdiff_t count) {
    u16x16 h = __builtin_convertvector(((u32x16)v + (random & 0xffff)) >> 16, u16x16);
    if (count >= 16) __builtin_memcpy(p, &h, 32); else __builtin_memcpy(p, &h, (size_t)count * 2);
}

// ---- Codes: the bits of x + bias, from those of the bias on, are a logarithm made of straight pieces of 16 codes an octave, and linear near 0

#define HEAL_CODE_SHIFT 19  // four bits of the mantissa are kept
#define HEAL_M_BIAS 0x1p-8f   // 8 octaves in 7 bits
#define HEAL_V_BIAS 0x1p-16f  // 16 octaves in 8 bits
#define HEAL_M_TOP (0.96875f - HEAL_M_BIAS)  // code 127
#define HEAL_V_TOP (0.96875f - HEAL_V_BIAS)  // code 255

HEAL_INLINE u32x16 code_bits(const uint8_t *p, ptrdiff_t count) {
    u8x16 q = {0};
    if (count >= 16) __builtin_memcpy(&q, p, 16); else __builtin_memcpy(&q, p, (size_t)count);
    return __builtin_convertvector(q, u32x16);
}
HEAL_INLINE void store_codes(uint8_t *p, u32x16 codes, ptrdiff_t count) {
    u8x16 q = __builtin_convertvector(codes, u8x16);
    if (count >= 16) __builtin_memcpy(p, &q, 16); else __builtin_memcpy(p, &q, (size_t)count);
}
HEAL_INLINE f32x16 code_value(u32x16 codes, f32x16 bias) { return (f32x16)((codes << HEAL_CODE_SHIFT) + (u32x16)bias) - bias; }
// `random` below 2^16: what lies between two codes goes to the upper one with the probability that keeps the mean.
HEAL_INLINE u32x16 code_of(f32x16 x, f32x16 bias, u32x16 random) {
    return ((u32x16)(x + bias) - (u32x16)bias + (random << (HEAL_CODE_SHIFT - 16))) >> HEAL_CODE_SHIFT;
}

// ---- The update

typedef struct {
    float keep, lerp, decay, fresh, step, root, epsilon, scale;
} adamw_factors;

// As F(adamw) prepares them.
HEAL_INLINE adamw_factors factors(const heal_adamw_rates *r) {
    return (adamw_factors){
        .keep = (float)(1.0 - r->lr * r->weight_decay), .lerp = (float)(1.0 - r->beta1), .decay = (float)r->beta2, .fresh = (float)(1.0 - r->beta2),
        .step = (float)(r->lr / r->bias_correction1), .root = (float)__builtin_sqrt(r->bias_correction2), .epsilon = (float)r->eps,
        .scale = (float)r->grad_scale};
}

HEAL_INLINE f32x16 updated(f32x16 p, f32x16 m, f32x16 v, adamw_factors a) {
    return a.keep * p - a.step * (m / (square_root(v) / a.root + a.epsilon));
}

void HEAL_INSTANCE(heal_adamw_bf16)(ptrdiff_t n, uint16_t *param, const float *grad, float *m, float *v, const heal_adamw_rates *rates,
                                    uint32_t key) {
    const adamw_factors a = factors(rates);
    HEAL_FOR_VECTORS(i, n, 16, {
        f32x16 g = a.scale * load(grad + i, count);
        f32x16 m0 = load(m + i, count);
        f32x16 m1 = m0 + a.lerp * (g - m0);
        f32x16 v1 = a.decay * load(v + i, count) + a.fresh * g * g;
        store(m + i, m1, count);
        store(v + i, v1, count);
        store_randomly(param + i, updated(load(param + i, count), m1, v1, a), random_bits(key, (uint32_t)i), count);
    })
}

// 1 / x, or 0 where that would overflow: such a block counts as zero.
HEAL_INLINE float inverse(float x) { return x > 0x1p-120f ? 1 / x : 0; }

#define HEAL_ADAMW_8BIT(name, type)                                                                                                         \
    void HEAL_INSTANCE(name)(ptrdiff_t n, type *param, const float *grad, uint8_t *m, float *m_scale, uint8_t *v, float *v_scale,           \
                             const heal_adamw_rates *rates, uint32_t key) {                                                                 \
        const adamw_factors a = factors(rates);                                                                                             \
        const f32x16 m_bias = splat(HEAL_M_BIAS), v_bias = splat(HEAL_V_BIAS);                                                              \
        for (ptrdiff_t start = 0; start < n; start += HEAL_MOMENT_BLOCK, m_scale++, v_scale++) {                                            \
            const ptrdiff_t size = n - start < HEAL_MOMENT_BLOCK ? n - start : HEAL_MOMENT_BLOCK;                                           \
            f32x16 m1[HEAL_MOMENT_BLOCK / 16], v1[HEAL_MOMENT_BLOCK / 16], m_max = {0}, v_max = {0};                                        \
            HEAL_FOR_VECTORS(i, size, 16, {                                                                                                 \
                const ptrdiff_t at = start + i;                                                                                             \
                f32x16 g = a.scale * load(grad + at, count);                                                                                \
                u32x16 codes = code_bits(m + at, count);                                                                                    \
                f32x16 magnitude = *m_scale * code_value(codes & 0x7f, m_bias);                                                             \
                f32x16 m0 = (f32x16)((u32x16)magnitude | (codes & 0x80) << 24);                                                             \
                f32x16 m2 = m0 + a.lerp * (g - m0);                                                                                         \
                f32x16 v2 = a.decay * (*v_scale * code_value(code_bits(v + at, count), v_bias)) + a.fresh * g * g;                          \
                m1[i / 16] = m2;                                                                                                            \
                v1[i / 16] = v2;                                                                                                            \
                m_max = greater((f32x16)((u32x16)m2 & 0x7fffffff), m_max);                                                                  \
                v_max = greater(v2, v_max);                                                                                                 \
                store_randomly(param + at, updated(load(param + at, count), m2, v2, a), random_bits(~key, (uint32_t)at), count);            \
            })                                                                                                                              \
            *m_scale = maximum(m_max) / HEAL_M_TOP;                                                                                         \
            *v_scale = maximum(v_max) / HEAL_V_TOP;                                                                                         \
            const float m_inverse = inverse(*m_scale), v_inverse = inverse(*v_scale);                                                       \
            HEAL_FOR_VECTORS(i, size, 16, {                                                                                                 \
                const u32x16 random = random_bits(key, (uint32_t)(start + i)), bits = (u32x16)m1[i / 16];                                   \
                u32x16 m_code = code_of((f32x16)(bits & 0x7fffffff) * m_inverse, m_bias, random & 0xffff);                                  \
                u32x16 v_code = code_of(v1[i / 16] * v_inverse, v_bias, random >> 16);                                                      \
                /* A second moment that is not zero never becomes zero: the step divides by its root. */                                    \
                v_code |= (u32x16)(v_code == 0) & (u32x16)(v1[i / 16] > 0) & 1;                                                             \
                store_codes(m + start + i, m_code | (bits >> 24 & 0x80), count);                                                            \
                store_codes(v + start + i, v_code, count);                                                                                  \
            })                                                                                                                              \
        }                                                                                                                                   \
    }
HEAL_ADAMW_8BIT(heal_adamw_8bit_f32, float)
HEAL_ADAMW_8BIT(heal_adamw_8bit_bf16, uint16_t)
#undef HEAL_ADAMW_8BIT
