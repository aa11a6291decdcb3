// Element-wise loops, sums and exp on plain float or double. Textual include (variant.h).

void F(exp)(ptrdiff_t n, const C *x, C *y) { HEAL_FOR_VECTORS(i, n, L, store(y + i, exponential(load(x + i, count)), count);) }

void F(add)(ptrdiff_t n, const C *x, const C *y, C *z) {
    HEAL_FOR_VECTORS(i, n, L, store(z + i, load(x + i, count) + load(y + i, count), count);)
}

void F(scale)(ptrdiff_t n, C a, C *x) { HEAL_FOR_VECTORS(i, n, L, store(x + i, a * load(x + i, count), count);) }

void F(axpy)(ptrdiff_t n, C a, const C *x, C *y) {
    HEAL_FOR_VECTORS(i, n, L, store(y + i, load(y + i, count) + a * load(x + i, count), count);)
}

void F(scale_add)(ptrdiff_t n, C a, const C *x, C b, C *y) {
    HEAL_FOR_VECTORS(i, n, L, V scaled = b * load(y + i, count); store(y + i, scaled + a * load(x + i, count), count);)
}

HEAL_INLINE void F(widen8)(const C *p, ptrdiff_t count, f64x8 *v) {
    C lanes[8] = {0};
    if (count >= 8) __builtin_memcpy(lanes, p, sizeof lanes);
    else __builtin_memcpy(lanes, p, (size_t)count * sizeof(C));
    for (int k = 0; k < 8; k++) (*v)[k] = (double)lanes[k];
}

// Four vectors of eight doubles; element i goes to lane i mod 32.
double F(dot)(ptrdiff_t n, const C *x, const C *y) {
    f64x8 acc[4] = {{0}, {0}, {0}, {0}};
    ptrdiff_t i = 0;
    for (; i + 32 <= n; i += 32) {
        for (int k = 0; k < 4; k++) {
            f64x8 a, b;
            F(widen8)(x + i + 8 * k, 8, &a);
            F(widen8)(y + i + 8 * k, 8, &b);
            acc[k] += a * b;
        }
    }
    for (int k = 0; i < n; i += 8, k++) {
        f64x8 a, b;
        F(widen8)(x + i, n - i, &a);
        F(widen8)(y + i, n - i, &b);
        acc[k] += a * b;
    }
    return sum((acc[0] + acc[1]) + (acc[2] + acc[3]));
}

double F(sum_squares)(ptrdiff_t n, const C *x) { return F(dot)(n, x, x); }
