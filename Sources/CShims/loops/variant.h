// Everything that exists per variant. Expects A, R, C (loops.h), V and L (the vector of C and its lanes), F(name) (the function's full name)
// HEAL_HAS_NUMBERS (0 for _bf16, whose plain numbers are those of _f32) , HEAL_A_IS_C
// and HEAL_TERMS (tile.h).

#include "activations.h"
#include "norm.h"
#include "rope.h"
#include "swiglu.h"
#include "loss.h"
#include "thin.h"
#include "tile.h"
#include "attention.h"
#include "attention_backward.h"
#if HEAL_HAS_NUMBERS
#include "adamw.h"
#include "numbers.h"
#endif
