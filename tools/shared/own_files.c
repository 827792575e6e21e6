/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/own_files.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/shared/common.h"

struct own_file {
	const char *option; /* that it is written for; NULL: it is read */
	dev_t device;
	ino_t inode;		 /* of one that is not there yet, its folder's */
	char name[NAME_MAX + 1]; /* and its name in it */
};

static struct own_file *own_list;
static size_t own_count;

static bool own_file_is_plain(const struct stat *status, struct own_file *file)
{
	file->device = status->st_dev;
	file->inode = status->st_ino;
	return S_ISREG(status->st_mode);
}

/* False: it is no plain file, or cannot be one. */
static bool own_file_identify(const char *path, struct own_file *file)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	struct stat status;

	if (stat(path, &status) == 0)
		return own_file_is_plain(&status, file);
	if (slash != NULL)
		snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - path), path);
	if (stat(folder, &status) != 0)
		return false;
	own_file_is_plain(&status, file);
	snprintf(file->name, sizeof(file->name), "%s", slash != NULL ? slash + 1 : path);
	return true;
}

/* What the shell opened. */
static bool own_file_identify_stream(int fd, struct own_file *file)
{
	struct stat status;

	return fstat(fd, &status) == 0 && own_file_is_plain(&status, file);
}

static void own_file_add(const struct own_file *file)
{
	struct own_file *grown = realloc(own_list, (own_count + 1) * sizeof(*grown));

	if (grown == NULL)
		return;
	own_list = grown;
	own_list[own_count++] = *file;
}

static const struct own_file *own_file_find(const struct own_file *file)
{
	for (size_t i = 0; i < own_count; i++)
		if (own_list[i].device == file->device && own_list[i].inode == file->inode &&
		    strcmp(own_list[i].name, file->name) == 0)
			return &own_list[i];
	return NULL;
}

void own_file_reads(const char *path)
{
	struct own_file file = { .option = NULL };
	bool plain = strcmp(path, "-") == 0 ? own_file_identify_stream(STDIN_FILENO, &file) :
					      own_file_identify(path, &file);

	if (plain && own_file_find(&file) == NULL)
		own_file_add(&file);
}

static void own_file_add_streams(void)
{
	struct own_file output = { .option = "standard output" }, errors = { .option = "standard error" };

	if (own_file_identify_stream(STDOUT_FILENO, &output) && own_file_find(&output) == NULL)
		own_file_add(&output);
	if (own_file_identify_stream(STDERR_FILENO, &errors) && own_file_find(&errors) == NULL)
		own_file_add(&errors);
}

int own_file_writes(const char *option, const char *path)
{
	struct own_file file = { .option = option };
	const struct own_file *found;

	if (path != NULL && strcmp(path, "-") == 0) {
		say("%s -: standard output has the summary; name a file, or ./- if it is to be called so", option);
		return CODE_USAGE;
	}
	if (path == NULL || !own_file_identify(path, &file))
		return CODE_OK;
	own_file_add_streams();
	found = own_file_find(&file);
	if (found == NULL) {
		own_file_add(&file);
		return CODE_OK;
	}
	if (found->option == NULL)
		say("%s %s: it is read here, and would be overwritten; name another file", option, path);
	else
		say("%s %s: %s writes there; name another file", option, path, found->option);
	return CODE_USAGE;
}
