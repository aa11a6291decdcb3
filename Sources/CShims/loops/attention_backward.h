// Causal attention, pullback. Textual include (variant.h).
//
// For each tile of queries, over tiles of keys up to the diagonal, with p recomputed from lse:
//   s = k q^T, p = exp(s - lse), dp = v do^T, ds = p (dp - D),   dq^T += k^T ds,  dv += p do,  dk += ds q.
// q carries the scale from the start (as in the forward pass, so that s has the same bits), which gives dk its factor; dq gets it at the end.

// out[j, :] += sum_i p[j, i] y[i, :] for the queries that see key j; out [nk, d] contiguous, y [n, padded].
static void F(gather_queries)(ptrdiff_t nk, ptrdiff_t n, ptrdiff_t d, ptrdiff_t padded, ptrdiff_t k0, ptrdiff_t pos0, const C *p, const C *y, C *out,
                              C *tile) {
    const int direct = padded == d, diagonal = k0 + nk > pos0 + 1;
    C *to = direct ? out : tile;
    const ptrdiff_t group = diagonal ? L : nk;
    for (ptrdiff_t j = 0; j < nk; j += group) {
        const ptrdiff_t rows = nk - j < group ? nk - j : group;
        const ptrdiff_t first = diagonal ? F(first_seeing)(k0 + j, pos0) * L : 0;
        F(product)(rows, padded / L, n - first, p + j * TQ + first, TQ, 1, y + first * padded, padded, to + j * padded, padded, direct);
    }
    if (direct) return;
    for (ptrdiff_t j = 0; j < nk; j++)
        for (ptrdiff_t c = 0; c < d; c += L) store(out + j * d + c, load(out + j * d + c, d - c) + load(tile + j * padded + c), d - c);
}

ptrdiff_t F(attention_backward_scratch)(ptrdiff_t d) {
    const ptrdiff_t padded = (d + L - 1) / L * L;
    return 3 * d * TQ + 2 * TQ * padded + 2 * TK * TQ + 2 * TK * d + TK * padded + 2 * TQ + 4 * L;
}

// One vector of queries: s becomes p, dp becomes ds.
HEAL_INLINE void F(score_gradients)(ptrdiff_t nk, ptrdiff_t v, ptrdiff_t k0, ptrdiff_t pos0, C *s, C *dp, V lse, V along) {
    const V lanes = F(lane_numbers)();
    const ptrdiff_t seen = F(keys_seen)(v, pos0, k0, nk);
    ptrdiff_t j = 0;
    for (; j < seen; j++) {
        C *sj = s + j * TQ + v * L, *dj = dp + j * TQ + v * L;
        V p = exponential_nonpositive(load(sj) - lse);
        if (k0 + j > pos0 + v * L) p = choose(HEAL_HIDDEN(lanes, k0 + j, v), splat((C)0), p);
        store(sj, p);
        store(dj, p * (load(dj) - along));
    }
    for (; j < nk && j % L; j++) {
        store(s + j * TQ + v * L, splat((C)0));
        store(dp + j * TQ + v * L, splat((C)0));
    }
}

void F(attention_backward)(ptrdiff_t s, ptrdiff_t d, const A *q, ptrdiff_t qstride, const A *k, ptrdiff_t kstride, const A *v, ptrdiff_t vstride,
                           const A *o, ptrdiff_t ostride, const A *dout, ptrdiff_t dostride, const C *lse, C scale, A *dq, ptrdiff_t dqstride, C *dk,
                           C *dv, C *scratch) {
    const ptrdiff_t padded = (d + L - 1) / L * L;
    C *qt = F(align)(scratch), *dot = qt + d * TQ, *dqt = dot + d * TQ, *qrows = dqt + d * TQ, *dorows = qrows + TQ * padded;
    C *p = dorows + TQ * padded, *ds = p + TK * TQ, *ktile = ds + TK * TQ, *vtile = ktile + TK * d, *spare = vtile + TK * d;
    C *lses = spare + TK * padded, *along = lses + TQ;

    for (ptrdiff_t i0 = 0; i0 < s; i0 += TQ) {
        const ptrdiff_t n = s - i0 < TQ ? s - i0 : TQ, vectors = (n + L - 1) / L;
        F(load_transposed)(n, d, q + i0 * qstride, qstride, scale, qt);
        F(load_transposed)(n, d, dout + i0 * dostride, dostride, 1, dot);
        F(load_rows)(n, d, q + i0 * qstride, qstride, scale, qrows, padded);
        F(load_rows)(n, d, dout + i0 * dostride, dostride, 1, dorows, padded);
        __builtin_memset(dqt, 0, (size_t)(d * TQ) * sizeof(C));
        for (ptrdiff_t i = 0; i < TQ; i++) {
            V acc = {0};
            if (i < n)
                for (ptrdiff_t c = 0; c < d; c += L) acc += load(dorows + i * padded + c) * load(o + (i0 + i) * ostride + c, d - c);
            along[i] = sum(acc);
            lses[i] = i < n ? lse[i0 + i] : (C)__builtin_inf();  // lanes without a query get p = exp(-inf) = 0
        }
        for (ptrdiff_t k0 = 0; k0 < i0 + n; k0 += TK) {
            const ptrdiff_t nk = i0 + n - k0 < TK ? i0 + n - k0 : TK;
            ptrdiff_t krow = kstride, vrow = vstride;
            const C *keys = F(as_compute)(nk, d, k + k0 * kstride, &krow, ktile);
            const C *values = F(as_compute)(nk, d, v + k0 * vstride, &vrow, vtile);
            F(scores)(nk, vectors, d, k0, i0, keys, krow, qt, p);
            F(scores)(nk, vectors, d, k0, i0, values, vrow, dot, ds);
            for (ptrdiff_t u = 0; u < vectors; u++) F(score_gradients)(nk, u, k0, i0, p, ds, load(lses + u * L), load(along + u * L));
            F(gather_keys)(nk, vectors, d, k0, i0, keys, krow, ds, dqt);
            F(gather_queries)(nk, n, d, padded, k0, i0, p, dorows, dv + k0 * d, spare);
            F(gather_queries)(nk, n, d, padded, k0, i0, ds, qrows, dk + k0 * d, spare);
        }
        const V factor[4] = {splat(scale), splat(scale), splat(scale), splat(scale)};
        F(store_transposed)(n, d, dqt, factor, dq + i0 * dqstride, dqstride);
    }
}

#undef HEAL_HIDDEN
#undef TQ
#undef TK
