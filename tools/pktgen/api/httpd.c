/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/api/httpd.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* Of all releases since 0.9.39 (2014), 1.0 among them. */
#define HTTPD_LIBRARY "libmicrohttpd.so.12"

struct httpd httpd;

#define HTTPD_ROW(name) { "MHD_" #name, offsetof(struct httpd, name) },

static const struct {
	const char *name;
	size_t offset;
} httpd_rows[] = { HTTPD_FUNCTIONS(HTTPD_ROW) };

const char *httpd_load(void)
{
	void *library = dlopen(HTTPD_LIBRARY, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; library != NULL && i < sizeof(httpd_rows) / sizeof(httpd_rows[0]); i++) {
		void *function = dlsym(library, httpd_rows[i].name);

		if (function == NULL)
			library = NULL;
		memcpy((char *)&httpd + httpd_rows[i].offset, &function, sizeof(function));
	}
	return library != NULL ? NULL : dlerror();
}
