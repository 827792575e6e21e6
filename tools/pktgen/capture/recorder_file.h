/* SPDX-License-Identifier: BSD-3-Clause */
/* The file of a capture, or a ring of them. All are opened at once: a process in a sandbox opens no more. */
#ifndef VIONET_TOOLS_PKTGEN_RECORDER_FILE_H
#define VIONET_TOOLS_PKTGEN_RECORDER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDER_BUFFER (1u << 20)

struct recorder_file {
	int *fd;
	uint32_t files, current; /* current: read by others, with __atomic */
	uint64_t limit;		 /* bytes of a file; 0: none */
	uint64_t at;		 /* bytes of this one that are written */
	uint8_t *buffer;
	uint32_t used;
	int error;     /* errno of the first write that failed; read by others with __atomic */
	bool *stop_waiting; /* set: a reader that takes nothing is not waited for */
};

/* Of one of `files`: above 1 "folder/x.pcapng" and 3 are "folder/x-3.pcapng". */
void recorder_file_name(char *to, size_t room, const char *path, uint32_t files, uint32_t index);

/* Says what is wrong; returns an exit code. */
int recorder_file_open(struct recorder_file *file, const char *path, uint32_t files, uint64_t limit);
/* The same in memory; a ring has two halves. */
int recorder_file_open_memory(struct recorder_file *file, bool ring, uint64_t size);
void recorder_file_close(struct recorder_file *file);

/* Room for `size` bytes, which the caller fills and adds to `used`; NULL once a write has failed. */
uint8_t *recorder_file_room(struct recorder_file *file, uint32_t size);
/* Does the file have room for so many bytes more, beside its end? */
bool recorder_file_fits(const struct recorder_file *file, uint32_t size);
/* Write what is in the buffer. False: it failed; the file is cut behind its last whole block. */
bool recorder_file_flush(struct recorder_file *file);
/* Empty all of them, and begin with the first; an error is over. */
void recorder_file_clear(struct recorder_file *file);
/* On with the next one, from its begin. */
bool recorder_file_next(struct recorder_file *file);

#endif
