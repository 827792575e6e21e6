/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TOOLS_PKTGEN_RESPONDER_OPTIONS_H
#define VIONET_TOOLS_PKTGEN_RESPONDER_OPTIONS_H

#include <argp.h>

#include "tools/pktgen/respond/responder.h"

/* --respond, --address, --gateway. Its input is a struct responder_options, zero-filled. */
extern const struct argp responder_argp;

/* Is there anything for a responder to do? */
bool responder_is_wanted(const struct responder_options *options);

#endif
