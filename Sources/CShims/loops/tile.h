// Small matrix products and the tiles they read, the ground attention stands on. Textual include (variant.h).
//
// Tiles hold TQ queries in lanes: a query's scores lie in one lane, so maxima and sums over keys need no horizontal operation.
//
// Factors of products are made of elements E. Mostly E is C. Where the processor multiplies pairs of bfloat16 (HEAL_TERMS 2, _bf16 only), E is a pair
// of neighbours along the summed index, and one instruction adds both products; the sums themselves are float in either case.

#define TQ (4 * L)  // queries in a tile
#define TK 64       // keys in a tile

#if HEAL_TERMS == 2
#define E bf16_pair
#define EV u32x16
HEAL_INLINE u32x16 F(terms)(const E *p) { u32x16 v; __builtin_memcpy(&v, p, 64); return v; }
HEAL_INLINE u32x16 F(splat_terms)(E a) { return (u32x16){a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a}; }
HEAL_INLINE f32x16 F(multiply_add)(u32x16 a, u32x16 b, f32x16 sum) {
    return (f32x16)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}
#else
#define E C
#define EV V
HEAL_INLINE V F(terms)(const C *p) { return load(p); }
HEAL_INLINE V F(splat_terms)(C a) { return splat(a); }
HEAL_INLINE V F(multiply_add)(V a, V b, V sum) { return a * b + sum; }
#endif
// Elements that hold n terms.
#define ELEMENTS(n) (((n) + HEAL_TERMS - 1) / HEAL_TERMS)

// out[r, :] (+)= sum_p x[r xrow + p xstep] y[p, :] for `rows` rows and `vectors` vectors of lanes; both are constants after inlining, and the
// accumulators stay in registers.
HEAL_INLINE void F(micro_product)(const int rows, const int vectors, ptrdiff_t depth, const E *x, ptrdiff_t xrow, ptrdiff_t xstep, const E *y,
                                  ptrdiff_t ystride, C *out, ptrdiff_t outstride, int accumulate) {
    V acc[HEAL_BLOCK_ROWS][HEAL_BLOCK_VECTORS];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) acc[r][v] = accumulate ? load(out + r * outstride + v * L) : splat((C)0);
#pragma clang loop unroll_count(2)
    for (ptrdiff_t p = 0; p < depth; p++) {
        EV lanes[HEAL_BLOCK_VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) lanes[v] = F(terms)(y + p * ystride + v * L);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            const EV factor = F(splat_terms)(x[r * xrow + p * xstep]);
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) acc[r][v] = F(multiply_add)(factor, lanes[v], acc[r][v]);
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) store(out + r * outstride + v * L, acc[r][v]);
}

HEAL_INLINE void F(strip_product)(const int vectors, ptrdiff_t rows, ptrdiff_t depth, const E *x, ptrdiff_t xrow, ptrdiff_t xstep, const E *y,
                                  ptrdiff_t ystride, C *out, ptrdiff_t outstride, int accumulate) {
    ptrdiff_t r = 0;
    for (; r + HEAL_BLOCK_ROWS <= rows; r += HEAL_BLOCK_ROWS)
        F(micro_product)(HEAL_BLOCK_ROWS, vectors, depth, x + r * xrow, xrow, xstep, y, ystride, out + r * outstride, outstride, accumulate);
    for (; r < rows; r++)
        F(micro_product)(1, vectors, depth, x + r * xrow, xrow, xstep, y, ystride, out + r * outstride, outstride, accumulate);
}

// out [rows, vectors L] (+)= x y with x[r, p] at x[r xrow + p xstep], y [depth, vectors L]. Each element is one chain of multiply-adds over p in order.
static void F(product)(ptrdiff_t rows, ptrdiff_t vectors, ptrdiff_t depth, const E *x, ptrdiff_t xrow, ptrdiff_t xstep, const E *y,
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

// ---- Tiles of activation rows as factors of products

// Up to L elements of E along a row of A, from element c on, of a row of d terms; zero behind the end.
HEAL_INLINE V F(row_elements)(const A *row, ptrdiff_t c, ptrdiff_t d) {
#if HEAL_TERMS == 2
    V v = {0};
    const ptrdiff_t bytes = 2 * d - 4 * c;
    if (bytes >= 64) __builtin_memcpy(&v, (const char *)row + 4 * c, 64);
    else __builtin_memcpy(&v, (const char *)row + 4 * c, (size_t)bytes);
    return v;
#else
    return load(row + c, d - c);
#endif
}

// Queries into lanes: tile[c, i] = element c of row i, 0 for n <= i < TQ; from [n, d], tile [ELEMENTS(d), TQ].
static void F(load_lanes)(ptrdiff_t n, ptrdiff_t d, const A *from, ptrdiff_t stride, E *tile) {
    const ptrdiff_t elements = ELEMENTS(d);
    for (ptrdiff_t i = 0; i < TQ; i += L)
        for (ptrdiff_t c = 0; c < elements; c += L) {
            V block[L];
            for (int k = 0; k < L; k++) block[k] = i + k < n ? F(row_elements)(from + (i + k) * stride, c, d) : splat((C)0);
            transpose_square(block);
            for (int k = 0; k < L; k++)
                if (k < elements - c) __builtin_memcpy(tile + (c + k) * TQ + i, &block[k], 64);
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

// Rows for a sum over rows: tile[p, c] = column c of the rows that make element p, [ELEMENTS(n), padded], zero where there is none.
static void F(load_depth)(ptrdiff_t n, ptrdiff_t d, const A *from, ptrdiff_t stride, E *tile, ptrdiff_t padded) {
    for (ptrdiff_t i = 0; i < n; i += HEAL_TERMS)
        for (ptrdiff_t c = 0; c < d; c += L) {
            V v = load(from + i * stride + c, d - c);
#if HEAL_TERMS == 2
            V next = i + 1 < n ? load(from + (i + 1) * stride + c, d - c) : splat((C)0);
            v = (V)((u32x16)next | (u32x16)v >> 16);
#endif
            E *to = tile + i / HEAL_TERMS * padded + c;
            if (padded - c >= L) __builtin_memcpy(to, &v, 64);
            else __builtin_memcpy(to, &v, (size_t)(padded - c) * sizeof(E));
        }
}

// Rows of k or v for a sum along the row (element p of row r at [r stride + p]): where they lie if they can be read as E, else copied into `tile`.
HEAL_INLINE const E *F(rows_of)(ptrdiff_t n, ptrdiff_t d, const A *from, ptrdiff_t *stride, E *tile) {
    (void)n, (void)d, (void)stride, (void)tile;
#if HEAL_TERMS == 2
    if (*stride % 2 == 0 && d % 2 == 0) {
        *stride /= 2;
        return (const E *)from;
    }
    const ptrdiff_t elements = ELEMENTS(d);
    for (ptrdiff_t i = 0; i < n; i++) {
        tile[i * elements + elements - 1] = 0;
        __builtin_memcpy(tile + i * elements, from + i * *stride, (size_t)d * 2);
    }
    *stride = elements;
    return tile;
#elif HEAL_A_IS_C
    return from;
#else
    F(load_depth)(n, d, from, *stride, tile, d);
    *stride = d;
    return tile;
#endif
}

// Rows of k or v for a sum over rows (column c of element p at [p stride + c]).
HEAL_INLINE const E *F(depth_of)(ptrdiff_t n, ptrdiff_t d, const A *from, ptrdiff_t *stride, E *tile) {
#if HEAL_TERMS == 2
    F(load_depth)(n, d, from, *stride, tile, d);
    *stride = d;
    return tile;
#else
    return F(rows_of)(n, d, from, stride, tile);
#endif
}

// Two rows of results become one row of pairs (first row in the low halves), or stay two rows. They are rounded to nearest; ties go up in magnitude.
HEAL_INLINE void F(put_two_rows)(E *tile, ptrdiff_t j, V first, V second) {
#if HEAL_TERMS == 2
    u32x16 low = ((u32x16)first + 0x8000) >> 16, high = ((u32x16)second + 0x8000) & 0xffff0000;
    u32x16 pairs = low | high;
    __builtin_memcpy(tile + j / 2 * TQ, &pairs, 64);
#else
    store(tile + j * TQ, first);
    store(tile + (j + 1) * TQ, second);
#endif
}

HEAL_INLINE C *F(align)(C *scratch) { return (C *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63); }
