/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet migrate`: the device of a running vionet process moves to another vfio-user server. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/shared/common.h"
#include "tools/shared/control_client.h"
#include "tools/shared/json_results.h"

enum { KEY_JSON = 0x100 };

static const char vfio_user[] = "vfio-user:";

struct migrate_options {
	const char *device, *to;
	bool json;
};

static error_t migrate_parse_option(int key, char *argument, struct argp_state *state)
{
	struct migrate_options *options = state->input;

	switch (key) {
	case KEY_JSON:
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->device == NULL)
			options->device = argument;
		else if (options->to == NULL)
			options->to = argument;
		else
			refuse_usage("migrate: '%s' is too much: a device and where it goes",
				     argument);
		return 0;
	case ARGP_KEY_END:
		if (options->to == NULL)
			refuse_usage("migrate: name the device and where it goes: "
				     "vfio-user:/old vfio-user:/new");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp migrate_argp = {
	.options = (const struct argp_option[]){
		{ "json", KEY_JSON, NULL, 0, "One JSON object", 1 },
		{ 0 },
	},
	.parser = migrate_parse_option,
	.args_doc = "DEVICE NEW-DEVICE",
	.doc = "Move a running device to another vfio-user server, while the vionet command that "
	       "has it goes on: no frame is lost or sent twice. If anything fails the device goes "
	       "on where it is, and the reason is said.",
};

/* The process that has the device may be in another folder. */
static void migrate_make_absolute(const char *to, char text[PATH_MAX])
{
	const char *path = to + sizeof(vfio_user) - 1;
	char here[PATH_MAX];

	if (strncmp(to, vfio_user, sizeof(vfio_user) - 1) != 0)
		refuse_usage("migrate: '%s': a device moves between vfio-user servers: "
			     "vfio-user:PATH",
			     to);
	snprintf(text, PATH_MAX, "%s", to);
	if (path[0] == '/')
		return;
	if (getcwd(here, sizeof(here)) == NULL ||
	    snprintf(text, PATH_MAX, "%s%s/%s", vfio_user, here, path) >= PATH_MAX)
		refuse_usage("migrate: '%s': name its whole path", to);
}

static int migrate_print(const struct migrate_options *options, const struct control_reply *reply)
{
	const struct control_migration *done = &reply->migration;

	if (options->json)
		return json_print_migration(done, clean(options->device), reply->in_use_by);
	printf("%s -> %s, in use by %s\n", clean(options->device), done->device,
	       reply->in_use_by);
	printf("  %.1f ms without the device, %.1f ms altogether, %llu bytes of state\n",
	       done->gap_ms, done->total_ms, (unsigned long long)done->state_bytes);
	return finish_output(stdout, "standard output");
}

int command_migrate(int argc, char **argv)
{
	struct migrate_options options = { 0 };
	struct control_reply reply;
	char to[PATH_MAX];
	bool found;
	int code;

	parse_arguments(&migrate_argp, "migrate", argc, argv, &options);
	migrate_make_absolute(options.to, to);
	stop_install();
	code = control_ask_migrate(options.device, to, &reply, &found);
	if (code == CODE_OK && !found) {
		say("%s: no vionet process of yours has it, so nothing can be moved; see 'vionet "
		    "stats'",
		    options.device);
		code = CODE_UNDRIVABLE;
	} else if (code == CODE_OK && reply.error[0] != '\0') {
		say("%s", reply.error);
		code = CODE_FAILED;
	} else if (code == CODE_OK) {
		code = migrate_print(&options, &reply);
	}
	control_release_reply(&reply);
	return code;
}
