/* SPDX-License-Identifier: BSD-3-Clause */
/* What a call says before it returns: that it waits for a peer. */
#ifndef VN_BASE_NOTICE_H
#define VN_BASE_NOTICE_H

typedef void vn_notice_fn(void *context, const char *text);

/* The receiver of this thread's notices from now on; NULL: none. */
void vn_notice_to(vn_notice_fn *function, void *context);

/* Tell them. */
void vn_notice(const char *format, ...)
	__attribute__((format(printf, 1, 2), cold));

#endif
