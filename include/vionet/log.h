/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the library does on its control side: handshakes with servers and back ends,
 * negotiation, start and stop, recovery.
 *
 * Nothing is logged unless an application sets a function, and nothing ever from the
 * bursts, the calls that wait, or anything else that a queue's thread does while
 * packets move. Errors do not depend on it: they have their own texts (vionet/error.h).
 */
#ifndef VIONET_LOG_H
#define VIONET_LOG_H

#include <vionet/platform.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* How much is said; each level has those before it. */
enum vionet_log_level {
	VIONET_LOG_WARNING = 1, /* the device did not do what it should, and it goes on */
	VIONET_LOG_INFO = 2,	/* opened, started, recovered, reconnected, stopped */
	VIONET_LOG_DEBUG = 3,	/* each step: features, status bits, handshakes */
};

/*
 * Called with one line of valid UTF-8, without a newline, that begins with the device's
 * name; valid during the call. In the thread of the call that it is about: for devices
 * of several threads, in several at once. It must not call the library.
 */
typedef void vionet_log_fn(void *context, enum vionet_log_level level, const char *text);

/*
 * Have `function` called, with `context`, for what is of `level` or before it; for all
 * devices of this process. NULL: none, as at the beginning.
 *
 * While no other thread is inside a call of the library. Any thread.
 */
void vionet_log_set(vionet_log_fn *function, void *context,
		    enum vionet_log_level level);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
