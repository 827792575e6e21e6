/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fail_nth/calls.h"
#include "tests/fail_nth/inject.h"
#include "tests/unit/descriptors.h"

struct nth nth;

/* Not in a thread that the library makes. */
static _Thread_local bool here;

/* ---- failures ---- */

void nth_arm(void)
{
	nth.calls = 0;
	nth.armed = true;
	here = true;
}

void nth_disarm(void)
{
	nth.armed = false;
}

bool nth_made(void)
{
	for (unsigned int i = 0; i < NTH_FAILURES; i++)
		if (nth.failure[i].done)
			return true;
	return false;
}

static int make(struct nth_failure *failure, const char *name, const int *errors)
{
	for (unsigned int i = 0; i < failure->variant; i++)
		if (errors[i + 1] == 0) {
			failure->no_variant = true;
			return 0;
		}
	failure->done = true;
	failure->name = name;
	failure->error = errors[failure->variant];
	failure->frame_count = backtrace(failure->frames, NTH_FRAMES);
	if (failure->error > 0)
		errno = failure->error;
	return failure->error;
}

/* A hash of the way that led here. */
static unsigned int way(void)
{
	void *frames[NTH_FRAMES];
	int count = backtrace(frames, NTH_FRAMES);
	unsigned int hash = 0;

	for (int i = 0; i < count; i++)
		hash = hash * 31 + (unsigned int)(uintptr_t)frames[i];
	return hash;
}

int nth_fails(const char *name, const int *errors)
{
	if (!nth.armed || !here)
		return 0;
	nth.calls++;
	if (nth.ways && nth.calls < NTH_CALLS)
		nth.ways[nth.calls] = way();
	for (unsigned int i = 0; i < NTH_FAILURES; i++)
		if (nth.failure[i].n == nth.calls)
			return make(&nth.failure[i], name, errors);
	return 0;
}

/* ---- what is held ---- */

#define PLACES 16384u

static struct {
	void *at;
	void *frames[NTH_FRAMES];
	int frame_count;
	bool armed;
} held[PLACES];
static unsigned int held_count;

static unsigned int place_of(const void *at)
{
	return (unsigned int)((uintptr_t)at / 16 * 2654435761u) % PLACES;
}

static unsigned int place_find(const void *at)
{
	unsigned int i = place_of(at);

	while (held[i].at && held[i].at != at)
		i = (i + 1) % PLACES;
	return i;
}

void *nth_note(void *at)
{
	unsigned int i = at ? place_find(at) : 0;

	if (at == NULL || held[i].at != NULL)
		return at;
	if (++held_count > PLACES / 2)
		abort();
	held[i].at = at;
	held[i].armed = nth.armed;
	held[i].frame_count = nth.armed && nth.traces ? backtrace(held[i].frames, NTH_FRAMES) : 0;
	return at;
}

void nth_forget(void *at)
{
	unsigned int i = at ? place_find(at) : 0;

	if (at == NULL || held[i].at == NULL)
		return;
	held[i].at = NULL;
	held_count--;
	/* Those behind it move up. */
	for (i = (i + 1) % PLACES; held[i].at != NULL; i = (i + 1) % PLACES) {
		unsigned int to;

		at = held[i].at;
		held[i].at = NULL;
		to = place_find(at);
		held[to] = held[i];
		held[to].at = at;
	}
}

int nth_kept(void *frames[NTH_FRAMES])
{
	for (unsigned int i = 0; i < PLACES; i++)
		if (held[i].at != NULL && held[i].armed) {
			memcpy(frames, held[i].frames, sizeof(held[i].frames));
			return held[i].frame_count;
		}
	return 0;
}

/* Files, and what is shared: where the heaps of the C library and of sanitizers lie is theirs. */
static size_t mapped_bytes(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], way[8];
	unsigned long first, end;
	size_t bytes = 0;

	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &first, &end, way) == 3 && way[3] == 's')
			bytes += end - first;
	fclose(maps);
	return bytes;
}

struct nth_held nth_held(void)
{
	return (struct nth_held){ held_count, (unsigned int)open_descriptors(), mapped_bytes() };
}
