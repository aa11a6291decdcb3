// Everything that Swift sees of this module. Naming each header here makes the compiler notice when one is added.
#include "denormals.h"
#include "files.h"
#include "gemm.h"
#include "libraries.h"
#include "processors.h"
#include "loops.h"
