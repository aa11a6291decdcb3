// Declarations of AdamW on bfloat16 parameters and 8-bit moments; included by loops.h once.

#pragma clang assume_nonnull begin

// As the arguments of heal_adamw_f32.
typedef struct heal_adamw_rates {
    double lr, beta1, beta2, eps, weight_decay, bias_correction1, bias_correction2, grad_scale;
} heal_adamw_rates;

// heal_adamw_f32 with parameters in bfloat16. The sum is rounded at random, up with the probability of what is cut off, so that steps smaller than
// the last place count in the mean. The random bits of element i are a function of key and i.
void heal_adamw_bf16(ptrdiff_t n, uint16_t *param, const float *grad, float *m, float *v, const heal_adamw_rates *rates, uint32_t key);

// Moments in 8 bits, in blocks of 256 elements with one scale each (Dettmers et al. 2021, arXiv 2110.02861); the last block may be shorter.
//
// Code q of v stands for scale * (float with the bits of 2^-16 plus (q << 19)) - 2^-16): 16 codes an octave over 16 octaves, linear near zero, as the
// mu-law of telephony (ITU-T G.711). m has a sign (0x80) and 7 bits on 2^-8, over 8 octaves. The largest of a block has the highest code, up to
// rounding. Parameters are updated with the new moments before those are coded. Coding rounds at random as above: the mean is kept, where rounding
// to nearest would lose every change of v, 0.1 % a step, in a grid of 3 to 6 %. v > 0 never becomes 0.
// `key` gives other bits for the moments than for the parameter.
#define HEAL_MOMENT_BLOCK 256
void heal_adamw_8bit_f32(ptrdiff_t n, float *param, const float *grad, uint8_t *m, float *m_scale, uint8_t *v, float *v_scale,
                         const heal_adamw_rates *rates, uint32_t key);
void heal_adamw_8bit_bf16(ptrdiff_t n, uint16_t *param, const float *grad, uint8_t *m, float *m_scale, uint8_t *v, float *v_scale,
                          const heal_adamw_rates *rates, uint32_t key);

#pragma clang assume_nonnull end
