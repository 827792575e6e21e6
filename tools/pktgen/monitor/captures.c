/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/monitor/generator.h"

#include <errno.h>

int generator_capture(struct generator *generator, const uint32_t *port, size_t count, bool start)
{
	(void)generator;
	(void)port;
	(void)count;
	(void)start;
	say("captures: not supported yet");
	return CODE_USAGE;
}

bool generator_is_capturing(const struct generator *generator, uint32_t port)
{
	(void)generator;
	(void)port;
	return false;
}

int generator_read_capture(struct generator *generator, uint32_t port, int fd)
{
	(void)generator;
	(void)port;
	(void)fd;
	return -ENOENT;
}
