/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of a command: none that it reads is written, and none is written twice. They are known
 * by what they are, not by their names; devices and pipes may be there several times. Main thread.
 */
#ifndef VIONET_TOOLS_OWN_FILES_H
#define VIONET_TOOLS_OWN_FILES_H

void own_file_reads(const char *path);

/* `option`: what it is for. NULL is allowed as the path. Returns CODE_OK, or CODE_USAGE: whose it is has been said. */
int own_file_writes(const char *option, const char *path);

#endif
