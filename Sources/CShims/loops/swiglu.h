// SwiGLU and its pullback. Textual include (variant.h).

// exp(-g) overflows to inf below -88.7, where silu is 0 to working precision: 1 / inf is what is wanted.
HEAL_INLINE V F(sigmoid)(V g) { return 1 / (1 + exponential(-g)); }

void F(swiglu_forward)(ptrdiff_t n, const A *gate, const A *up, A *act) {
    HEAL_FOR_VECTORS(i, n, L, {
        V g = load(gate + i, count);
        store(act + i, g * F(sigmoid)(g) * load(up + i, count), count);
    })
}

void F(swiglu_backward)(ptrdiff_t n, const A *dact, const A *gate, const A *up, A *dgate, A *dup) {
    HEAL_FOR_VECTORS(i, n, L, {
        V g = load(gate + i, count), u = load(up + i, count), dy = load(dact + i, count);
        V s = F(sigmoid)(g);
        V slope = s * (1 + g * (1 - s));
        store(dgate + i, dy * u * slope, count);
        store(dup + i, dy * g * s, count);
    })
}

void F(swiglu_rows_forward)(ptrdiff_t rows, ptrdiff_t d, const A *gate, ptrdiff_t gstride, const A *up, ptrdiff_t ustride, A *act,
                            ptrdiff_t astride) {
    for (ptrdiff_t t = 0; t < rows; t++) F(swiglu_forward)(d, gate + t * gstride, up + t * ustride, act + t * astride);
}

void F(swiglu_rows_backward)(ptrdiff_t rows, ptrdiff_t d, const A *dact, ptrdiff_t dastride, const A *gate, ptrdiff_t gstride, const A *up,
                             ptrdiff_t ustride, A *dgate, ptrdiff_t dgstride, A *dup, ptrdiff_t dustride) {
    for (ptrdiff_t t = 0; t < rows; t++)
        F(swiglu_backward)(d, dact + t * dastride, gate + t * gstride, up + t * ustride, dgate + t * dgstride, dup + t * dustride);
}
