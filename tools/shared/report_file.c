/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/report_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/shared/common.h"
#include "tools/shared/own_files.h"

#define REPORT_FILES_MAX 8

/* A FIFO that nobody reads is an error, not a wait. */
static int report_fd(const char *name, int flags)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | flags, 0666);

	if (fd < 0)
		say("%s: %s", name, output_failure(errno));
	return fd;
}

/* Opened by report_file_check: a sandbox opens none later. */
static struct {
	const char *name;
	FILE *file;
} report_kept[REPORT_FILES_MAX];

static FILE *report_fopen(const char *name, int flags)
{
	int fd = report_fd(name, flags);
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

static int report_file_check(const char *name)
{
	size_t i = 0;

	if (name == NULL)
		return CODE_OK;
	while (report_kept[i].name != NULL)
		if (++i == REPORT_FILES_MAX)
			return CODE_OK;
	report_kept[i].file = report_fopen(name, 0);
	if (report_kept[i].file == NULL)
		return CODE_FAILED;
	report_kept[i].name = name;
	return CODE_OK;
}

/* What was there is replaced; a pipe or a terminal has nothing to be emptied of. */
static FILE *report_empty(FILE *file, const char *name)
{
	struct stat status;

	if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode) &&
	    ftruncate(fileno(file), 0) != 0) {
		say("%s: %s", name, output_failure(errno));
		fclose(file);
		return NULL;
	}
	return file;
}

int report_files_check(const struct report_name *files, size_t count)
{
	int code = CODE_OK;

	for (size_t i = 0; i < count && code == CODE_OK; i++)
		code = own_file_writes(files[i].option, files[i].name);
	for (size_t i = 0; i < count && code == CODE_OK; i++)
		code = report_file_check(files[i].name);
	return code;
}

FILE *report_file_open(const char *name)
{
	for (size_t i = 0; i < REPORT_FILES_MAX; i++) {
		FILE *file = report_kept[i].file;

		if (report_kept[i].name == NULL || strcmp(report_kept[i].name, name) != 0)
			continue;
		report_kept[i].name = NULL;
		report_kept[i].file = NULL;
		return report_empty(file, name);
	}
	return report_fopen(name, O_TRUNC);
}

int report_file_close(FILE *file, const char *name)
{
	int code = finish_output(file, name);

	fclose(file);
	return code;
}
