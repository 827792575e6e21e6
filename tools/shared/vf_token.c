/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/vf_token.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "tools/shared/common.h"

bool vf_token_valid(const char *wanted)
{
	size_t i;

	if (strcmp(wanted, "new") == 0)
		return true;
	for (i = 0; wanted[i] != '\0'; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? wanted[i] != '-' : !isxdigit((unsigned char)wanted[i]))
			return false;
	return i == VF_TOKEN_SIZE - 1;
}

int vf_token_make(const char *wanted, char token[VF_TOKEN_SIZE])
{
	uint8_t b[16];

	if (strcmp(wanted, "new") != 0) {
		snprintf(token, VF_TOKEN_SIZE, "%s", wanted);
		return 0;
	}
	if (getrandom(b, sizeof(b), GRND_NONBLOCK) != (ssize_t)sizeof(b))
		return -errno;
	/* A random UUID (RFC 9562, version 4). */
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(token, VF_TOKEN_SIZE,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		 b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		 b[15]);
	return 0;
}

int vf_token_put(const char *address, const char *token)
{
	struct vionet_open_options open = { .struct_size = sizeof(open), .vf_token = token };
	struct vionet_device *device;
	int result = vionet_device_open(address, &open, &device);

	if (result != 0) {
		say_error(result);
		return code_of_open(result);
	}
	result = vionet_device_close(device);
	if (result == 0)
		return CODE_OK;
	say_error(result);
	return code_of_run(result);
}
