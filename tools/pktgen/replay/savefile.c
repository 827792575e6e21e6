/* SPDX-License-Identifier: BSD-3-Clause */
/* The file, and which format it has. */
#include "tools/pktgen/replay/savefile_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file up to this size is read once. The window of a larger one is small: while it is filled
 * nothing is sent. */
#define SAVEFILE_WHOLE (4u << 20)
#define SAVEFILE_WINDOW (SAVEFILE_PIECE_MAX + (128u << 10))

/* ---- opening ---- */

/* What people give by mistake. */
static const char *savefile_known(const uint8_t *bytes)
{
	static const struct {
		const char *bytes;
		unsigned int count;
		const char *what;
	} known[] = {
		{ "\x1f\x8b", 2, "a gzip archive; gunzip it first" },
		{ "\x28\xb5\x2f\xfd", 4, "a zstd archive; unzstd it first" },
		{ "\xfd\x37zXZ", 5, "an xz archive; unxz it first" },
		{ "\xa1\xb2\xcd\x34", 4, "a pcap of a form that is no longer written; convert it: "
					 "editcap FILE NEW" },
		{ "\x34\xcd\xb2\xa1", 4, "a pcap of a form that is no longer written; convert it: "
					 "editcap FILE NEW" },
		{ "snoop", 5, "a snoop capture; convert it: editcap FILE NEW" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (memcmp(bytes, known[i].bytes, known[i].count) == 0)
			return known[i].what;
	return NULL;
}

static int savefile_begin(struct savefile *file, struct savefile_error *error)
{
	static const uint8_t section[4] = { 0x0a, 0x0d, 0x0d, 0x0a };
	const uint8_t *magic;
	const char *known;
	int result = 0;

	if (file->size == 0)
		return savefile_refuse(file, 0, NULL, error, "the file is empty");
	if (file->size < 8)
		return savefile_refuse(file, 0, NULL, error,
				       "%ju bytes are too few for a pcap or pcapng file",
				       (uintmax_t)file->size);
	magic = savefile_bytes(file, 0, 8, &result, error);
	if (magic == NULL)
		return result;
	if (memcmp(magic, section, sizeof(section)) == 0) {
		file->ng = true;
		return 0;
	}
	known = savefile_known(magic);
	if (known != NULL)
		return savefile_refuse(file, 0, NULL, error, "it is %s", known);
	return savefile_open_pcap(file, error);
}

static int savefile_look_at(struct savefile *file, struct savefile_error *error)
{
	struct stat status;

	if (fstat(file->fd, &status) != 0)
		return savefile_fail(file, -errno, error);
	if (!S_ISREG(status.st_mode))
		return savefile_refuse(file, 0, NULL, error,
				       "it is no plain file, which a capture to be replayed must be");
	file->size = (uint64_t)status.st_size;
	file->window_size = file->size < SAVEFILE_WHOLE ? (uint32_t)file->size : SAVEFILE_WINDOW;
	file->window = malloc(file->window_size + 1u);
	if (file->window == NULL)
		return savefile_fail(file, -ENOMEM, error);
	posix_fadvise(file->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return savefile_begin(file, error);
}

int savefile_open_fd(struct savefile **opened, int fd, const char *name, struct savefile_error *error)
{
	struct savefile *file = calloc(1, sizeof(*file));
	int result = -ENOMEM;

	*opened = NULL;
	if (file != NULL)
		file->name = strdup(name);
	if (file == NULL || file->name == NULL) {
		snprintf(error->text, sizeof(error->text), "%.200s: %s", name, strerror(ENOMEM));
		close(fd);
		free(file);
		return result;
	}
	file->fd = fd;
	result = savefile_look_at(file, error);
	if (result != 0)
		savefile_close(file);
	else
		*opened = file;
	return result;
}

int savefile_open(struct savefile **file, const char *path, struct savefile_error *error)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	*file = NULL;
	if (fd >= 0)
		return savefile_open_fd(file, fd, path, error);
	snprintf(error->text, sizeof(error->text), "%.200s: %s", path, strerror(errno));
	return -errno;
}

void savefile_close(struct savefile *file)
{
	if (file == NULL)
		return;
	close(file->fd);
	free(file->interface);
	free(file->window);
	free(file->name);
	free(file);
}

/* ---- reading ---- */

int savefile_next(struct savefile *file, struct savefile_frame *frame, struct savefile_error *error)
{
	int result = file->ng ? savefile_next_pcapng(file, frame, error) : savefile_next_pcap(file, frame, error);

	if (result == 1)
		frame->number = ++file->frames;
	if (result == -ENOMEM)
		savefile_fail(file, result, error);
	return result;
}

void savefile_rewind(struct savefile *file)
{
	file->at = file->begin;
	file->blocks = file->frames = 0;
	if (file->ng)
		file->interfaces = 0;
	file->interfaces_seen = file->interfaces;
}

const char *savefile_name(const struct savefile *file)
{
	return file->name;
}

const char *savefile_format(const struct savefile *file)
{
	return file->ng ? "pcapng" : "pcap";
}

uint64_t savefile_interfaces(const struct savefile *file)
{
	return file->interfaces_seen;
}
