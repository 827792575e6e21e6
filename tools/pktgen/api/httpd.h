/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libmicrohttpd, loaded when somebody is to be served: a dozen libraries come with it (TLS, which is not
 * used), and every command of vionet would begin with them.
 */
#ifndef VIONET_TOOLS_API_HTTPD_H
#define VIONET_TOOLS_API_HTTPD_H

#include <microhttpd.h>

#define HTTPD_FUNCTIONS(X)             \
	X(add_response_header)         \
	X(create_response_from_buffer) \
	X(create_response_from_fd)     \
	X(destroy_response)            \
	X(get_connection_info)         \
	X(get_connection_values)       \
	X(get_daemon_info)             \
	X(get_timeout)                 \
	X(lookup_connection_value)     \
	X(queue_response)              \
	X(run)                         \
	X(start_daemon)                \
	X(stop_daemon)

#define HTTPD_MEMBER(name) __typeof__(MHD_##name) *(name);

/* MHD_name is httpd.name. */
struct httpd {
	HTTPD_FUNCTIONS(HTTPD_MEMBER)
};

extern struct httpd httpd;

/* Once is enough. NULL, or what is wrong. */
const char *httpd_load(void);

#endif
