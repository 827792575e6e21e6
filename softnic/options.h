/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line. */
#ifndef SOFTNIC_OPTIONS_H
#define SOFTNIC_OPTIONS_H

#include "softnic/device.h"

#define EXIT_COMMAND_LINE 2

/* Fill in `options`; ends the process with a message if the command line is wrong (2),
 * or requests a list or help (0). */
void options_parse(int argc, char **argv, struct options *options);

#endif
