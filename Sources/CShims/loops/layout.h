// Transposes and permutes from elements X to elements Y. Textual include (instance.h) with X, Y, W (the vector both go through), W_LANES, LOAD(p, count),
// STORE(p, v, count), HEAL_SAME (X is Y: copy bits) and T(name), P(name), the function names.

HEAL_INLINE void P(run)(ptrdiff_t n, const X *in, Y *out) {
#if HEAL_SAME
    __builtin_memcpy(out, in, (size_t)n * sizeof(X));
#else
    if (n < W_LANES) {
        STORE(out, LOAD(in, n), n);
        return;
    }
    for (ptrdiff_t i = 0; i + W_LANES <= n; i += W_LANES) STORE(out + i, LOAD(in + i, W_LANES), W_LANES);
    if (n % W_LANES) STORE(out + n - W_LANES, LOAD(in + n - W_LANES, W_LANES), W_LANES);  // overlaps: faster than a partial vector
#endif
}

// Squares in registers, inside blocks of 64 x 64 that keep to a few cache lines and pages at a time.
void T(transpose)(ptrdiff_t rows, ptrdiff_t columns, const X *in, ptrdiff_t instride, Y *out, ptrdiff_t outstride) {
    for (ptrdiff_t i0 = 0; i0 < rows; i0 += 64)
        for (ptrdiff_t j0 = 0; j0 < columns; j0 += 64)
            for (ptrdiff_t j = j0; j < j0 + 64 && j < columns; j += W_LANES)
                for (ptrdiff_t i = i0; i < i0 + 64 && i < rows; i += W_LANES) {
                    W block[W_LANES];
                    const ptrdiff_t height = rows - i < W_LANES ? rows - i : W_LANES, width = columns - j < W_LANES ? columns - j : W_LANES;
                    for (int k = 0; k < W_LANES; k++)
                        block[k] = k < height ? LOAD(in + (i + k) * instride + j, width) : (W){0};
                    transpose_square(block);
                    for (int k = 0; k < W_LANES; k++)
                        if (k < width) STORE(out + (j + k) * outstride + i, block[k], height);
                }
}

void P(permute)(ptrdiff_t a_begin, ptrdiff_t a_end, ptrdiff_t b, ptrdiff_t c, ptrdiff_t d, const X *in, Y *out) {
    for (ptrdiff_t i = a_begin; i < a_end; i++) {
        const X *from = in + i * b * c * d;
        Y *to = out + i * b * c * d;
        if (b == 1 || c == 1) {
            P(run)(b * c * d, from, to);
        } else if (d == 1) {
            T(transpose)(b, c, from, c, to, b);
        } else if (d < W_LANES) {
            for (ptrdiff_t k0 = 0; k0 < c; k0 += 16)
                for (ptrdiff_t j0 = 0; j0 < b; j0 += 16)
                    for (ptrdiff_t k = k0; k < k0 + 16 && k < c; k++)
                        for (ptrdiff_t j = j0; j < j0 + 16 && j < b; j++)
                            for (ptrdiff_t l = 0; l < d; l++) ONE(to[(k * b + j) * d + l], from[(j * c + k) * d + l]);
        } else {
            for (ptrdiff_t k = 0; k < c; k++)
                for (ptrdiff_t j = 0; j < b; j++) P(run)(d, from + (j * c + k) * d, to + (k * b + j) * d);
        }
    }
}

void P(permute_strided)(int rank, const ptrdiff_t *shape, const ptrdiff_t *instrides, ptrdiff_t begin, ptrdiff_t end, const X *in, Y *out) {
    permute_plan p;
    if (!plan_permute(&p, rank, shape, instrides, begin, end)) return;
    in += p.source, out += p.target;
    const permute_axis last = p.last, unit = p.unit;
    const int is_thin = last.count < HEAL_THIN || unit.count < HEAL_THIN;
    for (;;) {
        if (last.in == 1) {
            P(run)(last.count, in, out);
        } else if (unit.in == 1 && !is_thin) {
            T(transpose)(last.count, unit.count, in, last.in, out, unit.out);
        } else {
            for (ptrdiff_t j = 0; j < unit.count; j++)
                for (ptrdiff_t i = 0; i < last.count; i++) ONE(out[j * unit.out + i], in[j * unit.in + i * last.in]);
        }
        int k = p.outer - 1;
        for (; k >= 0; k--) {
            permute_axis *axis = &p.axes[k];
            in += axis->in, out += axis->out;
            if (++axis->index < axis->count) break;
            in -= axis->count * axis->in, out -= axis->count * axis->out;
            axis->index = 0;
        }
        if (k < 0) return;
    }
}
