// Root mean square norm over rows, and over the heads of rows. Textual include (variant.h).

// Sum of squares of a row: four accumulators, so that the additions do not wait for each other.
#define HEAL_ROW_SUM(result, n, term)                                                                                                       \
    {                                                                                                                                       \
        V acc0 = {0}, acc1 = {0}, acc2 = {0}, acc3 = {0};                                                                                   \
        ptrdiff_t i = 0;                                                                                                                    \
        for (; i + 4 * L <= (n); i += 4 * L) {                                                                                              \
            acc0 += term(i, L);                                                                                                             \
            acc1 += term(i + L, L);                                                                                                         \
            acc2 += term(i + 2 * L, L);                                                                                                     \
            acc3 += term(i + 3 * L, L);                                                                                                     \
        }                                                                                                                                   \
        for (; i < (n); i += L) acc0 += term(i, (n)-i);                                                                                     \
        result = sum((acc0 + acc1) + (acc2 + acc3));                                                                                        \
    }

#define HEAL_NORM_FUNCTIONS(name, X, H)                                                                                                     \
    HEAL_INLINE C F(name##_row_forward)(ptrdiff_t d, const X *x, const C *w, C eps, H *h) {                                                 \
        C squares;                                                                                                                          \
        HEAL_ROW_SUM(squares, d, HEAL_SQUARE)                                                                                               \
        const C rstd = 1 / square_root(squares / (C)d + eps);                                                                               \
        HEAL_FOR_VECTORS(i, d, L, store(h + i, load(x + i, count) * rstd * load(w + i, count), count);)                                     \
        return rstd;                                                                                                                        \
    }                                                                                                                                       \
    HEAL_INLINE void F(name##_row_backward)(ptrdiff_t d, const X *dy, const X *x, const C *w, C rstd, X *dx, C *dw, int accumulate) {       \
        C along;                                                                                                                            \
        HEAL_ROW_SUM(along, d, HEAL_ALONG)                                                                                                  \
        const C radial = along * rstd * rstd * rstd / (C)d;                                                                                 \
        HEAL_FOR_VECTORS(i, d, L, {                                                                                                         \
            V g = load(dy + i, count), value = load(x + i, count);                                                                          \
            if (dw) {                                                                                                                       \
                V normed = value * rstd;                                                                                                    \
                store(dw + i, load(dw + i, count) + g * normed, count);                                                                     \
            }                                                                                                                               \
            V base = g * load(w + i, count) * rstd;                                                                                         \
            V change = base - value * radial;                                                                                               \
            store(dx + i, accumulate ? load(dx + i, count) + change : change, count);                                                       \
        })                                                                                                                                  \
    }
#define HEAL_SQUARE(i, count) (load(x + (i), count) * load(x + (i), count))
#define HEAL_ALONG(i, count) (load(dy + (i), count) * load(w + (i), count) * load(x + (i), count))

HEAL_NORM_FUNCTIONS(rms, R, A)
HEAL_NORM_FUNCTIONS(head, A, A)

#undef HEAL_NORM_FUNCTIONS
#undef HEAL_ROW_SUM
#undef HEAL_SQUARE
#undef HEAL_ALONG

void F(rmsnorm_forward)(ptrdiff_t rows, ptrdiff_t d, const R *x, const C *w, C eps, A *h, C *rstd) {
    for (ptrdiff_t t = 0; t < rows; t++) rstd[t] = F(rms_row_forward)(d, x + t * d, w, eps, h + t * d);
}

void F(rmsnorm_backward)(ptrdiff_t rows, ptrdiff_t d, const R *dy, const R *x, const C *w, const C *rstd, R *dx, C *dw, int accumulate) {
    for (ptrdiff_t t = 0; t < rows; t++) F(rms_row_backward)(d, dy + t * d, x + t * d, w, rstd[t], dx + t * d, dw, accumulate);
}

// From the output h = x rstd w: along = sum dy h, dx = rstd (dy w - (h / w) along / d).
void F(rmsnorm_backward_output)(ptrdiff_t rows, ptrdiff_t d, const R *dy, const A *h, const C *w, const C *rstd, R *dx, C *dw, int accumulate) {
    for (ptrdiff_t t = 0; t < rows; t++, dy += d, h += d, dx += d) {
        V sums[2] = {{0}, {0}};
        ptrdiff_t i = 0;
        for (; i + 2 * L <= d; i += 2 * L) {
            sums[0] += load(dy + i) * load(h + i);
            sums[1] += load(dy + i + L) * load(h + i + L);
        }
        for (; i < d; i += L) sums[0] += load(dy + i, d - i) * load(h + i, d - i);
        const C radial = sum(sums[0] + sums[1]) / (C)d;
        HEAL_FOR_VECTORS(k, d, L, {
            V g = load(dy + k, count), weight = load(w + k, count);
            V normed = load(h + k, count) / weight;
            if (dw) store(dw + k, load(dw + k, count) + g * normed, count);
            V change = (g * weight - normed * radial) * rstd[t];
            store(dx + k, accumulate ? load(dx + k, count) + change : change, count);
        })
    }
}

void F(headnorm_forward)(ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, const A *x, ptrdiff_t xstride, const C *w, C eps, A *h,
                         ptrdiff_t hstride, C *rstd) {
    for (ptrdiff_t t = 0; t < rows; t++)
        for (ptrdiff_t head = 0; head < heads; head++)
            rstd[t * heads + head] = F(head_row_forward)(head_dim, x + t * xstride + head * head_dim, w, eps, h + t * hstride + head * head_dim);
}

void F(headnorm_backward)(ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, const A *dy, ptrdiff_t dystride, const A *x, ptrdiff_t xstride,
                          const C *w, const C *rstd, A *dx, ptrdiff_t dxstride, C *dw) {
    for (ptrdiff_t t = 0; t < rows; t++)
        for (ptrdiff_t head = 0; head < heads; head++) {
            const ptrdiff_t at = head * head_dim;
            F(head_row_backward)(head_dim, dy + t * dystride + at, x + t * xstride + at, w, rstd[t * heads + head], dx + t * dxstride + at, dw, 0);
        }
}
