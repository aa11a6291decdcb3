// Cross-entropy, distillation, and the running log-sum-exp they stand on. Textual include (variant.h).

#define HEAL_MINUS_INFINITY ((C)-__builtin_inf())

// Lanes that are not there count as -inf.
HEAL_INLINE V F(load_logits)(const C *x, ptrdiff_t count) {
    V v = load(x, count);
    for (int k = 0; k < L; k++)
        if (k >= count) v[k] = HEAL_MINUS_INFINITY;
    return v;
}

// Adds one row of logits, times inverse_temperature > 0, to a running maximum and sum of exponentials.
static void F(row_lse_update)(ptrdiff_t n, const C *x, C inverse_temperature, C *running_maximum, C *running_sum) {
    V top[4] = {splat(HEAL_MINUS_INFINITY), splat(HEAL_MINUS_INFINITY), splat(HEAL_MINUS_INFINITY), splat(HEAL_MINUS_INFINITY)};
    ptrdiff_t i = 0;
    for (; i + 4 * L <= n; i += 4 * L)
        for (int k = 0; k < 4; k++) top[k] = greater(load(x + i + k * L), top[k]);
    for (; i < n; i += L) top[0] = greater(F(load_logits)(x + i, n - i), top[0]);
    const C block = maximum(greater(greater(top[0], top[1]), greater(top[2], top[3]))) * inverse_temperature;
    const C m = block > *running_maximum ? block : *running_maximum;
    const C reference = m == HEAL_MINUS_INFINITY ? 0 : m;  // nothing but -inf (or NaN) so far

    V acc[4] = {{0}, {0}, {0}, {0}};
    for (i = 0; i + 4 * L <= n; i += 4 * L)
        for (int k = 0; k < 4; k++) acc[k] += exponential_nonpositive(load(x + i + k * L) * inverse_temperature - reference);
    for (; i < n; i += L) acc[0] += exponential_nonpositive(F(load_logits)(x + i, n - i) * inverse_temperature - reference);
    const C carried = *running_sum == 0 ? 0 : *running_sum * exponential(splat(*running_maximum - reference))[0];
    *running_sum = carried + sum((acc[0] + acc[1]) + (acc[2] + acc[3]));
    *running_maximum = m;
}

HEAL_INLINE C F(row_lse)(ptrdiff_t n, const C *x, C inverse_temperature) {
    C m = HEAL_MINUS_INFINITY, total = 0;
    F(row_lse_update)(n, x, inverse_temperature, &m, &total);
    return m + logarithm(total);
}

#if HEAL_HAS_NUMBERS
void F(lse_update)(ptrdiff_t rows, ptrdiff_t n, const C *logits, ptrdiff_t stride, C inverse_temperature, C *maximum, C *sum) {
    for (ptrdiff_t t = 0; t < rows; t++) F(row_lse_update)(n, logits + t * stride, inverse_temperature, maximum + t, sum + t);
}
#endif

// Gradient rows go to dlogits (A) or, without it, over the logits (C).
HEAL_INLINE void F(put)(C *logits, A *dlogits, ptrdiff_t i, V g, ptrdiff_t count) {
    if (dlogits) store(dlogits + i, g, count); else store(logits + i, g, count);
}

static void F(zero_row)(ptrdiff_t n, C *logits, A *dlogits) {
    HEAL_FOR_VECTORS(i, n, L, F(put)(logits, dlogits, i, splat((C)0), count);)
}

// label: column within the row, or anything outside 0 ..< n if the label is elsewhere.
static void F(softmax_grad_row)(ptrdiff_t n, C *x, ptrdiff_t label, C lse, C scale, A *dx) {
    const int here = label >= 0 && label < n;
    const V hit = here ? (exponential_nonpositive(splat(x[label] - lse)) - 1) * scale : splat((C)0);
    if (dx) {
        HEAL_FOR_VECTORS(i, n, L, store(dx + i, exponential_nonpositive(load(x + i, count) - lse) * scale, count);)
    } else {
        HEAL_FOR_VECTORS(i, n, L, store(x + i, exponential_nonpositive(load(x + i, count) - lse) * scale, count);)
    }
    if (here) F(put)(x, dx, label, hit, 1);
}

void F(softmax_grad_block)(ptrdiff_t rows, ptrdiff_t n, ptrdiff_t first, C *logits, ptrdiff_t stride, const int32_t *labels, const C *lse, C scale,
                           A *dlogits, ptrdiff_t dstride) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        C *x = logits + t * stride;
        A *dx = dlogits ? dlogits + t * dstride : NULL;
        if (labels[t] < 0) F(zero_row)(n, x, dx);
        else F(softmax_grad_row)(n, x, labels[t] - first, lse[t], scale, dx);
    }
}

void F(cross_entropy_rows)(ptrdiff_t rows, ptrdiff_t vocabulary, C *logits, ptrdiff_t stride, const int32_t *labels, C scale, C *loss, C *lse,
                           A *dlogits, ptrdiff_t dstride, int want_gradient) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        C *x = logits + t * stride;
        A *dx = dlogits ? dlogits + t * dstride : NULL;
        if (labels[t] < 0) {
            loss[t] = 0;
            lse[t] = 0;
            if (want_gradient) F(zero_row)(vocabulary, x, dx);
            continue;
        }
        lse[t] = F(row_lse)(vocabulary, x, 1);
        loss[t] = labels[t] < vocabulary ? lse[t] - x[labels[t]] : (C)__builtin_nan("");
        if (want_gradient) F(softmax_grad_row)(vocabulary, x, labels[t], lse[t], scale, dx);
    }
}

// One row's share of T^2 KL(p_T || q_T); gradient with the factors already multiplied out.
static C F(kl_row)(ptrdiff_t n, C *z, const C *y, ptrdiff_t label, C temperature, C ce_factor, C kl_factor, C lse, C student_lse, C teacher_lse,
                   A *dz, int want_gradient) {
    const C inverse = 1 / temperature;
    const int here = label >= 0 && label < n, same = temperature == 1;
    V acc = {0};
    V hit = {0};
    // The element of the label is computed once more with the one-hot subtracted, before z may be overwritten.
#define HEAL_KL_ELEMENT(zi, yi, onehot, g)                                                                                                  \
    V logp = yi * inverse - teacher_lse, logq = zi * inverse - student_lse;                                                                 \
    V p = exponential_nonpositive(logp);                                                                                                    \
    V term = p * (logp - logq);                                                                                                             \
    V g = {0};                                                                                                                              \
    if (want_gradient) {                                                                                                                    \
        V q = exponential_nonpositive(logq);                                                                                                \
        V q1 = same ? q : exponential_nonpositive(zi - lse);                                                                                \
        V pull = kl_factor * (q - p);                                                                                                       \
        g = pull + ce_factor * (q1 - onehot);                                                                                               \
    }                                                                                                                                       \
    term = choose(p == 0, splat((C)0), term);

    if (here && want_gradient) {
        HEAL_KL_ELEMENT(splat(z[label]), splat(y[label]), (C)1, g)
        (void)term;
        hit = g;
    }
    HEAL_FOR_VECTORS(i, n, L, {
        V zi = load(z + i, count);
        V yi = F(load_logits)(y + i, count);
        HEAL_KL_ELEMENT(zi, yi, (C)0, g)
        acc += term;
        if (want_gradient) F(put)(z, dz, i, g, count);
    })
#undef HEAL_KL_ELEMENT
    if (here && want_gradient) F(put)(z, dz, label, hit, 1);
    return sum(acc) * temperature * temperature;
}

void F(kl_block)(ptrdiff_t rows, ptrdiff_t n, ptrdiff_t first, C *student, ptrdiff_t sstride, const C *teacher, ptrdiff_t tstride,
                 const int32_t *labels, C temperature, C ce_weight, C kl_weight, C scale, const C *lse, const C *student_lse,
                 const C *teacher_lse, C *kl, A *dlogits, ptrdiff_t dstride, int want_gradient) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        C *z = student + t * sstride;
        A *dz = dlogits ? dlogits + t * dstride : NULL;
        if (labels[t] < 0) {
            if (want_gradient) F(zero_row)(n, z, dz);
            continue;
        }
        kl[t] += F(kl_row)(n, z, teacher + t * tstride, labels[t] - first, temperature, scale * ce_weight, scale * kl_weight * temperature, lse[t],
                           student_lse[t], teacher_lse[t], dz, want_gradient);
    }
}

void F(kl_rows)(ptrdiff_t rows, ptrdiff_t vocabulary, C *student, ptrdiff_t sstride, const C *teacher, ptrdiff_t tstride, const int32_t *labels,
                C temperature, C ce_weight, C kl_weight, C scale, C *ce, C *kl, C *lse, A *dlogits, ptrdiff_t dstride, int want_gradient) {
    for (ptrdiff_t t = 0; t < rows; t++) {
        C *z = student + t * sstride;
        const C *y = teacher + t * tstride;
        A *dz = dlogits ? dlogits + t * dstride : NULL;
        ce[t] = kl[t] = lse[t] = 0;
        if (labels[t] < 0) {
            if (want_gradient) F(zero_row)(vocabulary, z, dz);
            continue;
        }
        lse[t] = F(row_lse)(vocabulary, z, 1);
        ce[t] = labels[t] < vocabulary ? lse[t] - z[labels[t]] : (C)__builtin_nan("");
        const C student_lse = temperature == 1 ? lse[t] : F(row_lse)(vocabulary, z, 1 / temperature);
        const C teacher_lse = F(row_lse)(vocabulary, y, 1 / temperature);
        kl[t] = F(kl_row)(vocabulary, z, y, labels[t], temperature, scale * ce_weight, scale * kl_weight * temperature, lse[t], student_lse,
                          teacher_lse, dz, want_gradient);
    }
}

// exp(x) of one number x <= 0.
HEAL_INLINE C F(exponential_one)(C x) { return exponential_nonpositive(splat(x))[0]; }

void F(sparse_kl_row)(ptrdiff_t vocabulary, C *z, ptrdiff_t label, ptrdiff_t named, const int32_t *ids, const C *p, C rest, C temperature, C ce_weight,
                      C kl_weight, C *ce, C *kl, A *dz, int want_gradient, C *scratch) {
    const C inverse = 1 / temperature, a = label < 0 ? 0 : ce_weight, b = kl_weight * temperature;
    const int same = temperature == 1;
    const C lse = F(row_lse)(vocabulary, z, 1);
    const C student_lse = same ? lse : F(row_lse)(vocabulary, z, inverse);
    // The others' share of the student is summed over them: 1 minus the named ones' would leave little of a small one.
    C others_lse = 0, mass = rest, divergence = 0;
    if (rest > 0) {
        for (ptrdiff_t i = 0; i < named; i++) {
            scratch[i] = z[ids[i]];
            z[ids[i]] = HEAL_MINUS_INFINITY;
        }
        others_lse = F(row_lse)(vocabulary, z, inverse);
        for (ptrdiff_t i = 0; i < named; i++) z[ids[i]] = scratch[i];
        divergence = rest * (logarithm(rest) - (others_lse - student_lse));
    }
    for (ptrdiff_t i = 0; i < named; i++) {
        mass += p[i];
        if (p[i] > 0) divergence += p[i] * (logarithm(p[i]) - (z[ids[i]] * inverse - student_lse));
    }
    *ce = label < 0 ? 0 : label < vocabulary ? lse - z[label] : (C)__builtin_nan("");
    *kl = divergence * temperature * temperature;
    if (!want_gradient) return;

    // What is special about a few tokens is computed before z may be overwritten. `alone`: the label is not among the named.
    int alone = label >= 0 && label < vocabulary;
    for (ptrdiff_t i = 0; i < named; i++) {
        const C zi = z[ids[i]], q = F(exponential_one)(zi * inverse - student_lse), q1 = same ? q : F(exponential_one)(zi - lse);
        scratch[i] = b * (mass * q - p[i]) + a * (q1 - (ids[i] == label));
        if (ids[i] == label) alone = 0;
    }
#define HEAL_SPARSE_KL_OTHER(zi, g)                                                                                                         \
    V q = exponential_nonpositive(zi * inverse - student_lse);                                                                              \
    V g = b * mass * q + a * (same ? q : exponential_nonpositive(zi - lse));                                                                \
    if (rest > 0) g -= b * rest * exponential_nonpositive(zi * inverse - others_lse);

    V hit = {0};
    if (alone) {
        HEAL_SPARSE_KL_OTHER(splat(z[label]), g)
        hit = g - a;
    }
    HEAL_FOR_VECTORS(i, vocabulary, L, {
        V zi = load(z + i, count);
        HEAL_SPARSE_KL_OTHER(zi, g)
        F(put)(z, dz, i, g, count);
    })
#undef HEAL_SPARSE_KL_OTHER
    for (ptrdiff_t i = 0; i < named; i++) F(put)(z, dz, ids[i], splat(scratch[i]), 1);
    if (alone) F(put)(z, dz, label, hit, 1);
}

#undef HEAL_MINUS_INFINITY
