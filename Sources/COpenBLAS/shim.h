// OpenBLAS's C interface and LAPACKE. Complex types stay C structs: Swift has no C99 complex numbers.
#include <cblas.h>
#define LAPACK_COMPLEX_STRUCTURE
#include <lapacke.h>
