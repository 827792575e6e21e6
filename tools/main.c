/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the choice of the subcommand. Never: does its work.
 * Read next: common.h, then the file that is named like the subcommand.
 */
#include "common.h"

#include <string.h>

#include <vionet/vionet.h>

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *purpose;
} commands[] = {
	{ "list", command_list, "list the virtio-net functions of this machine" },
	{ "bind", command_bind, "give a function to vfio-pci" },
	{ "unbind", command_unbind, "give a function back to the kernel" },
	{ "info", command_info, "show what a device is and what was negotiated" },
	{ "set", command_set, "tell a device how to work, and hold it or a run to that" },
	{ "stats", command_stats, "show what the driver and the device have counted" },
	{ "pktgen", command_pktgen, "send frames, count what comes back" },
	{ "dump", command_dump, "receive frames; print them or write a pcap file" },
};

static const size_t command_count = sizeof(commands) / sizeof(commands[0]);

static void print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	fprintf(stream, "vionet %s\n", vionet_version());
}

static void print_help(FILE *stream)
{
	fputs("Usage: vionet COMMAND [OPTION...]\n"
	      "Drive virtio-net functions from user space.\n\n",
	      stream);
	for (size_t i = 0; i < command_count; i++)
		fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].purpose);
	fputs("  help     this text; 'vionet help COMMAND' for more\n\n"
	      "'vionet COMMAND --help' lists options, 'man vionet' tells the rest.\n",
	      stream);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Let the subcommand see itself as "vionet" with its own arguments only. */
static int run(const char *name, int argc, char **argv)
{
	const struct command *command = find_command(name);
	static char program[] = "vionet";

	if (command == NULL)
		refuse_usage("'%.40s' is not a command; see 'vionet help'", name);
	argv[0] = program;
	return command->run(argc, argv);
}

static int help(int argc, char **argv)
{
	char option[] = "--help";
	char *arguments[] = { NULL, option, NULL };

	if (argc >= 2)
		return run(argv[1], 2, arguments);
	print_help(stdout);
	return finish_output(stdout, "standard output");
}

int main(int argc, char **argv)
{
	argp_program_version_hook = print_version;
	if (argc < 2) {
		print_help(stderr);
		return CODE_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		print_version(stdout, NULL);
		return finish_output(stdout, "standard output");
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-?") == 0 || strcmp(argv[1], "--usage") == 0)
		return help(argc - 1, argv + 1);
	return run(argv[1], argc - 1, argv + 1);
}
