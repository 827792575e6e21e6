/* SPDX-License-Identifier: BSD-3-Clause */
/* Measures how long something took, and how long our threads meanwhile were runnable
 * without a processor (/proc/PID/task/TID/schedstat): other load on the machine must not
 * fail a test. */
#ifndef VIONET_TESTS_WATCH_H
#define VIONET_TESTS_WATCH_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

/* For what will come, however long it takes: it only ends a test that hangs. */
#define TEST_TIMEOUT_S 60.0

/* A process whose waiting for a processor counts as that of a thread of ours; 0: none. */
__attribute__((weak)) pid_t watch_process;

struct watch {
	double begin, queued;
};

static inline double watch_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Nanoseconds; 0 where the kernel does not say. */
static inline unsigned long long watch_read(const char *schedstat)
{
	unsigned long long ran, waited = 0;
	FILE *file = fopen(schedstat, "r");

	if (!file)
		return 0;
	if (fscanf(file, "%llu %llu", &ran, &waited) != 2)
		waited = 0;
	fclose(file);
	return waited;
}

/* Seconds that the threads that live now have waited for a processor. */
static inline double watch_queued(void)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *entry;
	unsigned long long all = 0;
	char path[300];

	while (tasks && (entry = readdir(tasks)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat",
			 entry->d_name);
		all += watch_read(path);
	}
	if (watch_process != 0) {
		snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)watch_process);
		all += watch_read(path);
	}
	if (tasks)
		closedir(tasks);
	return (double)all / 1e9;
}

static inline struct watch watch_start(void)
{
	return (struct watch){ watch_clock(), watch_queued() };
}

static inline double watch_took(struct watch w)
{
	return watch_clock() - w.begin;
}

/* The time without waits for a processor. */
static inline double watch_own(struct watch w)
{
	double took = watch_took(w), queued = watch_queued() - w.queued;

	return queued > 0 ? took - queued : took;
}

/* It took at least `least`, and less than `most` without waits for a processor. */
static inline bool watch_within(struct watch w, double least, double most)
{
	return watch_took(w) >= least && watch_own(w) < most;
}

#endif
