/* SPDX-License-Identifier: BSD-3-Clause */
/* `--cpus`: where the threads of a command run. */
#ifndef VIONET_TOOLS_CPUS_H
#define VIONET_TOOLS_CPUS_H

#include <pthread.h>

#include "tools/shared/parse.h"

/* End the program with a sentence if they are more than the command has threads, or not all of
 * them are for this process. */
void cpus_check(const struct cpu_list *cpus, unsigned int threads);

/* pthread_create, on the CPU of thread `index` if the list has any. Returns 0 or an errno. */
int cpus_create_thread(const struct cpu_list *cpus, unsigned int index, pthread_t *id,
		       void *(*run)(void *argument), void *argument);

#endif
