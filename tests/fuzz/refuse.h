/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of the driver to the C library that fail where the input says so, and books of its descriptors. The linker gives the
 * driver these (--wrap).
 */
#ifndef VIONET_TESTS_FUZZ_REFUSE_H
#define VIONET_TESTS_FUZZ_REFUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum fuzz_kind {
	FUZZ_OPEN = 1 << 0,
	FUZZ_READ = 1 << 1,
	FUZZ_WRITE = 1 << 2,
	FUZZ_LOOK = 1 << 3, /* access, readlink, scandir, opendir */
	FUZZ_MAP = 1 << 4,
	FUZZ_MEMORY = 1 << 5, /* malloc and the like */
	FUZZ_OTHER = 1 << 6,
};

/* Nothing fails, and no descriptor is open. */
void fuzz_refuse_none(void);
/* Behind `after` calls of these kinds the next one fails, with a code that the input chooses. */
void fuzz_refuse(unsigned int kinds, unsigned int after);
/* The same by the input. */
void fuzz_refuse_some(void);

/* For what stands in the place of a call: does it fail (errno is set then)? */
bool fuzz_refused(enum fuzz_kind kind);
/* Is the process an unprivileged one: where it may not open files? `which`: of the input. */
bool fuzz_refuse_is_user(unsigned int *which);
/* A descriptor was made by it, or (-1) not; one was closed. */
int fuzz_made(int fd);
void fuzz_closed(void);

/* The call, with a failure that the input may choose. */
#define FUZZ_CALL(kind, type, name, failure, parameters, arguments)              \
	type __real_##name parameters;                                           \
	type __wrap_##name parameters;                                           \
	type __wrap_##name parameters                                            \
	{                                                                        \
		return fuzz_refused(kind) ? (failure) : __real_##name arguments; \
	}

/* Descriptors that the driver has opened and not closed. */
int fuzz_descriptors(void);
/* It got one by another way. */
void fuzz_descriptor_made(void);

/* ---- what the target puts in the place of a call; NULL: nothing ---- */

/* Registers: is that place theirs? The result is in `done` then. */
extern bool (*fuzz_transfer)(int fd, void *bytes, size_t size, off_t offset, bool writes, ssize_t *done);
/* Something was written to a file. */
extern void (*fuzz_written)(void);
/* A file was mapped. */
extern void *(*fuzz_mapped)(size_t size, off_t offset);
/* A program was started: returns whether it could be. */
extern bool (*fuzz_spawned)(const char *program);
/* What the kernel answers the last request of netlink with, if all is right: a type of messages. */
extern unsigned short fuzz_netlink_answer;
/* A datagram of netlink is waited for. */
extern ssize_t (*fuzz_datagram)(void *bytes, size_t size);

#endif
