// Rotary position embedding in place. Textual include (variant.h).

void F(rope)(ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, A *x, ptrdiff_t xstride, const int32_t *positions, const C *cos, const C *sin,
             int inverse) {
    const ptrdiff_t half = head_dim / 2;
    const C sign = inverse ? -1 : 1;
    for (ptrdiff_t t = 0; t < rows; t++) {
        const C *c = cos + positions[t] * half, *s = sin + positions[t] * half;
        for (ptrdiff_t head = 0; head < heads; head++) {
            A *low = x + t * xstride + head * head_dim, *high = low + half;
            HEAL_FOR_VECTORS(j, half, L, {
                V a = load(low + j, count), b = load(high + j, count);
                V cj = load(c + j, count), sj = sign * load(s + j, count);
                V bs = b * sj, as = a * sj;
                store(low + j, a * cj - bs, count);
                store(high + j, b * cj + as, count);
            })
        }
    }
}
