#ifndef HEAL_LIBRARIES_H
#define HEAL_LIBRARIES_H

/// The version of oneDNN that runs, as three numbers.
void heal_onednn_version(int version[3]);

#endif
