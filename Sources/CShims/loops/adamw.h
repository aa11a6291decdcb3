// AdamW, one pass over parameter, gradient and moments. Textual include (variant.h).

// The scalars are prepared in double and rounded once, as PyTorch does.
void F(adamw)(ptrdiff_t n, C *param, const C *grad, C *m, C *v, double lr, double beta1, double beta2, double eps, double weight_decay,
              double bias_correction1, double bias_correction2, double grad_scale) {
    const C keep = (C)(1.0 - lr * weight_decay), lerp = (C)(1.0 - beta1), decay = (C)beta2, fresh = (C)(1.0 - beta2);
    const C step = (C)(lr / bias_correction1), root = (C)__builtin_sqrt(bias_correction2), epsilon = (C)eps, gscale = (C)grad_scale;
    HEAL_FOR_VECTORS(i, n, L, {
        V g = gscale * load(grad + i, count);
        V p = keep * load(param + i, count);
        V m0 = load(m + i, count);
        V m1 = m0 + lerp * (g - m0);
        V v0 = decay * load(v + i, count);
        V v1 = v0 + fresh * g * g;
        store(m + i, m1, count);
        store(v + i, v1, count);
        V denominator = square_root(v1) / root + epsilon;
        store(param + i, p - step * (m1 / denominator), count);
    })
}
