/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that a command writes when it has measured. */
#ifndef VIONET_TOOLS_REPORT_FILE_H
#define VIONET_TOOLS_REPORT_FILE_H

#include <stdio.h>

/* Before hours of measuring, and before a sandbox: can it be written? Makes it, leaves what is in it, and keeps it open for
 * report_file_open, as the name. NULL is allowed. Returns an exit code; what is wrong has been said. */
int report_file_check(const char *name);

/* Empty it and begin. NULL: what is wrong has been said. */
FILE *report_file_open(const char *name);

/* Returns an exit code: has all arrived? */
int report_file_close(FILE *file, const char *name);

#endif
