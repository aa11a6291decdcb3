#include "libraries.h"

#include <dnnl.h>

void heal_onednn_version(int version[3]) {
    const dnnl_version_t *found = dnnl_version();
    version[0] = found->major;
    version[1] = found->minor;
    version[2] = found->patch;
}
