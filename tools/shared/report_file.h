/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that a command writes when it has measured. */
#ifndef VIONET_TOOLS_REPORT_FILE_H
#define VIONET_TOOLS_REPORT_FILE_H

#include <stddef.h>
#include <stdio.h>

struct report_name {
	const char *option; /* "--csv" */
	const char *name;   /* NULL: it is not written */
};

/* Before hours of measuring, and before a sandbox: can they be written, and is none read, or
 * written for another option? Makes them, leaves what is in them, and keeps each open for
 * report_file_open. Returns an exit code; what is wrong has been said. */
int report_files_check(const struct report_name *files, size_t count);

/* Empty it and begin. NULL: what is wrong has been said. */
FILE *report_file_open(const char *name);

/* Returns an exit code: has all arrived? */
int report_file_close(FILE *file, const char *name);

#endif
