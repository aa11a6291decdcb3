// Declarations of the functions on plain float or double; included by loops.h for _f32 and _f64, with C and HEAL_NAME defined.

#pragma clang assume_nonnull begin

// y[i] = exp(x[i]). float: within 2 ulp, subnormal results included; exp(-inf) = 0, overflow gives inf, NaN stays. y may be x.
void HEAL_NAME(exp)(ptrdiff_t n, const C *x, C *y);

// z[i] = x[i] + y[i]; z may be x or y.
void HEAL_NAME(add)(ptrdiff_t n, const C *x, const C *y, C *z);
// x[i] *= a.
void HEAL_NAME(scale)(ptrdiff_t n, C a, C *x);
// y[i] += a x[i].
void HEAL_NAME(axpy)(ptrdiff_t n, C a, const C *x, C *y);
// y[i] = a x[i] + b y[i].
void HEAL_NAME(scale_add)(ptrdiff_t n, C a, const C *x, C b, C *y);
// sum x[i]^2, summed in double in 32 fixed lanes.
double HEAL_NAME(sum_squares)(ptrdiff_t n, const C *x);
// sum x[i] y[i], summed in double in 32 fixed lanes.
double HEAL_NAME(dot)(ptrdiff_t n, const C *x, const C *y);

// Running log-sum-exp over blocks of columns (Milakov & Gimelshein 2018, arXiv 1805.02867). For each row, with x = inverse_temperature * logits:
// m' = max(maximum, max x), sum = sum exp(maximum - m') + sum_j exp(x_j - m'), maximum = m'.
// Start with maximum = -inf, sum = 0; afterwards lse = maximum + log(sum).
void HEAL_NAME(lse_update)(ptrdiff_t rows, ptrdiff_t n, const C *logits, ptrdiff_t stride, C inverse_temperature, C *maximum, C *sum);

// AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) with the operations and their order of torch.optim.AdamW. With g = grad_scale grad:
//   p *= 1 - lr weight_decay;  m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g g;
//   p -= lr / bias_correction1 * m / (sqrt(v) / sqrt(bias_correction2) + eps),   bias_correctionK = 1 - betaK^step.
void HEAL_NAME(adamw)(ptrdiff_t n, C *param, const C *grad, C *m, C *v, double lr, double beta1, double beta2, double eps, double weight_decay,
                      double bias_correction1, double bias_correction2, double grad_scale);

#pragma clang assume_nonnull end
