/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration that a command line stands for: of its options, or of a file, on the devices that it names. */
#ifndef VIONET_TOOLS_CONFIG_OPTIONS_H
#define VIONET_TOOLS_CONFIG_OPTIONS_H

#include "tools/pktgen/load_options.h"
#include "tools/pktgen/model/otg.h"

#define CONFIG_DEVICES_MAX 64u

struct config_arguments {
	const char *command;			/* for messages */
	const char *file;			/* --config, or NULL */
	const char *device[CONFIG_DEVICES_MAX]; /* DEVICE,DEVICE2 ... */
	size_t devices;
	const char *port[CONFIG_DEVICES_MAX]; /* --port NAME=DEVICE */
	size_t ports;
	bool print;
	enum tree_format format; /* of --print-config */
};

/* Take "DEVICE,DEVICE2". A comma begins another device where the name of one follows: others belong to names. */
void config_add_devices(struct config_arguments *arguments, char *text);
void config_add_port(struct config_arguments *arguments, const char *text);
/* NULL: --print-config alone. */
void config_set_format(struct config_arguments *arguments, const char *text);

/* Make `traffic`, of the file or of `load`. Leaves the program where something is wrong. */
void config_make(const struct config_arguments *arguments, struct load_arguments *load, struct traffic *traffic);

/* Print it. Returns an exit code. */
int config_print(const struct config_arguments *arguments, const struct traffic *traffic);

#endif
