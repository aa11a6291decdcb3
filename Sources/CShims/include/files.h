#ifndef HEAL_FILES_H
#define HEAL_FILES_H

#include <stddef.h>

/// Exchanges the names of two files or directories in one step: 0, or -1 with errno set.
int heal_exchange(const char *one, const char *other);

/// Takes note of a mapped file. Where its bytes cannot be read (it was cut off, or its disk failed), the process ends with status 74 (EX_IOERR) and a
/// message on standard error that names the file, instead of by SIGBUS.
void heal_watch_mapping(const void *start, size_t count, const char *path);

/// Forgets a mapping, before it is taken back.
void heal_forget_mapping(const void *start);

#endif
