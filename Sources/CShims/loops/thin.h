// Products of a few rows with a matrix that is read once, as in generation: memory is what they wait for. Textual include (variant.h).

// Four rows of w at a time, so that additions do not wait for each other; a row's sum is the same whichever rows stand beside it.
#define HEAL_THIN_PRODUCT(name, H)                                                                                                          \
    HEAL_INLINE void F(name##_rows)(const int rows, ptrdiff_t m, ptrdiff_t k, const A *x, ptrdiff_t xstride, const A *w, ptrdiff_t wstride, \
                                    H *y, ptrdiff_t ystride, int accumulate) {                                                              \
        for (ptrdiff_t t = 0; t < m; t++) {                                                                                                 \
            V acc[4] = {0};                                                                                                                 \
            const A *row = x + t * xstride;                                                                                                 \
            HEAL_FOR_VECTORS(i, k, L, {                                                                                                     \
                const V factor = load(row + i, count);                                                                                      \
                _Pragma("clang loop unroll(full)") for (int j = 0; j < rows; j++)                                                           \
                    acc[j] = factor * load(w + j * wstride + i, count) + acc[j];                                                            \
            })                                                                                                                              \
            for (int j = 0; j < rows; j++) {                                                                                                \
                H *to = y + t * ystride + j;                                                                                                \
                put(to, accumulate ? value(to) + sum(acc[j]) : sum(acc[j]));                                                                \
            }                                                                                                                               \
        }                                                                                                                                   \
    }                                                                                                                                       \
    void F(name)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const A *x, ptrdiff_t xstride, const A *w, ptrdiff_t wstride, H *y,                 \
                 ptrdiff_t ystride, int accumulate) {                                                                                       \
        ptrdiff_t j = 0;                                                                                                                    \
        for (; j + 4 <= n; j += 4) F(name##_rows)(4, m, k, x, xstride, w + j * wstride, wstride, y + j, ystride, accumulate);               \
        for (; j < n; j++) F(name##_rows)(1, m, k, x, xstride, w + j * wstride, wstride, y + j, ystride, accumulate);                       \
    }

HEAL_THIN_PRODUCT(thin_product, A)
HEAL_THIN_PRODUCT(thin_product_wide, C)
#undef HEAL_THIN_PRODUCT
