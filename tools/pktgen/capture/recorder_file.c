/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/capture/recorder_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/pktgen/capture/pcapng_writer.h"
#include "tools/shared/common.h"

#define FILE_POLL_MS 100

/* ---- opening ---- */

void recorder_file_name(char *to, size_t room, const char *path, uint32_t files, uint32_t index)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash != NULL ? slash : path, '.');

	if (files <= 1)
		snprintf(to, room, "%s", path);
	else if (dot == NULL || dot == path || dot == slash + 1)
		snprintf(to, room, "%s-%u", path, index);
	else
		snprintf(to, room, "%.*s-%u%s", (int)(dot - path), path, index, dot);
}

static int file_open_one(const char *path, int *fd)
{
	int error;

	/* Stays non-blocking: the reader of a FIFO may stop. */
	*fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
	if (*fd >= 0)
		return CODE_OK;
	error = errno;
	say("--capture %s: %s", path,
	    error == ENXIO ? "no process reads this FIFO; start the reader first" : strerror(error));
	return error == EACCES || error == EPERM ? CODE_PERMISSION : CODE_FAILED;
}

static int file_make(struct recorder_file *file, uint32_t files, uint64_t limit)
{
	*file = (struct recorder_file){ .files = files, .limit = limit };
	file->fd = malloc(files * sizeof(*file->fd));
	file->buffer = malloc(RECORDER_BUFFER);
	if (file->fd == NULL)
		file->files = 0;
	for (uint32_t i = 0; i < file->files; i++)
		file->fd[i] = -1;
	if (file->fd != NULL && file->buffer != NULL)
		return CODE_OK;
	say("--capture: no memory");
	recorder_file_close(file);
	return CODE_PERMISSION;
}

int recorder_file_open(struct recorder_file *file, const char *path, uint32_t files, uint64_t limit)
{
	int code = file_make(file, files, limit);
	char name[PATH_MAX];

	for (uint32_t i = 0; i < files && code == CODE_OK; i++) {
		recorder_file_name(name, sizeof(name), path, files, i);
		code = file_open_one(name, &file->fd[i]);
		if (code != CODE_OK)
			recorder_file_close(file);
	}
	return code;
}

int recorder_file_open_memory(struct recorder_file *file, bool ring, uint64_t size)
{
	uint32_t files = ring ? 2 : 1;
	int code = file_make(file, files, size / files);

	for (uint32_t i = 0; i < files && code == CODE_OK; i++) {
		file->fd[i] = memfd_create("vionet-capture", MFD_CLOEXEC);
		if (file->fd[i] >= 0)
			continue;
		say("a capture in memory: %s", strerror(errno));
		recorder_file_close(file);
		code = CODE_PERMISSION;
	}
	return code;
}

void recorder_file_close(struct recorder_file *file)
{
	for (uint32_t i = 0; i < file->files; i++)
		if (file->fd[i] >= 0)
			close(file->fd[i]);
	free(file->fd);
	free(file->buffer);
	*file = (struct recorder_file){ 0 };
}

/* ---- writing ---- */

/* The control thread looks at it. */
static void file_note(struct recorder_file *file, int error)
{
	__atomic_store_n(&file->error, error, __ATOMIC_RELAXED);
}

/* Part of a block may have been written: it is taken away, so that readers find a valid file. */
static void file_fail(struct recorder_file *file, int error, uint64_t written)
{
	int fd = file->fd[file->current];

	file_note(file, error);
	/* What is no plain file cannot be cut, and has no end that could be repaired. */
	if (ftruncate(fd, (off_t)(file->at + pcapng_whole(file->buffer, written))) == 0)
		lseek(fd, 0, SEEK_END);
	file->used = 0;
}

/* The reader of a pipe takes nothing: for a while. */
static bool file_wait(const struct recorder_file *file, int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };

	return poll(&wait, 1, FILE_POLL_MS) >= 0 && !__atomic_load_n(file->stop_waiting, __ATOMIC_RELAXED);
}

bool recorder_file_flush(struct recorder_file *file)
{
	int fd = file->fd[file->current];
	uint32_t written = 0;

	while (file->error == 0 && written < file->used) {
		ssize_t result = write(fd, file->buffer + written, file->used - written);

		if (result > 0)
			written += (uint32_t)result;
		else if (result < 0 && (errno == EINTR || (errno == EAGAIN && file_wait(file, fd))))
			continue;
		else
			file_fail(file, result < 0 ? errno : ENOSPC, written);
	}
	if (file->error == 0)
		file->at += file->used;
	file->used = 0;
	return file->error == 0;
}

uint8_t *recorder_file_room(struct recorder_file *file, uint32_t size)
{
	if (file->used + size > RECORDER_BUFFER)
		recorder_file_flush(file);
	return file->error == 0 ? file->buffer + file->used : NULL;
}

bool recorder_file_fits(const struct recorder_file *file, uint32_t size)
{
	return file->limit == 0 || file->at + file->used + size <= file->limit;
}

/* Of the current one. */
static void file_empty(struct recorder_file *file)
{
	int fd = file->fd[file->current];

	file->at = 0;
	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) < 0)
		file_note(file, errno);
}

void recorder_file_clear(struct recorder_file *file)
{
	file->used = 0;
	file_note(file, 0);
	for (uint32_t i = file->files; i-- > 0;) {
		__atomic_store_n(&file->current, i, __ATOMIC_RELAXED);
		file_empty(file);
	}
}

bool recorder_file_next(struct recorder_file *file)
{
	if (!recorder_file_flush(file))
		return false;
	__atomic_store_n(&file->current, (file->current + 1) % file->files, __ATOMIC_RELAXED);
	file_empty(file);
	return file->error == 0;
}
