// PCRE2 for UTF-8 subjects; the macro picks the 8-bit functions.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
