/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * --sandbox: a filter of system calls (seccomp) for this process, all its threads and for good. What is
 * not needed any more ends the process with SIGSYS; what would open or look for a file fails with
 * EACCES, since the C library now and then tries.
 *
 * The filters are laid one on the other: the second takes away what only opening needs.
 */
#ifndef VIONET_TOOLS_SANDBOX_H
#define VIONET_TOOLS_SANDBOX_H

enum sandbox {
	SANDBOX_OPENING = 1 << 0, /* by descriptors: memory and eventfds are made */
	SANDBOX_RUNNING = 1 << 1, /* packets go, and the device is closed */
	SANDBOX_SOCKET = 1 << 2,  /* beside one of these: messages on a socket that is connected */
};

/* No way back. Returns an exit code, and says what is wrong. */
int sandbox_enter(unsigned int stages);

#endif
