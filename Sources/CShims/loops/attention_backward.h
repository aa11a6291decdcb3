// Causal attention, pullback. Textual include (variant.h).
//
// For each tile of queries, over tiles of keys up to the diagonal, with p recomputed from lse:
//   s = scale k q^T, p = exp(s - lse), dp = v do^T, ds = p (dp - D) scale,   dq^T += k^T ds,  dv += p do,  dk += ds q.

// out[j, :] += sum_i p[j, i] y[i, :] for the queries that see key j; out [nk, d] contiguous, p [nk, ELEMENTS(TQ)], y [ELEMENTS(n), padded].
static void F(gather_queries)(ptrdiff_t nk, ptrdiff_t n, ptrdiff_t d, ptrdiff_t padded, ptrdiff_t k0, ptrdiff_t pos0, const E *p, const E *y, C *out,
                              C *tile) {
    const int direct = padded == d, diagonal = k0 + nk > pos0 + 1;
    C *to = direct ? out : tile;
    const ptrdiff_t group = diagonal ? L : nk, prow = ELEMENTS(TQ);
    for (ptrdiff_t j = 0; j < nk; j += group) {
        const ptrdiff_t rows = nk - j < group ? nk - j : group;
        const ptrdiff_t first = diagonal ? F(first_seeing)(k0 + j, pos0) * ELEMENTS(L) : 0;
        F(product)(rows, padded / L, ELEMENTS(n) - first, p + j * prow + first, prow, 1, y + first * padded, padded, to + j * padded, padded, direct);
    }
    if (direct) return;
    for (ptrdiff_t j = 0; j < nk; j++)
        for (ptrdiff_t c = 0; c < d; c += L) store(out + j * d + c, load(out + j * d + c, d - c) + load(tile + j * padded + c), d - c);
}

// A row of results for a sum along it: L neighbours in the lanes.
HEAL_INLINE void F(put_row)(E *tile, ptrdiff_t j, ptrdiff_t v, V x) {
#if HEAL_TERMS == 2
    u16x16 h = __builtin_convertvector(((u32x16)x + 0x8000) >> 16, u16x16);
    __builtin_memcpy(tile + j * ELEMENTS(TQ) + v * ELEMENTS(L), &h, 32);
#else
    store(tile + j * TQ + v * L, x);
#endif
}

// One vector of queries. From s and dp: p by rows, ds by rows and, for the sum over keys, by pairs of rows. Where E is C these are s, dp and dp.
HEAL_INLINE void F(score_gradients)(ptrdiff_t nk, ptrdiff_t v, ptrdiff_t k0, ptrdiff_t pos0, C scale, const C *s, const C *dp, E *p, E *ds,
                                    E *dspairs, V lse, V along) {
    const V lanes = F(lane_numbers)();
    const ptrdiff_t seen = F(keys_seen)(v, pos0, k0, nk);
    for (ptrdiff_t j = 0; j < nk && (j < seen || j % L); j += 2) {
        V gradient[2];
        for (int k = 0; k < 2; k++) {
            V e = splat((C)0);
            gradient[k] = splat((C)0);
            if (j + k < seen) {
                e = exponential_nonpositive(load(s + (j + k) * TQ + v * L) * scale - lse);
                if (k0 + j + k > pos0 + v * L) e = choose(HEAL_HIDDEN(lanes, k0 + j + k, v), splat((C)0), e);
                gradient[k] = e * ((load(dp + (j + k) * TQ + v * L) - along) * scale);
            }
            F(put_row)(p, j + k, v, e);
            if (HEAL_TERMS == 2) F(put_row)(ds, j + k, v, gradient[k]);
        }
        F(put_two_rows)(dspairs + v * L, j, gradient[0], gradient[1]);
    }
}

ptrdiff_t F(attention_backward_scratch)(ptrdiff_t d) {
    const ptrdiff_t padded = (d + L - 1) / L * L;
    return 3 * d * TQ + 2 * TQ * padded + 5 * TK * TQ + 3 * TK * d + TK * padded + 4 * TQ + 4 * L;
}

void F(attention_backward)(ptrdiff_t s, ptrdiff_t d, const A *q, ptrdiff_t qstride, const A *k, ptrdiff_t kstride, const A *v, ptrdiff_t vstride,
                           const A *o, ptrdiff_t ostride, const A *dout, ptrdiff_t dostride, const C *lse, C scale, A *dq, ptrdiff_t dqstride, C *dk,
                           C *dv, C *scratch) {
    const ptrdiff_t padded = (d + L - 1) / L * L, depth = ELEMENTS(d);
    // Of queries: along lanes and along depth. Of keys and values: rows, and keys along depth. Sizes are rounded up so that all are aligned.
    C *dqt = F(align)(scratch), *scores = dqt + d * TQ, *dscores = scores + TK * TQ, *spare = dscores + TK * TQ;
    C *lses = spare + TK * padded, *along = lses + TQ;
    E *qt = (E *)(along + TQ), *dot = qt + depth * TQ, *qrows = dot + depth * TQ, *dorows = qrows + ELEMENTS(TQ) * padded;
    E *p = HEAL_TERMS == 1 ? (E *)scores : dorows + ELEMENTS(TQ) * padded;
    E *ds = HEAL_TERMS == 1 ? (E *)dscores : p + TK * TQ, *dspairs = HEAL_TERMS == 1 ? ds : ds + TK * TQ;
    E *ktile = HEAL_TERMS == 1 ? dorows + TQ * padded : dspairs + TK * TQ, *vtile = ktile + TK * d, *kdepth = vtile + TK * d;

    for (ptrdiff_t i0 = 0; i0 < s; i0 += TQ) {
        const ptrdiff_t n = s - i0 < TQ ? s - i0 : TQ, vectors = (n + L - 1) / L;
        F(load_lanes)(n, d, q + i0 * qstride, qstride, qt);
        F(load_lanes)(n, d, dout + i0 * dostride, dostride, dot);
        F(load_depth)(n, d, q + i0 * qstride, qstride, qrows, padded);
        F(load_depth)(n, d, dout + i0 * dostride, dostride, dorows, padded);
        __builtin_memset(dqt, 0, (size_t)(d * TQ) * sizeof(C));
        for (ptrdiff_t i = 0; i < TQ; i++) {
            V acc = {0};
            if (i < n)
                for (ptrdiff_t c = 0; c < d; c += L)
                    acc += load(dout + (i0 + i) * dostride + c, d - c) * load(o + (i0 + i) * ostride + c, d - c);
            along[i] = sum(acc);
            lses[i] = i < n ? lse[i0 + i] : (C)__builtin_inf();  // lanes without a query get p = exp(-inf) = 0
        }
        for (ptrdiff_t k0 = 0; k0 < i0 + n; k0 += TK) {
            const ptrdiff_t nk = i0 + n - k0 < TK ? i0 + n - k0 : TK;
            ptrdiff_t krow = kstride, vrow = vstride, kdepthrow = kstride;
            const E *keys = F(rows_of)(nk, d, k + k0 * kstride, &krow, ktile);
            const E *values = F(rows_of)(nk, d, v + k0 * vstride, &vrow, vtile);
            F(scores)(nk, vectors, depth, k0, i0, keys, krow, qt, scores);
            F(scores)(nk, vectors, depth, k0, i0, values, vrow, dot, dscores);
            for (ptrdiff_t u = 0; u < vectors; u++)
                F(score_gradients)(nk, u, k0, i0, scale, scores, dscores, p, ds, dspairs, load(lses + u * L), load(along + u * L));
            const E *over = keys;
            if (HEAL_TERMS == 1) kdepthrow = krow; else over = F(depth_of)(nk, d, k + k0 * kstride, &kdepthrow, kdepth);
            F(gather_keys)(nk, vectors, d, k0, i0, over, kdepthrow, dspairs, dqt);
            F(gather_queries)(nk, n, d, padded, k0, i0, p, dorows, dv + k0 * d, spare);
            F(gather_queries)(nk, n, d, padded, k0, i0, ds, qrows, dk + k0 * d, spare);
        }
        const V one = splat((C)1), factor[4] = {one, one, one, one};
        F(store_transposed)(n, d, dqt, factor, dq + i0 * dqstride, dqstride);
    }
}

#undef HEAL_HIDDEN
#undef ELEMENTS
#undef E
#undef EV
#undef TQ
#undef TK
