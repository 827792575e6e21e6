/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The report of a run: for each requirement whether the driver held it, broke it (how often,
 * and the first case), or never came where it would show.
 */
#ifndef SOFTNIC_REPORT_H
#define SOFTNIC_REPORT_H

#include "softnic/device.h"

/* The file of --report, before anything else happens. 0 or -errno, printed. */
int report_open(struct device *device);
/* Write it: JUnit's XML if the name ends with .xml, else JSON. 0 or -errno, printed. */
int report_close(struct device *device);

#endif
