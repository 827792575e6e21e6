/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TOOLS_PKTGEN_RECORDER_OPTIONS_H
#define VIONET_TOOLS_PKTGEN_RECORDER_OPTIONS_H

#include <argp.h>

#include "tools/pktgen/capture/recorder.h"

/* --capture and --capture-*. Its input is a struct recorder_options, zero-filled. */
extern const struct argp recorder_argp;

#endif
