// Between activations and the residual stream; biases and their gradient. Textual include (variant.h).

void F(activation_from_residual)(ptrdiff_t n, const R *from, A *to) { HEAL_FOR_VECTORS(i, n, L, store(to + i, load(from + i, count), count);) }

void F(residual_from_activation)(ptrdiff_t n, const A *from, R *to) { HEAL_FOR_VECTORS(i, n, L, store(to + i, load(from + i, count), count);) }

void F(residual_add_activation)(ptrdiff_t n, const A *from, R *to) {
    HEAL_FOR_VECTORS(i, n, L, store(to + i, load(to + i, count) + load(from + i, count), count);)
}

void F(bias_add)(ptrdiff_t rows, ptrdiff_t d, A *x, ptrdiff_t stride, const C *bias) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        A *row = x + t * stride;
        HEAL_FOR_VECTORS(i, d, L, store(row + i, load(row + i, count) + load(bias + i, count), count);)
    }
}

// Down four vectors of columns at a time, so that each sum stays in a register and still runs over the rows in order.
void F(column_sum)(ptrdiff_t rows, ptrdiff_t d, const A *x, ptrdiff_t stride, C *sum) {
    ptrdiff_t j = 0;
    for (; j + 4 * L <= d; j += 4 * L) {
        V acc[4];
        for (int k = 0; k < 4; k++) acc[k] = load(sum + j + k * L);
        for (ptrdiff_t t = 0; t < rows; t++)
            for (int k = 0; k < 4; k++) acc[k] += load(x + t * stride + j + k * L);
        for (int k = 0; k < 4; k++) store(sum + j + k * L, acc[k]);
    }
    for (; j < d; j += L) {
        const ptrdiff_t count = d - j;
        V acc = load(sum + j, count);
        for (ptrdiff_t t = 0; t < rows; t++) acc += load(x + t * stride + j, count);
        store(sum + j, acc, count);
    }
}
