/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions with a device, whatever carries it: an input is the device (its features, sizes, configuration), then steps of
 * the application and of the device in any order; sessions follow each other until the input is at its end.
 */
#ifndef VIONET_TESTS_FUZZ_SESSION_H
#define VIONET_TESTS_FUZZ_SESSION_H

#include "tests/fuzz/application.h"
#include "tests/fuzz/device.h"

extern struct fuzz_device fuzz_dev;
extern struct fuzz_application fuzz_app;

/* Open fuzz_dev through the code under test. What the device does while the driver waits is fuzz_meanwhile; if the opener
 * sets none, it answers commands. */
typedef int fuzz_opener(const struct vionet_open_options *options, struct vionet_device **device);

/* Set before the first input: most steps are commands, for a device that has all of them. */
extern bool fuzz_mostly_commands;
/* The opener refuses options that cannot be. */
extern bool fuzz_checks_options;

/* Run an input. `limit`: nanoseconds that one call of the library may take. */
void fuzz_sessions(const uint8_t *bytes, size_t size, uint64_t limit, fuzz_opener *opener);

#endif
