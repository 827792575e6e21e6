/* SPDX-License-Identifier: BSD-3-Clause */
/* Every wait of the library ends at a deadline of this clock. */
#ifndef VN_BASE_CLOCK_H
#define VN_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define VN_MS 1000000ull /* nanoseconds */

#ifdef VN_VIRTUAL_CLOCK
/* Fuzz targets define this, and these: deadlines pass without anybody waiting. */
uint64_t vn_now(void);
uint64_t vn_now_coarse(void);
void vn_sleep(uint64_t nanoseconds);
#else

/* Nanoseconds of CLOCK_MONOTONIC. */
static inline uint64_t vn_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* The same clock, as it was when the kernel last looked, up to 10 ms ago: for much less
 * time, where it is read again and again. */
static inline uint64_t vn_now_coarse(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static inline void vn_sleep(uint64_t nanoseconds)
{
	struct timespec pause = {
		.tv_sec = (time_t)(nanoseconds / 1000000000ull),
		.tv_nsec = (long)(nanoseconds % 1000000000ull),
	};

	nanosleep(&pause, NULL);
}
#endif

/* Is it `interval` since `*last`? Then that is now. Any thread. */
static inline bool vn_due(uint64_t *last, uint64_t interval)
{
	uint64_t now = vn_now();

	if (now - __atomic_load_n(last, __ATOMIC_RELAXED) < interval)
		return false;
	__atomic_store_n(last, now, __ATOMIC_RELAXED);
	return true;
}

#endif
