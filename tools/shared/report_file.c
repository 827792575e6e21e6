/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/report_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tools/shared/common.h"

/* A FIFO that nobody reads is an error, not a wait. */
static int report_fd(const char *name, int flags)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | flags, 0666);

	if (fd < 0)
		say("%s: %s", name, output_failure(errno));
	return fd;
}

int report_file_check(const char *name)
{
	int fd;

	if (name == NULL)
		return CODE_OK;
	fd = report_fd(name, 0);
	if (fd < 0)
		return CODE_FAILED;
	close(fd);
	return CODE_OK;
}

FILE *report_file_open(const char *name)
{
	int fd = report_fd(name, O_TRUNC);
	FILE *file;

	if (fd < 0)
		return NULL;
	file = fdopen(fd, "w");
	if (file == NULL) {
		say("%s: %s", name, output_failure(errno));
		close(fd);
	}
	return file;
}

int report_file_close(FILE *file, const char *name)
{
	int code = finish_output(file, name);

	fclose(file);
	return code;
}
