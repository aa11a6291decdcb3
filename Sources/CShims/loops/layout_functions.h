// Declarations of the conversions and permutes, which have no variants by compute type; included by loops.h once.

#pragma clang assume_nonnull begin

// ---- Conversions of n elements. Narrowing rounds to nearest, ties to even; overflow gives inf; NaN stays NaN. No aliasing.
void heal_convert_f32_to_bf16(ptrdiff_t n, const float *from, uint16_t *to);
void heal_convert_bf16_to_f32(ptrdiff_t n, const uint16_t *from, float *to);
void heal_convert_f32_to_f16(ptrdiff_t n, const float *from, uint16_t *to);
void heal_convert_f16_to_f32(ptrdiff_t n, const uint16_t *from, float *to);
void heal_convert_f64_to_f32(ptrdiff_t n, const double *from, float *to);
void heal_convert_f32_to_f64(ptrdiff_t n, const float *from, double *to);

// ---- The permute that rebuilding a matrix from its cores is made of.
//
// in [a, b, c, d] -> out [a, c, b, d]: out[i,k,j,l] = in[i,j,k,l], for i in [a_begin, a_end) (workers share a). The inverse is the same call with b and c
// exchanged. Permutes of more cores are chains of these; see also permute_strided.
void heal_permute_f32_to_f32(ptrdiff_t a_begin, ptrdiff_t a_end, ptrdiff_t b, ptrdiff_t c, ptrdiff_t d, const float *in, float *out);
void heal_permute_f32_to_bf16(ptrdiff_t a_begin, ptrdiff_t a_end, ptrdiff_t b, ptrdiff_t c, ptrdiff_t d, const float *in, uint16_t *out);
void heal_permute_bf16_to_f32(ptrdiff_t a_begin, ptrdiff_t a_end, ptrdiff_t b, ptrdiff_t c, ptrdiff_t d, const uint16_t *in, float *out);
void heal_permute_bf16_to_bf16(ptrdiff_t a_begin, ptrdiff_t a_end, ptrdiff_t b, ptrdiff_t c, ptrdiff_t d, const uint16_t *in, uint16_t *out);
void heal_permute_f64_to_f64(ptrdiff_t a_begin, ptrdiff_t a_end, ptrdiff_t b, ptrdiff_t c, ptrdiff_t d, const double *in, double *out);

// Any permute (or broadcast, or sub-block) of one axis or more: out, contiguous with `shape`, gets out[i0, i1, ...] = in[i0 instrides[0] + i1 instrides[1] + ...]
// for i0 in [begin, end). Axes of length 1 count for nothing, neighbours that are one axis on both sides count as one. Runs over the last axis are read in one
// piece when it has stride 1 in the input; otherwise the axis of stride 1, if there is one, is tiled against the last.
void heal_permute_strided_f32_to_f32(int rank, const ptrdiff_t *shape, const ptrdiff_t *instrides, ptrdiff_t begin, ptrdiff_t end, const float *in,
                                    float *out);
void heal_permute_strided_f32_to_bf16(int rank, const ptrdiff_t *shape, const ptrdiff_t *instrides, ptrdiff_t begin, ptrdiff_t end, const float *in,
                                     uint16_t *out);
void heal_permute_strided_bf16_to_f32(int rank, const ptrdiff_t *shape, const ptrdiff_t *instrides, ptrdiff_t begin, ptrdiff_t end,
                                     const uint16_t *in, float *out);
void heal_permute_strided_bf16_to_bf16(int rank, const ptrdiff_t *shape, const ptrdiff_t *instrides, ptrdiff_t begin, ptrdiff_t end,
                                      const uint16_t *in, uint16_t *out);
void heal_permute_strided_f64_to_f64(int rank, const ptrdiff_t *shape, const ptrdiff_t *instrides, ptrdiff_t begin, ptrdiff_t end, const double *in,
                                    double *out);

// out[j,i] = in[i,j] with a conversion on the way; in [rows, columns]. (Without conversion: heal_transpose_f32, _bf16, _f64.)
void heal_transpose_f32_to_bf16(ptrdiff_t rows, ptrdiff_t columns, const float *in, ptrdiff_t instride, uint16_t *out, ptrdiff_t outstride);
void heal_transpose_bf16_to_f32(ptrdiff_t rows, ptrdiff_t columns, const uint16_t *in, ptrdiff_t instride, float *out, ptrdiff_t outstride);

#pragma clang assume_nonnull end
