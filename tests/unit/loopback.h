/* SPDX-License-Identifier: BSD-3-Clause */
/* Loopback fixture: vionet-softnic as a process behind vfio-user, and a driver for it. */
#ifndef VIONET_TESTS_LOOPBACK_H
#define VIONET_TESTS_LOOPBACK_H

#include "tests/unit/test.h"

#include <sys/types.h>

#include <vionet/vionet.h>

struct loopback {
	char folder[32], name[64], socket[48];
	pid_t server;
	struct vionet_device *device;
};

/* Start a device with these options, and wait for its socket. The environment names the
 * program in VIONET_SOFTNIC. */
struct loopback *loopback_start(char *const *options);

/* Features that the driver wants: at first CTRL_RX, CTRL_VLAN, CTRL_RX_EXTRA, HASH_REPORT. */
extern struct vionet_features loopback_want;

/* Bytes of transmit buffers, 0: as usual. */
extern uint32_t loopback_tx_buffer;

void loopback_open(struct loopback *loop, unsigned int pairs);

/* Close, and expect the device to end with this status. */
void loopback_finish(struct loopback *loop, int expected);

#define OK(call)                                                       \
	do {                                                           \
		if (call)                                              \
			fail_msg("%s: %s", #call, vionet_error_text()); \
	} while (0)

#endif
