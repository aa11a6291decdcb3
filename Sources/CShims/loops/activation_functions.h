// Declarations of the functions that touch activations; included by loops.h once per variant, with A, R, C and HEAL_NAME defined.

#pragma clang assume_nonnull begin

// ---- Root mean square norm (Zhang & Sennrich 2019, arXiv 1910.07467; Hugging Face LlamaRMSNorm)

// rstd[t] = 1 / sqrt(mean_j x[t,j]^2 + eps),  h[t,j] = x[t,j] rstd[t] w[j].
// x, h [rows, d]; w [d]; rstd [rows] is kept for the pullback.
void HEAL_NAME(rmsnorm_forward)(ptrdiff_t rows, ptrdiff_t d, const R *x, const C *w, C eps, A *h, C *rstd);

// dx[t,j] = rstd (w dy)[t,j] - x[t,j] rstd^3 / d * sum_j (w dy x)[t,j];  dw[j] += sum_t dy[t,j] x[t,j] rstd[t], rows in order.
// dx is added to when accumulate != 0, else overwritten (and may then be dy itself); dw is always added to, unless NULL.
void HEAL_NAME(rmsnorm_backward)(ptrdiff_t rows, ptrdiff_t d, const R *dy, const R *x, const C *w, const C *rstd, R *dx,
                                 C *_Nullable dw, int accumulate);
// The same from h = x rstd w, where no w is zero.
void HEAL_NAME(rmsnorm_backward_output)(ptrdiff_t rows, ptrdiff_t d, const R *dy, const A *h, const C *w, const C *rstd, R *dx,
                                        C *_Nullable dw, int accumulate);

// The same norm over each head of each row (q and k of Qwen3): x, h [rows, heads, head_dim], heads of a row contiguous, rows strided;
// w [head_dim] is shared by the heads; rstd [rows, heads]. h may be x.
void HEAL_NAME(headnorm_forward)(ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, const A *x, ptrdiff_t xstride, const C *w, C eps, A *h,
                                 ptrdiff_t hstride, C *rstd);

// dx is overwritten and may be dy; dw [head_dim] is added to over rows, then heads, in order, unless NULL.
void HEAL_NAME(headnorm_backward)(ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, const A *dy, ptrdiff_t dystride, const A *x,
                                  ptrdiff_t xstride, const C *w, const C *rstd, A *dx, ptrdiff_t dxstride, C *_Nullable dw);

// ---- Rotary position embedding (Su et al. 2021, arXiv 2104.09864; Hugging Face's half rotation)

// For each row t, head and j < head_dim/2, with c = cos[positions[t], j], s = sin[positions[t], j]:
// (x[j], x[j + head_dim/2]) becomes (x[j] c - x[j + head_dim/2] s, x[j + head_dim/2] c + x[j] s), in place.
// x [rows, heads, head_dim], rows strided; cos, sin [max position + 1, head_dim/2]. inverse != 0 rotates back, which is the pullback.
void HEAL_NAME(rope)(ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, A *x, ptrdiff_t xstride, const int32_t *positions, const C *cos,
                     const C *sin, int inverse);

// ---- SwiGLU (Shazeer 2020, arXiv 2002.05202)

// act = silu(gate) up, silu(g) = g / (1 + exp(-g)). All [n]; act may be gate or up.
void HEAL_NAME(swiglu_forward)(ptrdiff_t n, const A *gate, const A *up, A *act);

// With s = 1 / (1 + exp(-gate)): dgate = dact up s (1 + gate (1 - s)),  dup = dact gate s.
// All [n], overwritten; dgate may be gate and dup may be up.
void HEAL_NAME(swiglu_backward)(ptrdiff_t n, const A *dact, const A *gate, const A *up, A *dgate, A *dup);

// The same on rows of a fused [rows, d] layout: each matrix has its own row stride.
void HEAL_NAME(swiglu_rows_forward)(ptrdiff_t rows, ptrdiff_t d, const A *gate, ptrdiff_t gstride, const A *up, ptrdiff_t ustride, A *act,
                                    ptrdiff_t astride);
void HEAL_NAME(swiglu_rows_backward)(ptrdiff_t rows, ptrdiff_t d, const A *dact, ptrdiff_t dastride, const A *gate, ptrdiff_t gstride,
                                     const A *up, ptrdiff_t ustride, A *dgate, ptrdiff_t dgstride, A *dup, ptrdiff_t dustride);

// ---- Losses. A negative label marks a row that does not count: its loss is 0 and its gradient row is zeroed. A label >= vocabulary gives
// ---- a NaN loss (no memory is touched out of bounds).

// loss[t] = lse[t] - logits[t, labels[t]],  lse[t] = log sum_j exp(logits[t,j]).
// want_gradient != 0: (softmax(logits) - onehot(label)) * scale goes to dlogits [rows, V] if given, else replaces logits; with dlogits the
// logits stay as they are. want_gradient == 0: only loss and lse are written.
void HEAL_NAME(cross_entropy_rows)(ptrdiff_t rows, ptrdiff_t vocabulary, C *logits, ptrdiff_t stride, const int32_t *labels, C scale, C *loss,
                                   C *lse, A *_Nullable dlogits, ptrdiff_t dstride, int want_gradient);

// The gradient for columns [first, first + n) of the vocabulary, given the whole row's lse: (exp(logits - lse) - [label == first + j]) * scale,
// to dlogits [rows, n] if given, else in place.
void HEAL_NAME(softmax_grad_block)(ptrdiff_t rows, ptrdiff_t n, ptrdiff_t first, C *logits, ptrdiff_t stride, const int32_t *labels,
                                   const C *lse, C scale, A *_Nullable dlogits, ptrdiff_t dstride);

// Distillation (Hinton et al. 2015, arXiv 1503.02531). With q_T = softmax(student / T), p_T = softmax(teacher / T):
//   ce[t] = cross-entropy of the student at T = 1,  kl[t] = T^2 KL(p_T || q_T) = T^2 sum_j p_T (log p_T - log q_T),
//   gradient of scale * (ce_weight ce + kl_weight kl) = scale * (ce_weight (softmax(student) - onehot) + kl_weight T (q_T - p_T)),
// to dlogits if given, else in place of the student's logits, when want_gradient != 0. lse [rows]: the student's at T = 1. The teacher's logits stay.
void HEAL_NAME(kl_rows)(ptrdiff_t rows, ptrdiff_t vocabulary, C *student, ptrdiff_t sstride, const C *teacher, ptrdiff_t tstride,
                        const int32_t *labels, C temperature, C ce_weight, C kl_weight, C scale, C *ce, C *kl, C *lse, A *_Nullable dlogits,
                        ptrdiff_t dstride, int want_gradient);

// The same for columns [first, first + n), given log-sum-exps over whole rows: lse of the student at T = 1, student_lse and teacher_lse at T
// (from lse_update with inverse_temperature 1 / T). kl[t] is added to; gradient as above when want_gradient != 0.
void HEAL_NAME(kl_block)(ptrdiff_t rows, ptrdiff_t n, ptrdiff_t first, C *student, ptrdiff_t sstride, const C *teacher, ptrdiff_t tstride,
                         const int32_t *labels, C temperature, C ce_weight, C kl_weight, C scale, const C *lse, const C *student_lse,
                         const C *teacher_lse, C *kl, A *_Nullable dlogits, ptrdiff_t dstride, int want_gradient);

// Distillation from `named` distinct tokens of a teacher and the rest of its mass, one row. With q_T = softmax(z / T), p [named] the teacher's p_T at ids, rest its
// p_T summed over all other tokens, M = sum p + rest:
//   kl = T^2 (sum_i p_i log(p_i / q_T[ids_i]) + rest log(rest / sum of q_T over the others)),  ce = cross-entropy of z at T = 1 (0 for a negative label),
//   gradient of ce_weight ce + kl_weight kl: at a named token ce_weight (softmax(z) - onehot) + kl_weight T (M q_T - p_i), at the others the same with
//   rest q_T / (sum of q_T over the others) for p_i; to dlogits if given, else in place of z, when want_gradient != 0.
// rest is 0 where all tokens are named. scratch [named].
void HEAL_NAME(sparse_kl_row)(ptrdiff_t vocabulary, C *z, ptrdiff_t label, ptrdiff_t named, const int32_t *ids, const C *p, C rest, C temperature,
                              C ce_weight, C kl_weight, C *ce, C *kl, A *_Nullable dlogits, int want_gradient, C *scratch);

// ---- Causal attention of one query head over one segment (tiled: Dao et al. 2022, arXiv 2205.14135; no [S, S] matrix is kept)

// Elements of C that `scratch` must hold.
ptrdiff_t HEAL_NAME(attention_forward_scratch)(ptrdiff_t head_dim);
ptrdiff_t HEAL_NAME(attention_backward_scratch)(ptrdiff_t head_dim);

// With scale > 0: o[i] = sum_{j <= i} p[i,j] v[j],  p[i] = softmax_j(scale q[i] . k[j]),  lse[i] = log sum_{j <= i} exp(scale q[i] . k[j]).
// q, o [s, head_dim], k, v [s, head_dim], rows strided (a head inside [tokens, heads, head_dim]); lse [s] is kept for the pullback. o may be q.
void HEAL_NAME(attention_forward)(ptrdiff_t s, ptrdiff_t head_dim, const A *q, ptrdiff_t qstride, const A *k, ptrdiff_t kstride, const A *v,
                                  ptrdiff_t vstride, C scale, A *o, ptrdiff_t ostride, C *lse, C *scratch);

// The same for n query rows that stand at positions pos0 ..< pos0 + n of a segment whose keys and values 0 ..< pos0 + n lie in a cache:
// query row i sees keys 0 ... pos0 + i. lse [n] may be NULL. Workers may split a long segment into query blocks with it; blocks whose pos0 and length are
// multiples of 64 (the last may be shorter) give the same bits as one call.
void HEAL_NAME(attention_forward_cached)(ptrdiff_t n, ptrdiff_t pos0, ptrdiff_t head_dim, const A *q, ptrdiff_t qstride, const A *k,
                                         ptrdiff_t kstride, const A *v, ptrdiff_t vstride, C scale, A *o, ptrdiff_t ostride,
                                         C *_Nullable lse, C *scratch);

// With p recomputed from lse and D[i] = do[i] . o[i]:
//   ds[i,j] = p[i,j] (do[i] . v[j] - D[i]) scale,  dq[i] = sum_j ds[i,j] k[j]  (overwritten; may be q, o or do),
//   dk[j] += sum_i ds[i,j] q[i],  dv[j] += sum_i p[i,j] do[i]  (added to: the caller goes through a group's query heads in order).
// dk, dv [s, head_dim] of C, contiguous rows of length head_dim.
void HEAL_NAME(attention_backward)(ptrdiff_t s, ptrdiff_t head_dim, const A *q, ptrdiff_t qstride, const A *k, ptrdiff_t kstride, const A *v,
                                   ptrdiff_t vstride, const A *o, ptrdiff_t ostride, const A *dout, ptrdiff_t dostride, const C *lse, C scale,
                                   A *dq, ptrdiff_t dqstride, C *dk, C *dv, C *scratch);

// ---- Products of few rows

// y[t,j] (+)= sum_i x[t,i] w[j,i]; x [m, k], w [n, k], y [m, n], rows strided. For m of a few: w is read once, and each of its elements serves m rows while
// it is in cache.
void HEAL_NAME(thin_product)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const A *x, ptrdiff_t xstride, const A *w, ptrdiff_t wstride, A *y,
                             ptrdiff_t ystride, int accumulate);
void HEAL_NAME(thin_product_wide)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const A *x, ptrdiff_t xstride, const A *w, ptrdiff_t wstride, C *y,
                                  ptrdiff_t ystride, int accumulate);

// ---- Between activations and the residual stream

// to[i] = from[i], rounded to A.
void HEAL_NAME(activation_from_residual)(ptrdiff_t n, const R *from, A *to);
// to[i] = from[i], exact.
void HEAL_NAME(residual_from_activation)(ptrdiff_t n, const A *from, R *to);
// to[i] += from[i].
void HEAL_NAME(residual_add_activation)(ptrdiff_t n, const A *from, R *to);
// x[t,j] += bias[j]; x [rows, d], rows strided. (For rows of R use the variant whose A is R.)
void HEAL_NAME(bias_add)(ptrdiff_t rows, ptrdiff_t d, A *x, ptrdiff_t stride, const C *bias);
// sum[j] += sum_t x[t,j], rows in order: the pullback of bias_add.
void HEAL_NAME(column_sum)(ptrdiff_t rows, ptrdiff_t d, const A *x, ptrdiff_t stride, C *sum);
// out[j,i] = in[i,j]; in [rows, columns].
void HEAL_NAME(transpose)(ptrdiff_t rows, ptrdiff_t columns, const A *in, ptrdiff_t instride, A *out, ptrdiff_t outstride);

#pragma clang assume_nonnull end
