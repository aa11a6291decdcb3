// Conversions between formats. Textual include (instance.h).

void HEAL_INSTANCE(heal_convert_f32_to_bf16)(ptrdiff_t n, const float *from, uint16_t *to) {
    HEAL_FOR_VECTORS(i, n, 16, store(to + i, load(from + i, count), count);)
}

void HEAL_INSTANCE(heal_convert_bf16_to_f32)(ptrdiff_t n, const uint16_t *from, float *to) {
    HEAL_FOR_VECTORS(i, n, 16, store(to + i, load(from + i, count), count);)
}

// binary16 <- binary32 by integer arithmetic; below 2^-14 the addition of 0.5 rounds to the grid of the subnormals.
HEAL_INLINE u16x16 half_from_float(f32x16 x) {
    u32x16 bits = (u32x16)x, sign = (bits >> 16) & 0x8000, a = bits & 0x7fffffff;
    u32x16 normal = (a - 0x38000000 + 0xfff + ((a >> 13) & 1)) >> 13;
    u32x16 subnormal = (u32x16)((f32x16)a + 0.5f) - 0x3f000000;
    u32x16 h = (u32x16)choose((i32x16)(a < 0x38800000), (f32x16)subnormal, (f32x16)normal);
    u32x16 infinite = (u32x16)(a >= 0x47800000), nan = (u32x16)(a > 0x7f800000);
    h = (~infinite & h) | (infinite & 0x7c00);
    h = (~nan & h) | (nan & (0x7e00 | ((a >> 13) & 0x3ff)));
    return __builtin_convertvector(h | sign, u16x16);
}

// The half's exponent and mantissa, read as a float, are the value times 2^-112, subnormals included.
HEAL_INLINE f32x16 float_from_half(u16x16 h) {
    u32x16 w = __builtin_convertvector(h, u32x16), magnitude = (w & 0x7fff) << 13;
    u32x16 bits = (u32x16)((f32x16)magnitude * 0x1p112f);
    bits |= (u32x16)(magnitude >= 0x0f800000) & 0x7f800000;
    return (f32x16)(bits | (w & 0x8000) << 16);
}

void HEAL_INSTANCE(heal_convert_f32_to_f16)(ptrdiff_t n, const float *from, uint16_t *to) {
    HEAL_FOR_VECTORS(i, n, 16, {
        u16x16 h = half_from_float(load(from + i, count));
        __builtin_memcpy(to + i, &h, (size_t)count * 2);
    })
}

void HEAL_INSTANCE(heal_convert_f16_to_f32)(ptrdiff_t n, const uint16_t *from, float *to) {
    HEAL_FOR_VECTORS(i, n, 16, {
        u16x16 h = {0};
        __builtin_memcpy(&h, from + i, (size_t)count * 2);
        store(to + i, float_from_half(h), count);
    })
}

void HEAL_INSTANCE(heal_convert_f64_to_f32)(ptrdiff_t n, const double *from, float *to) {
    for (ptrdiff_t i = 0; i < n; i++) to[i] = (float)from[i];
}

void HEAL_INSTANCE(heal_convert_f32_to_f64)(ptrdiff_t n, const float *from, double *to) {
    for (ptrdiff_t i = 0; i < n; i++) to[i] = (double)from[i];
}
