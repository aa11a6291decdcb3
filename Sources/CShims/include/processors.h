#ifndef HEAL_PROCESSORS_H
#define HEAL_PROCESSORS_H

/// How many processors the scheduler may put this process on; 0 where the system does not say.
int heal_allowed_processors(void);

#endif
