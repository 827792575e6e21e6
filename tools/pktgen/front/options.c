/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/front/front.h"

#include "tools/pktgen/api/api.h"
#include "tools/pktgen/view/view.h"
#include "tools/shared/common.h"

enum { KEY_VIEW = 0x700,
       KEY_LISTEN };

static const struct argp_option front_option_list[] = {
	{ "view", KEY_VIEW, NULL, 0, "Show the run on the whole terminal, with keys to control it", 0 },
	{ "listen", KEY_LISTEN, "ADDRESS", 0,
	  "Serve the Open Traffic Generator's HTTP API and /metrics: unix:PATH, 127.0.0.1:PORT, [::1]:PORT", 0 },
	{ 0 },
};

static error_t front_parse(int key, char *argument, struct argp_state *state)
{
	struct front_options *options = state->input;

	switch (key) {
	case KEY_VIEW:
		options->view = view_is_possible();
		return 0;
	case KEY_LISTEN:
		api_check_address(argument);
		options->listen = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp front_argp = {
	.options = front_option_list,
	.parser = front_parse,
};
