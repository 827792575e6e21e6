/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a fuzz target of the driver has in the place of a machine: bytes of the input, a clock that
 * moves when the driver looks at it, words that a device writes, and memory that costs no system call.
 */
#ifndef VIONET_TESTS_FUZZ_WORLD_H
#define VIONET_TESTS_FUZZ_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As assert(), and never compiled out; the target's findings. */
#define FUZZ_CHECK(condition) \
	((condition) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #condition))

void fuzz_failed(const char *file, int line, const char *condition) __attribute__((noreturn));

/* Begin with this input; all below is as new. */
void fuzz_world_begin(const uint8_t *bytes, size_t size);

/* ---- the input: 0 behind its end ---- */

bool fuzz_more(void);
uint8_t fuzz_take8(void);
uint16_t fuzz_take16(void);
uint32_t fuzz_take32(void);
uint64_t fuzz_take64(void);
/* 0 to limit - 1. */
uint32_t fuzz_take_below(uint32_t limit);
/* Up to `room` bytes; returns how many. */
size_t fuzz_take_bytes(void *to, size_t room);

/* ---- calls of the driver ---- */

/* A call begins; it is over within `limit` nanoseconds of the virtual clock, and a million reads of a device's words. */
void fuzz_call_begin(uint64_t limit);
void fuzz_call_end(void);

/* Is it the driver that calls: not the target that stands for the rest of the machine, between these two? They nest. */
bool fuzz_in_call(void);
void fuzz_aside_begin(void);
void fuzz_aside_end(void);

/* What the device does meanwhile: called each time the driver looks at the clock. NULL: nothing. */
extern void (*fuzz_meanwhile)(void);

/* So many nanoseconds pass. */
void fuzz_pass(uint64_t nanoseconds);

/* Descriptors that are none of the kernel's, for what waits: which of `events` are ready; -1: it is another one. */
extern int (*fuzz_ready)(int fd, short events);
/* The whole of such a wait is this; NULL: it is not. */
struct pollfd;
extern int (*fuzz_poll)(struct pollfd *fds, unsigned long count);

/* ---- words of a device ---- */

/* Behind `after` reads the next `count` give other values than those in memory: bytes of the input, or a kind of change. */
void fuzz_lie(unsigned int after, unsigned int count, unsigned int kind);
/* Has it, since the world began? */
bool fuzz_has_lied(void);

/* ---- memory ---- */

/* The arena out of which the driver's memory for devices is: as the driver sees it, and as a device does, by its offset. */
#define FUZZ_ARENA ((size_t)32 << 20)

uint8_t *fuzz_arena_as_device(size_t offset);
size_t fuzz_arena_offset(const void *address);
/* Regions are whole pages of that size from now on, for what shares them. */
#define FUZZ_PAGE ((size_t)4096)
#define FUZZ_HUGEPAGE ((size_t)2 << 20)
void fuzz_arena_pages(size_t page);
/* Regions that are allocated. */
unsigned int fuzz_arena_regions(void);

#endif
