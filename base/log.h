/* SPDX-License-Identifier: BSD-3-Clause */
/* Tells who wants to know it what the control side does; never called by the bursts. */
#ifndef VN_BASE_LOG_H
#define VN_BASE_LOG_H

#include <stdbool.h>

#include <vionet/log.h>

/* Is it worth composing? */
bool vn_log_wants(enum vionet_log_level level);

/* Keeps the error text as it is. */
void vn_log(enum vionet_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

#endif
