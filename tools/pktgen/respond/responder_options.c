/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/respond/responder_options.h"

#include <string.h>

#include "tools/shared/common.h"

enum { KEY_RESPOND = 0x700,
       KEY_ADDRESS,
       KEY_GATEWAY };

static const struct argp_option responder_option_list[] = {
	{ NULL, 0, NULL, 0, "Behind a router (on the first device):", 30 },
	{ "respond", KEY_RESPOND, NULL, 0,
	  "Answer ARP, neighbour discovery and ping for the addresses of --address", 30 },
	{ "address", KEY_ADDRESS, "IP/LEN", 0,
	  "An address of our own and its network (10.0.0.2/24, 2001:db8::2/64); may be repeated",
	  30 },
	{ "gateway", KEY_GATEWAY, "IP", 0,
	  "Find the MAC address of this router, by ARP or neighbour discovery, before anything is sent: "
	  "frames go there that have no --dst-mac",
	  30 },
	{ 0 },
};

static void responder_add_address(struct responder_options *options, const char *text)
{
	struct network network;

	if (options->addresses == ANSWER_ADDRESSES_MAX)
		refuse_usage("--address '%.60s': %d at most", text, ANSWER_ADDRESSES_MAX);
	if (!network_read(text, strlen(text), &network) || strchr(text, '/') == NULL)
		refuse_usage("--address '%.60s': an address with the length of its network's prefix "
			     "is wanted, such as 10.0.0.2/24 or 2001:db8::2/64",
			     text);
	if (!network_is_host(&network))
		refuse_usage("--address '%.60s': it is no address of one host", text);
	options->address[options->addresses++] = network;
}

static void responder_take_gateway(struct responder_options *options, const char *text)
{
	if (strchr(text, '/') != NULL || !network_read(text, strlen(text), &options->gateway) ||
	    !network_is_host(&options->gateway))
		refuse_usage("--gateway '%.60s': the address of one router is wanted, such as 10.0.0.1 or "
			     "fe80::1",
			     text);
	options->have_gateway = true;
}

static bool responder_reaches(const struct responder_options *options)
{
	const struct network *gateway = &options->gateway;

	for (uint32_t i = 0; i < options->addresses; i++)
		if (network_holds(&options->address[i], gateway->ipv6, gateway->address))
			return true;
	return false;
}

static void responder_check(const struct responder_options *options)
{
	if (options->have_gateway && !responder_reaches(options))
		refuse_usage("--gateway: no --address is in a network with it: give one, such as "
			     "--address 10.0.0.2/24 for the gateway 10.0.0.1");
	if (options->respond && options->addresses == 0)
		refuse_usage("--respond: for no address: give one, such as --address 10.0.0.2/24");
	if (options->addresses > 0 && !options->respond && !options->have_gateway)
		refuse_usage("--address: nothing is done with it: add --respond, or --gateway IP");
}

static error_t responder_parse(int key, char *argument, struct argp_state *state)
{
	struct responder_options *options = state->input;

	switch (key) {
	case KEY_RESPOND:
		options->respond = true;
		return 0;
	case KEY_ADDRESS:
		responder_add_address(options, argument);
		return 0;
	case KEY_GATEWAY:
		responder_take_gateway(options, argument);
		return 0;
	case ARGP_KEY_END:
		responder_check(options);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp responder_argp = {
	.options = responder_option_list,
	.parser = responder_parse,
};

bool responder_is_wanted(const struct responder_options *options)
{
	return options->respond || options->have_gateway;
}
