/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/config_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/config_file.h"
#include "tools/shared/own_files.h"

/* ---- names of devices ---- */

static size_t config_hex_digits(const char *text)
{
	return strspn(text, "0123456789abcdefABCDEF");
}

/* "0000:00:04.0" or "00:04.0" */
static bool config_is_address(const char *text)
{
	size_t length = config_hex_digits(text);

	if (length >= 4 && text[length] == ':') {
		text += length + 1;
		length = config_hex_digits(text);
	}
	return length == 2 && text[2] == ':' && config_hex_digits(text + 3) == 2 && text[5] == '.' &&
	       isdigit((unsigned char)text[6]);
}

static bool config_begins_device(const char *text)
{
	static const char *const kinds[] = { "vfio-user:", "vhost-user:", "vhost-vdpa:", "pci:" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(text, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return config_is_address(text);
}

static char *config_next_device(char *text)
{
	char *comma = strchr(text, ',');

	while (comma != NULL && !config_begins_device(comma + 1))
		comma = strchr(comma + 1, ',');
	return comma;
}

void config_add_devices(struct config_arguments *arguments, char *text)
{
	while (text != NULL) {
		char *comma = config_next_device(text);

		if (arguments->devices == CONFIG_DEVICES_MAX)
			refuse_usage("%s: %u devices at most", arguments->command, CONFIG_DEVICES_MAX);
		if (text[0] == '\0')
			refuse_usage("%s: the name of a device is empty", arguments->command);
		arguments->device[arguments->devices++] = text;
		if (comma != NULL)
			*comma++ = '\0';
		text = comma;
	}
}

void config_add_port(struct config_arguments *arguments, const char *text)
{
	const char *equal = strchr(text, '=');

	if (equal == NULL || equal == text || equal[1] == '\0')
		refuse_usage("--port '%.60s': NAME=DEVICE is wanted, with a port of the configuration",
			     text);
	if (arguments->ports == CONFIG_DEVICES_MAX)
		refuse_usage("--port: %u at most", CONFIG_DEVICES_MAX);
	arguments->port[arguments->ports++] = text;
}

void config_set_format(struct config_arguments *arguments, const char *text)
{
	static const char *const words[] = { "yaml", "json", NULL };
	struct parse_error error;
	int choice = TREE_YAML;

	arguments->print = true;
#ifndef VIONET_YAML
	if (text == NULL)
		text = "json";
#endif
	if (text != NULL)
		need_parsed(parse_word("--print-config", text, words, &choice, &error), &error);
#ifndef VIONET_YAML
	if (choice == 0)
		refuse_usage("--print-config=yaml: this vionet was built without YAML; give json");
#endif
	arguments->format = choice == 0 ? TREE_YAML : TREE_JSON;
}

/* ---- ports ---- */

static void config_locate(struct traffic_port *port, const char *device)
{
	free(port->location);
	port->location = strdup(device);
	if (port->location == NULL)
		refuse_usage("out of memory");
}

static void config_locate_by_name(const char *file, struct traffic *traffic, const char *text)
{
	size_t length = (size_t)(strchr(text, '=') - text);

	for (size_t i = 0; i < traffic->ports; i++)
		if (strlen(traffic->port[i].name) == length &&
		    memcmp(traffic->port[i].name, text, length) == 0) {
			config_locate(&traffic->port[i], text + length + 1);
			return;
		}
	refuse_usage("--port '%.60s': %.80s has no port of this name", text, file);
}

/* What the command line says, then what the file does. */
static void config_locate_all(const struct config_arguments *arguments, struct traffic *traffic)
{
	const char *file = arguments->file;

	if (arguments->devices > traffic->ports)
		refuse_usage("%zu devices, but %.80s has %zu port%s", arguments->devices, file,
			     traffic->ports, plural(traffic->ports));
	for (size_t i = 0; i < arguments->devices; i++)
		config_locate(&traffic->port[i], arguments->device[i]);
	for (size_t i = 0; i < arguments->ports; i++)
		config_locate_by_name(file, traffic, arguments->port[i]);
	for (size_t i = 0; i < traffic->ports && !arguments->print; i++)
		if (traffic->port[i].location == NULL)
			refuse_usage("%.80s: ports[%zu] has no location; say which device it is: --port '%.80s'=DEVICE",
				     file, i, clean(traffic->port[i].name));
}

/* ---- all ---- */

static void config_read_file(const char *file, struct traffic *traffic)
{
	const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
	struct traffic_error error;

	own_file_reads(file);
	if (config_file_read(file, traffic, &error) == 0)
		return;
	if (error.line == 0)
		refuse_usage("%.200s: %s", name, error.text);
	refuse_usage("%.200s:%u:%u: %s", name, error.line, error.column, error.text);
}

static void config_make_of_file(const struct config_arguments *arguments,
				const struct load_arguments *load, struct traffic *traffic)
{
	const char *given = load_first_given(load, true);

	if (given != NULL)
		refuse_usage("--%s has no effect with --config: the file says it; leave one of them out",
			     given);
	config_read_file(arguments->file, traffic);
	if (traffic->ports == 0)
		refuse_usage("%.200s: ports is empty; a device is a port", arguments->file);
	config_locate_all(arguments, traffic);
}

static void config_make_of_load(const struct config_arguments *arguments,
				struct load_arguments *load, struct traffic *traffic)
{
	struct parse_error error;

	load_check(load);
	if (arguments->ports > 0)
		refuse_usage("--port has no effect without --config; name the DEVICE");
	if (arguments->devices > LOAD_PORTS_MAX)
		refuse_usage("%s: %zu devices; without --config %u are the most", arguments->command,
			     arguments->devices, LOAD_PORTS_MAX);
	if (load->load.bidirectional && arguments->devices != LOAD_PORTS_MAX)
		refuse_usage("--bidirectional: two devices are wanted: DEVICE,DEVICE2");
	for (size_t i = 0; i < arguments->devices; i++)
		load->load.device[i] = arguments->device[i];
	load->load.devices = arguments->devices;
	need_parsed(load_to_traffic(&load->load, traffic, &error), &error);
}

void config_make(const struct config_arguments *arguments, struct load_arguments *load,
		 struct traffic *traffic)
{
	size_t twice;

	if (arguments->file != NULL)
		config_make_of_file(arguments, load, traffic);
	else if (arguments->devices == 0 && !arguments->print)
		refuse_usage("%s: no device named; 'vionet list' shows them", arguments->command);
	else
		config_make_of_load(arguments, load, traffic);
	twice = traffic_find_twice(traffic);
	if (twice < traffic->ports)
		refuse_usage("'%.200s' is named twice: a device is one port", clean(traffic->port[twice].location));
}

/* A path may have any bytes, and what is printed here is to be read again. */
static void config_check_text(const char *text)
{
	if (text != NULL && strcmp(clean(text), text) != 0)
		refuse_usage("--print-config: '%.200s': a configuration is UTF-8 without control "
			     "characters; rename it, or "
			     "link to it",
			     text);
}

int config_print(const struct config_arguments *arguments, const struct traffic *traffic)
{
	int result;

	for (size_t i = 0; i < traffic->ports; i++)
		config_check_text(traffic->port[i].location);
	for (size_t i = 0; i < traffic->flows; i++)
		config_check_text(traffic->flow[i].replay.file);
	result = otg_write(traffic, arguments->format, stdout);
	if (result == -ENOMEM)
		refuse_usage("out of memory");
	return finish_output(stdout, "standard output");
}
