/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands of the control queue, one behind the other, and what the device replies: right, wrong, odd, late, never; among them
 * the counters of device statistics. */
#include "driver/device/open.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/session.h"

#define CALL_LIMIT 3000000000ull

const char *const fuzz_words[] = { "\x0e\x03", "\x0e\x04", "\x0e\x02", "\x0e\x05\x01", "\x0e\x06\x03", "\xed\x1d", "\xed\x2d", "\xed\x3d", "\xed\x0d",
				   "\x07\x10\x02", "\xff\xff\xff\xff", NULL };

static int control_open(const struct vionet_open_options *options, struct vionet_device **device)
{
	return vn_device_open(&fuzz_dev.transport, options, device);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_mostly_commands = true;
	fuzz_sessions(bytes, size, CALL_LIMIT, control_open);
	return 0;
}
