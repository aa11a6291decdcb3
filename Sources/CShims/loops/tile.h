// Small matrix products and transposed tiles, the ground attention stands on. Textual include (variant.h).
//
// Tiles hold TQ queries in lanes: a query's scores lie in one lane, so maxima and sums over keys need no horizontal operation, and rows of k and v
// are read as scalars from where they lie, with no packing.

#define TQ (4 * L)  // queries in a tile
#define TK 64       // keys in a tile

// out[r, :] (+)= sum_p x[r xrow + p xstep] y[p, :] for `rows` rows and `vectors` vectors of lanes; both are constants after inlining, and the
// accumulators stay in registers.
HEAL_INLINE void F(micro_product)(const int rows, const int vectors, ptrdiff_t depth, const C *x, ptrdiff_t xrow, ptrdiff_t xstep, const C *y,
                                  ptrdiff_t ystride, C *out, ptrdiff_t outstride, int accumulate) {
    V acc[HEAL_BLOCK_ROWS][HEAL_BLOCK_VECTORS];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) acc[r][v] = accumulate ? load(out + r * outstride + v * L) : splat((C)0);
#pragma clang loop unroll_count(2)
    for (ptrdiff_t p = 0; p < depth; p++) {
        V lanes[HEAL_BLOCK_VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) lanes[v] = load(y + p * ystride + v * L);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            const V factor = splat(x[r * xrow + p * xstep]);
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) acc[r][v] = factor * lanes[v] + acc[r][v];
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) store(out + r * outstride + v * L, acc[r][v]);
}

HEAL_INLINE void F(strip_product)(const int vectors, ptrdiff_t rows, ptrdiff_t depth, const C *x, ptrdiff_t xrow, ptrdiff_t xstep, const C *y,
                                  ptrdiff_t ystride, C *out, ptrdiff_t outstride, int accumulate) {
    ptrdiff_t r = 0;
    for (; r + HEAL_BLOCK_ROWS <= rows; r += HEAL_BLOCK_ROWS)
        F(micro_product)(HEAL_BLOCK_ROWS, vectors, depth, x + r * xrow, xrow, xstep, y, ystride, out + r * outstride, outstride, accumulate);
    for (; r < rows; r++)
        F(micro_product)(1, vectors, depth, x + r * xrow, xrow, xstep, y, ystride, out + r * outstride, outstride, accumulate);
}

// out [rows, vectors L] (+)= x y with x[r, p] at x[r xrow + p xstep], y [depth, vectors L]. Each element is one chain of multiply-adds over p in order.
static void F(product)(ptrdiff_t rows, ptrdiff_t vectors, ptrdiff_t depth, const C *x, ptrdiff_t xrow, ptrdiff_t xstep, const C *y,
                       ptrdiff_t ystride, C *out, ptrdiff_t outstride, int accumulate) {
    ptrdiff_t v = 0;
    for (; v + HEAL_BLOCK_VECTORS <= vectors; v += HEAL_BLOCK_VECTORS)
        F(strip_product)(HEAL_BLOCK_VECTORS, rows, depth, x, xrow, xstep, y + v * L, ystride, out + v * L, outstride, accumulate);
#if HEAL_BLOCK_VECTORS > 1
    switch (vectors - v) {
    case 3: F(strip_product)(3, rows, depth, x, xrow, xstep, y + v * L, ystride, out + v * L, outstride, accumulate); break;
    case 2: F(strip_product)(2, rows, depth, x, xrow, xstep, y + v * L, ystride, out + v * L, outstride, accumulate); break;
    case 1: F(strip_product)(1, rows, depth, x, xrow, xstep, y + v * L, ystride, out + v * L, outstride, accumulate); break;
    default: break;
    }
#endif
}

// tile[c, i] = scale * from[i, c] for i < n, 0 for n <= i < TQ; from [n, d], tile [d, TQ].
static void F(load_transposed)(ptrdiff_t n, ptrdiff_t d, const A *from, ptrdiff_t stride, C scale, C *tile) {
    for (ptrdiff_t i = 0; i < TQ; i += L)
        for (ptrdiff_t c = 0; c < d; c += L) {
            V block[L];
            for (int k = 0; k < L; k++) block[k] = i + k < n ? load(from + (i + k) * stride + c, d - c) * scale : splat((C)0);
            transpose_square(block);
            const ptrdiff_t columns = d - c < L ? d - c : L;
            for (int k = 0; k < L; k++)
                if (k < columns) store(tile + (c + k) * TQ + i, block[k]);
        }
}

// to[i, c] = tile[c, i] * factor[i] for i < n.
static void F(store_transposed)(ptrdiff_t n, ptrdiff_t d, const C *tile, const V *factor, A *to, ptrdiff_t stride) {
    for (ptrdiff_t i = 0; i < n; i += L)
        for (ptrdiff_t c = 0; c < d; c += L) {
            V block[L];
            const ptrdiff_t columns = d - c < L ? d - c : L;
            for (int k = 0; k < L; k++) block[k] = k < columns ? load(tile + (c + k) * TQ + i) * factor[i / L] : splat((C)0);
            transpose_square(block);
            for (int k = 0; k < L; k++)
                if (i + k < n) store(to + (i + k) * stride + c, block[k], columns);
        }
}

// tile[i, :] = scale * from[i, :], rows padded with zeros to `padded`.
static void F(load_rows)(ptrdiff_t n, ptrdiff_t d, const A *from, ptrdiff_t stride, C scale, C *tile, ptrdiff_t padded) {
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t c = 0; c < d; c += L) {
            V v = load(from + i * stride + c, d - c) * scale;
            store(tile + i * padded + c, v, padded - c);
        }
}

// A tile of k or v as C: where it lies if A is C, else converted into `tile`.
HEAL_INLINE const C *F(as_compute)(ptrdiff_t n, ptrdiff_t d, const A *from, ptrdiff_t *stride, C *tile) {
#if HEAL_A_IS_C
    (void)n, (void)d, (void)stride, (void)tile;
    return from;
#else
    F(load_rows)(n, d, from, *stride, 1, tile, d);
    *stride = d;
    return tile;
#endif
}

HEAL_INLINE C *F(align)(C *scratch) { return (C *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63); }
