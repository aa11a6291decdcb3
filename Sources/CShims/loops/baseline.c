// The loops for any processor; on x86-64 one of three instances (dispatch.c), elsewhere the only one.

#include "loops.h"

#if defined(__x86_64__)
#define HEAL_INSTANCE(name) name##_baseline
HEAL_LOOPS(HEAL_DECLARE_INSTANCE)
#define HEAL_BLOCK_ROWS 2
#define HEAL_BLOCK_VECTORS 1
#else
#define HEAL_INSTANCE(name) name
#define HEAL_BLOCK_ROWS 4
#define HEAL_BLOCK_VECTORS 1
#endif

#define HEAL_BF16_TERMS 1
#include "instance.h"
