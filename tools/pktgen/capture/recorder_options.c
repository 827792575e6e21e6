/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/capture/recorder_options.h"

#include "tools/shared/common.h"

/* Below this a file would have little but headers. */
#define RECORDER_SIZE_MIN 16384u

enum { KEY_CAPTURE = 0x800,
       KEY_FILES,
       KEY_FILTER,
       KEY_SIZE,
       KEY_SNAPLEN };

static const struct argp_option recorder_option_list[] = {
	{ NULL, 0, NULL, 0, "Capture beside it:", 31 },
	{ "capture", KEY_CAPTURE, "FILE", 0,
	  "Write what is sent and received to a pcapng file, as far as that does not hold up sending", 31 },
	{ "capture-filter", KEY_FILTER, "EXPRESSION", 0, "Only these frames (pcap-filter(7))", 31 },
	{ "capture-snaplen", KEY_SNAPLEN, "BYTES", 0, "Keep the first BYTES of a frame", 31 },
	{ "capture-size", KEY_SIZE, "BYTES", 0,
	  "End the capture when the file has BYTES (100M); with --capture-files go on with the next", 31 },
	{ "capture-files", KEY_FILES, "N", 0,
	  "A ring of N files of --capture-size each: the oldest is overwritten", 31 },
	{ 0 },
};

static error_t recorder_parse_number(int key, const char *argument, struct recorder_options *options)
{
	struct parse_error error;
	int bad;

	switch (key) {
	case KEY_FILES:
		bad = parse_whole("--capture-files", argument, 2, RECORDER_FILES_MAX, &options->files, &error);
		break;
	case KEY_SIZE:
		bad = parse_count("--capture-size", argument, RECORDER_SIZE_MIN, INT64_MAX, &options->size,
				  &error);
		break;
	case KEY_SNAPLEN:
		bad = parse_whole("--capture-snaplen", argument, 14, 65550, &options->snaplen, &error);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

static void recorder_check_options(const struct recorder_options *options)
{
	bool more = options->files != 0 || options->size != 0 || options->snaplen != 0 || options->filter != NULL;

	if (options->path == NULL && more)
		refuse_usage("--capture-...: no file is given: add --capture FILE");
	if (options->files != 0 && options->size == 0)
		refuse_usage("--capture-files: when is a file full? Add --capture-size, such as "
			     "--capture-size 100M");
}

static error_t recorder_parse(int key, char *argument, struct argp_state *state)
{
	struct recorder_options *options = state->input;

	switch (key) {
	case KEY_CAPTURE:
		options->path = argument;
		return 0;
	case KEY_FILTER:
		options->filter = argument;
		return 0;
	case ARGP_KEY_END:
		recorder_check_options(options);
		return 0;
	default:
		return recorder_parse_number(key, argument, options);
	}
}

const struct argp recorder_argp = {
	.options = recorder_option_list,
	.parser = recorder_parse,
};
