/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the kind of peer that a text names. */
#include <errno.h>
#include <string.h>

#include "softnic/peer/internal.h"
#include "softnic/text.h"

enum argument { ARGUMENT_NONE, ARGUMENT_OPTIONAL, ARGUMENT_NEEDED };

static const struct {
	const char *name, *form;
	enum argument argument;
	int (*open)(const char *text, struct device *device, struct peer **peer);
} kinds[] = {
	{ "loop", "loop", ARGUMENT_NONE, peer_open_mirror },
	{ "echo", "echo", ARGUMENT_NONE, peer_open_swap },
	{ "sink", "sink", ARGUMENT_NONE, peer_open_sink },
	{ "source", "source[:SIZE]", ARGUMENT_OPTIONAL, peer_open_source },
	{ "tap", "tap:NAME", ARGUMENT_NEEDED, peer_open_tap },
	{ "pcap", "pcap:IN:OUT", ARGUMENT_NEEDED, peer_open_pcap },
	{ "unix", "unix:PATH", ARGUMENT_NEEDED, peer_open_unix },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int peer_unknown(const char *text)
{
	char forms[256] = "";
	size_t i;

	for (i = 0; i < KINDS; i++) {
		strcat(forms, i ? ", " : "");
		strcat(forms, kinds[i].form);
	}
	complain("there is no peer \"%s\"; take one of %s", text, forms);
	return -EINVAL;
}

int peer_open(const char *text, struct device *device, struct peer **peer)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text), i;
	const char *argument = colon ? colon + 1 : NULL;

	*peer = NULL;
	for (i = 0; i < KINDS; i++)
		if (strlen(kinds[i].name) == length &&
		    !memcmp(kinds[i].name, text, length))
			break;
	if (i == KINDS)
		return peer_unknown(text);
	if (kinds[i].argument == ARGUMENT_NONE && argument)
		return peer_error(-EINVAL, "%s takes nothing behind a colon",
				  kinds[i].name);
	if (kinds[i].argument == ARGUMENT_NEEDED && (!argument || !*argument))
		return peer_error(-EINVAL, "%s wants more: %s", kinds[i].name,
				  kinds[i].form);
	return kinds[i].open(argument, device, peer);
}
