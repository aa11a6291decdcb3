// Causal attention, forward. Textual include (variant.h).
//
// For each tile of queries, over tiles of keys up to the diagonal, with a running maximum m and sum l per query (lane):
//   s = scale k q^T,  m' = max(m, max_j s),  p = exp(s - m'),  l = l exp(m - m') + sum_j p,  o^T = o^T exp(m - m') + v^T p.
// On the diagonal, keys go in groups of L and a group skips the vectors of queries that come before all of its keys.

// Lanes 0, 1, 2, ... as numbers.
HEAL_INLINE V F(lane_numbers)(void) {
    V v;
    for (int k = 0; k < L; k++) v[k] = (C)k;
    return v;
}

// The first vector of queries (those from `pos0` on) in which some query sees key `key`.
HEAL_INLINE ptrdiff_t F(first_seeing)(ptrdiff_t key, ptrdiff_t pos0) { return key <= pos0 ? 0 : (key - pos0) / L; }

// How many of the tile's nk keys, which start at k0, some query of vector v sees.
HEAL_INLINE ptrdiff_t F(keys_seen)(ptrdiff_t v, ptrdiff_t pos0, ptrdiff_t k0, ptrdiff_t nk) {
    const ptrdiff_t seen = pos0 + (v + 1) * L - k0;
    return seen < 0 ? 0 : seen < nk ? seen : nk;
}

// s[j, i] = x[j] . y[:, i] for the keys of a tile, leaving out what the mask hides; depth counts elements.
static void F(scores)(ptrdiff_t nk, ptrdiff_t vectors, ptrdiff_t depth, ptrdiff_t k0, ptrdiff_t pos0, const E *x, ptrdiff_t xstride, const E *y,
                      C *s) {
    if (k0 + nk <= pos0 + 1) {
        F(product)(nk, vectors, depth, x, xstride, 1, y, TQ, s, TQ, 0);
        return;
    }
    for (ptrdiff_t j = 0; j < nk; j += L) {
        const ptrdiff_t v = F(first_seeing)(k0 + j, pos0), rows = nk - j < L ? nk - j : L;
        if (v < vectors) F(product)(rows, vectors - v, depth, x + j * xstride, xstride, 1, y + v * L, TQ, s + j * TQ + v * L, TQ, 0);
    }
}

// out[c, i] += sum_j x[j, c] p[j, i], where p is zero or left out above the diagonal.
static void F(gather_keys)(ptrdiff_t nk, ptrdiff_t vectors, ptrdiff_t d, ptrdiff_t k0, ptrdiff_t pos0, const E *x, ptrdiff_t xstride, const E *p,
                           C *out) {
    if (k0 + nk <= pos0 + 1) {
        F(product)(d, vectors, ELEMENTS(nk), x, 1, xstride, p, TQ, out, TQ, 1);
        return;
    }
    for (ptrdiff_t j = 0; j < nk; j += L) {
        const ptrdiff_t v = F(first_seeing)(k0 + j, pos0), depth = ELEMENTS(nk - j < L ? nk - j : L), at = j / HEAL_TERMS;
        if (v < vectors) F(product)(d, vectors - v, depth, x + at * xstride, 1, xstride, p + at * TQ + v * L, TQ, out + v * L, TQ, 1);
    }
}

// The mask of key `key` over vector v: lanes of queries that come before it. All false when every query sees the key.
#define HEAL_HIDDEN(lanes, key, v) ((lanes) < (C)((key)-pos0 - (v) * L))

// One vector of queries against nk keys: scores become probabilities relative to the new maximum, in p (which may be s where E is C); returns
// the factor for what was summed before.
HEAL_INLINE V F(softmax_step)(ptrdiff_t nk, ptrdiff_t v, ptrdiff_t k0, ptrdiff_t pos0, C scale, C *s, E *p, V *m, V *l) {
    const V lanes = F(lane_numbers)();
    const ptrdiff_t seen = F(keys_seen)(v, pos0, k0, nk);
    ptrdiff_t clear = pos0 + v * L - k0 + 1;  // keys that all lanes see
    clear = clear < 0 ? 0 : clear < seen ? clear : seen;
    s += v * L;
    p += v * L;
    const V lowest = splat(-(C)__builtin_inf());
    V top[4] = {lowest, lowest, lowest, lowest};
    ptrdiff_t j = 0;
    for (; j + 4 <= clear; j += 4)
        for (int k = 0; k < 4; k++) top[k] = greater(load(s + (j + k) * TQ), top[k]);
    for (; j < clear; j++) top[0] = greater(load(s + j * TQ), top[0]);
    for (; j < seen; j++) {
        V masked = choose(HEAL_HIDDEN(lanes, k0 + j, v), lowest, load(s + j * TQ));
        store(s + j * TQ, masked);
        top[0] = greater(masked, top[0]);
    }
    const V now = greater(greater(greater(top[0], top[1]), greater(top[2], top[3])) * scale, *m);
    V acc[4] = {{0}, {0}, {0}, {0}};
    for (j = 0; j + 4 <= seen; j += 4) {
        V e[4];
        for (int k = 0; k < 4; k++) {
            e[k] = exponential_nonpositive(load(s + (j + k) * TQ) * scale - now);
            acc[k] += e[k];
        }
        F(put_two_rows)(p, j, e[0], e[1]);
        F(put_two_rows)(p, j + 2, e[2], e[3]);
    }
    for (; j < seen; j += 2) {
        V first = exponential_nonpositive(load(s + j * TQ) * scale - now), second = splat((C)0);
        if (j + 1 < seen) second = exponential_nonpositive(load(s + (j + 1) * TQ) * scale - now);
        acc[j % 4] += first;
        acc[j % 4 + 1] += second;
        F(put_two_rows)(p, j, first, second);
    }
    for (; j < nk && j % L; j += 2) F(put_two_rows)(p, j, splat((C)0), splat((C)0));  // the rest of a group that gather_keys reads
    const V factor = exponential_nonpositive(*m - now);
    *l = *l * factor + ((acc[0] + acc[1]) + (acc[2] + acc[3]));
    *m = now;
    return factor;
}

static void F(forward_tile)(ptrdiff_t n, ptrdiff_t pos0, ptrdiff_t d, const A *q, ptrdiff_t qstride, const A *k, ptrdiff_t kstride, const A *v,
                            ptrdiff_t vstride, C scale, A *o, ptrdiff_t ostride, C *lse, C *scratch) {
    C *ot = F(align)(scratch), *s = ot + d * TQ;
    E *qt = (E *)(s + TK * TQ), *tile = qt + ELEMENTS(d) * TQ, *p = HEAL_TERMS == 1 ? (E *)s : tile + TK * d;
    const ptrdiff_t vectors = (n + L - 1) / L;
    F(load_lanes)(n, d, q, qstride, qt);
    __builtin_memset(ot, 0, (size_t)(d * TQ) * sizeof(C));
    V m[4], l[4], factor[4];
    for (int u = 0; u < 4; u++) m[u] = splat(-(C)__builtin_inf()), l[u] = splat((C)0);

    for (ptrdiff_t k0 = 0; k0 < pos0 + n; k0 += TK) {
        const ptrdiff_t nk = pos0 + n - k0 < TK ? pos0 + n - k0 : TK;
        ptrdiff_t krow = kstride, vrow = vstride;
        const E *keys = F(rows_of)(nk, d, k + k0 * kstride, &krow, tile);
        F(scores)(nk, vectors, ELEMENTS(d), k0, pos0, keys, krow, qt, s);
        for (ptrdiff_t u = 0; u < vectors; u++) {
            factor[u] = F(softmax_step)(nk, u, k0, pos0, scale, s, p, &m[u], &l[u]);
            int changed = 0;
            for (int lane = 0; lane < L; lane++) changed |= factor[u][lane] != 1;
            if (changed && k0 > 0)
                for (ptrdiff_t c = 0; c < d; c++) store(ot + c * TQ + u * L, load(ot + c * TQ + u * L) * factor[u]);
        }
        const E *values = F(depth_of)(nk, d, v + k0 * vstride, &vrow, tile);
        F(gather_keys)(nk, vectors, d, k0, pos0, values, vrow, p, ot);
    }
    for (ptrdiff_t u = 0; u < vectors; u++) factor[u] = 1 / l[u];
    F(store_transposed)(n, d, ot, factor, o, ostride);
    if (lse)
        for (ptrdiff_t i = 0; i < n; i++) lse[i] = m[i / L][i % L] + logarithm(l[i / L][i % L]);
}

// A single query against keys 0 ..< keys, with head_dim in the lanes: where a tile would leave most lanes empty.
static void F(forward_row)(ptrdiff_t keys, ptrdiff_t d, const A *q, const A *k, ptrdiff_t kstride, const A *v, ptrdiff_t vstride, C scale, A *o,
                           C *lse, C *scratch) {
    C *acc = F(align)(scratch), *query = acc + (d + L - 1) / L * L, *s = query + (d + L - 1) / L * L;
    for (ptrdiff_t c = 0; c < d; c += L) {
        store(acc + c, splat((C)0));
        store(query + c, load(q + c, d - c) * scale);
    }
    C m = -(C)__builtin_inf();
    C l = 0;
    for (ptrdiff_t k0 = 0; k0 < keys; k0 += TK) {
        const ptrdiff_t nk = keys - k0 < TK ? keys - k0 : TK;
        C now = m;
        for (ptrdiff_t j = 0; j < nk; j++) {
            const A *key = k + (k0 + j) * kstride;
            V a = {0}, b = {0};
            ptrdiff_t c = 0;
            for (; c + 2 * L <= d; c += 2 * L) {
                a += load(query + c) * load(key + c);
                b += load(query + c + L) * load(key + c + L);
            }
            for (; c < d; c += L) a += load(query + c) * load(key + c, d - c);
            s[j] = sum(a + b);
            now = s[j] > now ? s[j] : now;
        }
        V total = {0};
        HEAL_FOR_VECTORS(j, nk, L, {
            V p = exponential_nonpositive(load(s + j, count) - now);
            for (int lane = 0; lane < L; lane++)
                if (lane >= count) p[lane] = 0;
            store(s + j, p);
            total += p;
        })
        const C factor = exponential_nonpositive(splat(m - now))[0];
        l = l * factor + sum(total);
        m = now;
        for (ptrdiff_t c = 0; c < d; c += L) {
            V out = load(acc + c) * factor;
            for (ptrdiff_t j = 0; j < nk; j++) out += s[j] * load(v + (k0 + j) * vstride + c, d - c);
            store(acc + c, out);
        }
    }
    const C inverse = 1 / l;
    for (ptrdiff_t c = 0; c < d; c += L) store(o + c, load(acc + c) * inverse, d - c);
    if (lse) *lse = m + logarithm(l);
}

ptrdiff_t F(attention_forward_scratch)(ptrdiff_t d) { return 2 * d * TQ + 2 * TK * TQ + TK * d + TQ + 4 * L; }

void F(attention_forward_cached)(ptrdiff_t n, ptrdiff_t pos0, ptrdiff_t d, const A *q, ptrdiff_t qstride, const A *k, ptrdiff_t kstride,
                                 const A *v, ptrdiff_t vstride, C scale, A *o, ptrdiff_t ostride, C *lse, C *scratch) {
    for (ptrdiff_t i = 0; i < n; i += TQ) {
        const ptrdiff_t rows = n - i < TQ ? n - i : TQ;
        if (rows > L / 2) {
            F(forward_tile)(rows, pos0 + i, d, q + i * qstride, qstride, k, kstride, v, vstride, scale, o + i * ostride, ostride,
                            lse ? lse + i : NULL, scratch);
            continue;
        }
        for (ptrdiff_t t = i; t < i + rows; t++)
            F(forward_row)(pos0 + t + 1, d, q + t * qstride, k, kstride, v, vstride, scale, o + t * ostride, lse ? lse + t : NULL, scratch);
    }
}

void F(attention_forward)(ptrdiff_t s, ptrdiff_t d, const A *q, ptrdiff_t qstride, const A *k, ptrdiff_t kstride, const A *v, ptrdiff_t vstride,
                          C scale, A *o, ptrdiff_t ostride, C *lse, C *scratch) {
    F(attention_forward_cached)(s, 0, d, q, qstride, k, kstride, v, vstride, scale, o, ostride, lse, scratch);
}
