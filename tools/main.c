/* SPDX-License-Identifier: BSD-3-Clause */
/* The choice of the subcommand. */
#include "tools/shared/common.h"

#include <stdlib.h>
#include <string.h>

#include <vionet/vionet.h>

#include "tools/shared/closest_word.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *purpose;
} commands[] = {
	{ "list", command_list, "list the virtio-net functions of this machine" },
	{ "bind", command_bind, "give a function to vfio-pci" },
	{ "unbind", command_unbind, "give a function back to the kernel" },
	{ "info", command_info, "show what a device is and what was negotiated" },
	{ "set", command_set, "configure a device, for a run or as long as it is held" },
	{ "migrate", command_migrate, "move a running device to another vfio-user server" },
	{ "stats", command_stats, "show what the driver and the device have counted" },
	{ "pktgen", command_pktgen, "send frames, count what comes back" },
	{ "test", command_test, "measure what a path can do: throughput, loss, latency" },
	{ "dump", command_dump, "receive frames; print them or write a pcap file" },
	{ "tap", command_tap, "make the function an interface of the kernel" },
	{ "echo", command_echo, "answer ARP, neighbour discovery, ping and UDP echo" },
	{ "forward", command_forward, "forward frames between two devices or more" },
};

static const size_t command_count = sizeof(commands) / sizeof(commands[0]);

/* What can be left out at build time, and is not. */
static const char main_built_with[] =
#ifdef VIONET_YAML
	" yaml"
#endif
#ifdef VIONET_HTTP
	" http"
#endif
#ifdef VIONET_NCURSES
	" ncurses"
#endif
	"";

static void main_print_version(FILE *stream, struct argp_state *state)
{
	(void)state;
	fprintf(stream, "vionet %s\n", vionet_version());
	if (main_built_with[0] != '\0')
		fprintf(stream, "with%s\n", main_built_with);
}

static void main_print_help(FILE *stream)
{
	fputs("Usage: vionet COMMAND [OPTION...]\n"
	      "Drive virtio-net functions from user space.\n\n",
	      stream);
	for (size_t i = 0; i < command_count; i++)
		fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].purpose);
	fputs("  help     this text; 'vionet help COMMAND' for more\n\n"
	      "'vionet COMMAND --help' lists options, 'man vionet' has the rest.\n"
	      "A DEVICE is a PCI function (0000:00:04.0), vfio-user:PATH, "
	      "vhost-user:PATH or\nvhost-vdpa:PATH.\n",
	      stream);
}

/* The command that was meant, or NULL. */
static const char *main_closest_command(const char *name)
{
	struct closest_word closest;

	closest_word_start(&closest, name);
	for (size_t i = 0; i < command_count; i++)
		closest_word_try(&closest, commands[i].name);
	return closest.best;
}

static void main_refuse_command(const char *name)
	__attribute__((noreturn));

static void main_refuse_command(const char *name)
{
	const char *meant = main_closest_command(name);

	if (name[0] == '-')
		refuse_usage("'%.40s': a command comes first: vionet COMMAND %.40s; see "
			     "'vionet help'", name, name);
	if (meant != NULL)
		refuse_usage("'%.40s' is not a command; did you mean 'vionet %s'? See "
			     "'vionet help'", name, meant);
	refuse_usage("'%.40s' is not a command; see 'vionet help'", name);
}

static const struct command *main_find_command(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Let the subcommand see itself as "vionet" with its own arguments only. */
static int main_run(const char *name, int argc, char **argv)
{
	const struct command *command = main_find_command(name);
	static char program[] = "vionet";

	if (command == NULL)
		main_refuse_command(name);
	argv[0] = program;
	return command->run(argc, argv);
}

static bool main_is_help(const char *word)
{
	static const char *const words[] = { "help", "--help", "-h", "-?", "--usage" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static int main_help(int argc, char **argv)
{
	char option[] = "--help";
	char *arguments[] = { NULL, option, NULL };

	if (argc >= 2 && !main_is_help(argv[1]))
		return main_run(argv[1], 2, arguments);
	main_print_help(stdout);
	return finish_output(stdout, "standard output");
}

static void main_print_log(void *context, enum vionet_log_level level, const char *text)
{
	static const char *const names[] = {
		[VIONET_LOG_WARNING] = "warning",
		[VIONET_LOG_INFO] = "info",
		[VIONET_LOG_DEBUG] = "debug",
	};

	(void)context;
	say("%s: %s", names[level], text);
}

/* VIONET_LOG in the environment: what the library does, on standard error. */
static void main_log_as_asked(void)
{
	static const char *const names[] = { "warning", "info", "debug" };
	const char *requested = getenv("VIONET_LOG");

	if (requested == NULL || requested[0] == '\0')
		return;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(requested, names[i]) == 0) {
			vionet_log_set(main_print_log, NULL,
				       (enum vionet_log_level)(VIONET_LOG_WARNING + i));
			return;
		}
	say("VIONET_LOG: '%.40s' is none of warning, info, debug; nothing is logged",
	    requested);
}

int main(int argc, char **argv)
{
	main_log_as_asked();
	argp_program_version_hook = main_print_version;
	if (argc < 2) {
		main_print_help(stderr);
		return CODE_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		main_print_version(stdout, NULL);
		return finish_output(stdout, "standard output");
	}
	if (main_is_help(argv[1]))
		return main_help(argc - 1, argv + 1);
	return main_run(argv[1], argc - 1, argv + 1);
}
