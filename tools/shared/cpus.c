/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/cpus.h"

#include <sched.h>

#include "tools/shared/common.h"

void cpus_check(const struct cpu_list *cpus, unsigned int threads)
{
	cpu_set_t allowed;

	if (cpus->count > threads)
		refuse_usage("--cpus: %u CPUs, but %u thread%s; see --queues", cpus->count, threads,
			     plural(threads));
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	for (uint32_t i = 0; i < cpus->count; i++)
		if (!CPU_ISSET(cpus->cpu[i], &allowed))
			refuse_usage("--cpus: CPU %u is none that this process may use; "
				     "'taskset -pc $$' shows them",
				     cpus->cpu[i]);
}

int cpus_create_thread(const struct cpu_list *cpus, unsigned int index, pthread_t *id,
		       void *(*run)(void *argument), void *argument)
{
	cpu_set_t set, ours;
	int error;

	if (cpus->count == 0)
		return pthread_create(id, NULL, run, argument);
	/* The thread inherits it: attributes have none in musl. */
	CPU_ZERO(&set);
	CPU_SET(cpus->cpu[index % cpus->count], &set);
	pthread_getaffinity_np(pthread_self(), sizeof(ours), &ours);
	error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (error == 0)
		error = pthread_create(id, NULL, run, argument);
	pthread_setaffinity_np(pthread_self(), sizeof(ours), &ours);
	return error;
}
