#ifndef HEAL_CSHIMS_H
#define HEAL_CSHIMS_H
#endif
