/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/common.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vionet/error.h>

const char *const wait_mode_words[] = { "poll", "interrupt", "spin", NULL };

enum { KEY_ASSUME_IOMMU = 0x1000,
       KEY_IOMMU,
       KEY_AVOID,
       KEY_NO_HUGEPAGES,
       KEY_WRITABLE_RINGS,
       KEY_WANT,
       KEY_SET,
       KEY_STRICT,
       KEY_RESET_TIMEOUT,
       KEY_CONTROL_TIMEOUT };

#define RESET_SECONDS_MAX 600u

static bool live_line;

const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

void say_set_live(bool live)
{
	__atomic_store_n(&live_line, live, __ATOMIC_RELAXED);
}

bool say_is_live(void)
{
	return __atomic_load_n(&live_line, __ATOMIC_RELAXED);
}

static void common_say_list(const char *format, va_list arguments)
{
	char *text = NULL;
	bool below; /* a live line that is on the same terminal */

	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	/* Names and texts of others may be in it. */
	if (text != NULL)
		vionet_text_clean(text);
	output_begin();
	fflush(stdout);
	flockfile(stderr);
	below = say_is_live() && isatty(STDERR_FILENO) == 1;
	fprintf(stderr, "%svionet: %s\n", below ? "\n" : "",
		text != NULL ? text : "no memory");
	free(text);
	if (below)
		say_set_live(false);
	funlockfile(stderr);
	output_end();
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	common_say_list(format, arguments);
	va_end(arguments);
}

const char *clean(const char *text)
{
	static _Thread_local char copy[PATH_MAX + 16];

	snprintf(copy, sizeof(copy), "%s", text);
	return vionet_text_clean(copy);
}

/* What --reset-timeout says, or is without it. */
static unsigned int reset_timeout_ms = 1000;

/* In seconds: what to try next where that was too short. */
static unsigned int common_longer_reset(void)
{
	unsigned int longer = reset_timeout_ms / 1000 * 4;

	return longer < 30 ? 30 : longer < RESET_SECONDS_MAX ? longer : RESET_SECONDS_MAX;
}

const char *remedy_clause(unsigned int remedy, const char *address,
			  char clause[REMEDY_CLAUSE_MAX])
{
	static const char *const clauses[] = {
		[VIONET_REMEDY_NONE] = "",
		[VIONET_REMEDY_BIND] = "; run: vionet bind ",
		[VIONET_REMEDY_BIND_GROUP] = "; run: vionet bind --group ",
		[VIONET_REMEDY_BIND_FORCE] = "; to force it: vionet bind --force ",
		[VIONET_REMEDY_WANT] = "; open it with --want",
		[VIONET_REMEDY_AVOID] = "; leave some of them out with --avoid",
		[VIONET_REMEDY_ASSUME_IOMMU] = ("; if this is hardware behind a real IOMMU, "
						"assert that with --assume-iommu"),
	};
	bool binds = remedy == VIONET_REMEDY_BIND || remedy == VIONET_REMEDY_BIND_GROUP ||
		     remedy == VIONET_REMEDY_BIND_FORCE;

	if (remedy == VIONET_REMEDY_RESET_TIMEOUT)
		snprintf(clause, REMEDY_CLAUSE_MAX, "; give it longer: --reset-timeout %u",
			 common_longer_reset());
	else
		snprintf(clause, REMEDY_CLAUSE_MAX, "%s%s",
			 remedy < sizeof(clauses) / sizeof(clauses[0]) ?
				 clauses[remedy] : "", binds ? address : "");
	return clause;
}

void say_error(int result)
{
	const char *text = vionet_error_text(), *address;
	enum vionet_remedy remedy = vionet_error_remedy(&address);
	char clause[REMEDY_CLAUSE_MAX];

	say("%s%s", text[0] != '\0' ? text : strerror(-result),
	    remedy_clause(remedy, address, clause));
}

const char *text_without(const char *text, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(text, name, length) == 0 && text[length] == ':' &&
	    text[length + 1] == ' ')
		return text + length + 2;
	return text;
}

/* The exit code of each failure, on every transport; what is not here is CODE_FAILED. */
static const struct {
	int error;
	int open, run; /* enum exit_code */
} codes[] = {
	/* It is not there, or does not answer: no function, socket or back end; others
	 * have it; it may not or cannot be driven. */
	{ ENODEV, CODE_UNDRIVABLE, CODE_GONE },
	{ ENXIO, CODE_UNDRIVABLE, CODE_GONE },
	{ ENOENT, CODE_UNDRIVABLE, CODE_FAILED },
	{ ENOTCONN, CODE_UNDRIVABLE, CODE_GONE },
	{ ECONNREFUSED, CODE_UNDRIVABLE, CODE_GONE },
	{ ECONNRESET, CODE_UNDRIVABLE, CODE_GONE },
	{ EPIPE, CODE_UNDRIVABLE, CODE_GONE },
	{ ENETDOWN, CODE_UNDRIVABLE, CODE_GONE },
	{ ETIMEDOUT, CODE_UNDRIVABLE, CODE_FAILED },
	{ EBUSY, CODE_UNDRIVABLE, CODE_FAILED },
	{ EADDRINUSE, CODE_UNDRIVABLE, CODE_FAILED },
	{ EPERM, CODE_UNDRIVABLE, CODE_FAILED },
	{ ENOTSUP, CODE_UNDRIVABLE, CODE_FAILED },
	/* What was typed. */
	{ EINVAL, CODE_USAGE, CODE_FAILED },
	{ ENAMETOOLONG, CODE_USAGE, CODE_FAILED },
	/* What this process may have and do. */
	{ EACCES, CODE_PERMISSION, CODE_PERMISSION },
	{ ENOMEM, CODE_PERMISSION, CODE_PERMISSION },
	{ EMFILE, CODE_PERMISSION, CODE_PERMISSION },
	{ ENFILE, CODE_PERMISSION, CODE_PERMISSION },
	{ 0, CODE_OK, CODE_OK },
};

int code_of_open(int result)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].error == -result)
			return codes[i].open;
	return CODE_FAILED;
}

int code_of_run(int result)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].error == -result)
			return codes[i].run;
	return CODE_FAILED;
}

const char *output_failure(int error)
{
	/* Only after a signal is one cut off, and only one that stands still. */
	return error == EINTR ?
		       "the reader took none of it for a second after the signal" :
		       strerror(error);
}

int finish_output(FILE *file, const char *name)
{
	static const FILE *failed; /* once said is enough, for all that follows */
	int error;

	/* What could not be written at once has left its errno. */
	error = ferror(file) ? errno : 0;
	output_begin();
	if (fflush(file) != 0)
		error = errno;
	output_end();
	if (error == 0 && !ferror(file))
		return CODE_OK;
	if (failed != file)
		say("%s: %s", name, error != 0 ? output_failure(error) :
						 "cannot be written to");
	failed = file;
	return CODE_FAILED;
}

void refuse_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	common_say_list(format, arguments);
	va_end(arguments);
	exit(CODE_USAGE);
}

void need_parsed(int result, const struct parse_error *error)
{
	if (result != 0)
		refuse_usage("%s", error->text);
}

/* "-h" of the command whose parser is the child. */
static error_t common_parse_help(int key, char *argument, struct argp_state *state)
{
	(void)argument;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = state->input;
		return 0;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The C library repeats the name of an option that it does not know as it is. */
static void common_refuse_unprintable(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(argv[i], "="),
			 argv[i]);
		if (name[0] == '-' && strcmp(name, clean(name)) != 0)
			refuse_usage("unrecognized option '%s'", name);
	}
}

/*
 * argp takes the name for messages and for usage lines from argv[0]: with the command
 * in it, the hint to try --help leads to the command's.
 */
void parse_arguments(const struct argp *argp, const char *name, int argc,
		     char **argv, void *input)
{
	static char full_name[32];
	const struct argp_child children[] = { { argp, 0, NULL, 0 }, { 0 } };
	const struct argp whole = {
		.options = (const struct argp_option[]){
			{ NULL, 'h', NULL, OPTION_HIDDEN, NULL, -1 },
			{ 0 },
		},
		.parser = common_parse_help,
		.children = children,
	};

	common_refuse_unprintable(argc, argv);
	snprintf(full_name, sizeof(full_name), "vionet %s", name);
	argv[0] = full_name;
	argp_err_exit_status = CODE_USAGE;
	if (argp_parse(&whole, argc, argv, 0, NULL, input) != 0)
		exit(CODE_USAGE);
}

static const struct argp_option device_option_list[] = {
	{ NULL, 0, NULL, 0, "Opening the device:", 90 },
	{ "assume-iommu", KEY_ASSUME_IOMMU, NULL, 0,
	  "Drive a function that does not offer ACCESS_PLATFORM. DANGEROUS unless a "
	  "real IOMMU stands in front of it: else it writes to memory of others",
	  90 },
	{ "iommu", KEY_IOMMU, "KIND", 0,
	  "Open a PCI function by type1 (its group) or by iommufd (its character device); "
	  "auto, the default, takes what there is, character devices first",
	  90 },
	{ "avoid", KEY_AVOID, "FEATURE,...", 0,
	  "Features never to accept, by name or bit number", 90 },
	{ "want", KEY_WANT, "FEATURE,...", 0,
	  "Features to accept that otherwise are not, since they change what arrives: "
	  "CTRL_RX, CTRL_VLAN, HASH_REPORT, ...",
	  90 },
	{ "no-hugepages", KEY_NO_HUGEPAGES, NULL, 0,
	  "Use ordinary pages even where 2 MiB pages are free", 90 },
	{ "writable-rings", KEY_WRITABLE_RINGS, NULL, 0,
	  "Let the device write to descriptors too: what DPDK's vhost-user (OVS, "
	  "testpmd) behind an emulated IOMMU insists on",
	  90 },
	{ "strict", KEY_STRICT, NULL, 0,
	  "Refuse a device whose registers read back as 0 after they were written", 90 },
	{ "reset-timeout", KEY_RESET_TIMEOUT, "TIME", 0,
	  "How long the device may take for a reset (1; up to 10min): some DPUs take two "
	  "minutes",
	  90 },
	{ "control-timeout", KEY_CONTROL_TIMEOUT, "TIME", 0,
	  "The same for a command of the control queue (500ms; up to 1min)", 90 },
	{ 0 },
};

/* In milliseconds; less than one is one. */
static unsigned int common_parse_timeout(const char *option, const char *argument,
					 unsigned int most_seconds)
{
	struct parse_error error;
	uint64_t time = 0;

	if (parse_duration(option, argument, 0, &time, &error) != 0 ||
	    time > most_seconds * 1000000000ull)
		refuse_usage("%s '%.40s': a time above 0 to %u s is wanted, such as 10, "
			     "1.5, 500ms or 1min (no unit: seconds)", option,
			     clean(argument), most_seconds);
	return (unsigned int)((time + 999999) / 1000000);
}

static bool common_starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* The first feature that is in both sets, or NULL. */
static const char *common_in_both(const struct vionet_features *a,
				  const struct vionet_features *b)
{
	static char number[16];

	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		if (!vionet_feature_test(a, bit) || !vionet_feature_test(b, bit))
			continue;
		snprintf(number, sizeof(number), "bit %u", bit);
		return vionet_feature_name(bit) != NULL ? vionet_feature_name(bit) :
							  number;
	}
	return NULL;
}

/* Of what the first feature of `set` that needs something else needs, what `avoid` has:
 * its name, or NULL. `*needs` is the feature. */
static const char *common_avoided_need(const struct vionet_features *set,
				       const struct vionet_features *avoid,
				       const char **needs)
{
	struct vionet_features rest;

	for (size_t i = 0; i < sizeof(rest.word) / sizeof(rest.word[0]); i++)
		rest.word[i] = ~avoid->word[i];
	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		unsigned int lacks = vionet_feature_missing(&rest, bit);

		if (!vionet_feature_test(set, bit) || lacks == bit)
			continue;
		*needs = vionet_feature_name(bit);
		return vionet_feature_name(lacks);
	}
	return NULL;
}

/* The first feature in `set` that the driver treats so. */
static const char *common_first_used(const struct vionet_features *set,
				     enum vionet_feature_use use)
{
	struct vionet_features all = { { 0 } };

	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++)
		if (vionet_feature_use(bit) == use)
			all.word[bit / 64] |= 1ULL << (bit % 64);
	return common_in_both(set, &all);
}

static void common_check_features(const struct device_options *options)
{
	const struct vionet_open_options *open = &options->open;
	struct vionet_features needed = { { 0 } };
	const char *name = common_in_both(&open->want, &open->avoid);
	const char *needs = NULL;

	if (name != NULL)
		refuse_usage("--want and --avoid both name %s; leave one of them out",
			     name);
	settings_want(&options->settings, &needed);
	settings_need(&options->settings, &needed);
	name = common_in_both(&needed, &open->avoid);
	if (name == NULL)
		name = common_avoided_need(&needed, &open->avoid, &needs);
	if (name != NULL)
		refuse_usage("--avoid %s: a setting needs it; leave one of them out",
			     name);
	name = common_avoided_need(&open->want, &open->avoid, &needs);
	if (name != NULL)
		refuse_usage("--avoid %s: --want %s needs it; leave one of them out",
			     name, needs);
	name = common_first_used(&open->want, VIONET_FEATURE_UNUSED);
	if (name != NULL)
		refuse_usage("--want %s: this driver makes no use of it", name);
	name = common_first_used(&open->want, VIONET_FEATURE_ACCEPTED);
	if (name != NULL)
		refuse_usage("--want %s: it is accepted anyway; leave it out", name);
}

static bool common_is_no_pci(const char *name)
{
	return common_starts_with(name, "vhost-user:") ||
	       common_starts_with(name, "vfio-user:") ||
	       common_starts_with(name, "vhost-vdpa:");
}

static uint32_t common_parse_iommu(const char *argument)
{
	static const char *const kinds[] = {
		[VIONET_IOMMU_AUTO] = "auto",
		[VIONET_IOMMU_TYPE1] = "type1",
		[VIONET_IOMMU_IOMMUFD] = "iommufd",
	};

	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(argument, kinds[i]) == 0)
			return i;
	refuse_usage("--iommu '%.40s': one of auto, type1 and iommufd is wanted",
		     clean(argument));
}

/* An option that changes nothing is a misunderstanding. */
static void common_check_device_options(const struct device_options *options)
{
	unsigned int flags = options->open.flags;
	struct parse_error error;

	need_parsed(settings_check(&options->settings, &error), &error);
	common_check_features(options);
	if (options->name != NULL && options->open.iommu != VIONET_IOMMU_AUTO &&
	    common_is_no_pci(options->name))
		refuse_usage("--iommu is for PCI functions: other devices are opened "
			     "without one; leave it out");
	if (options->name == NULL || !common_starts_with(options->name, "vhost-user:"))
		return;
	if (flags & VIONET_OPEN_ASSUME_IOMMU)
		refuse_usage("--assume-iommu has no effect on a vhost-user back end: it "
			     "reaches only the memory that it is given; leave it out");
	if (flags & VIONET_OPEN_WRITABLE_RINGS &&
	    strstr(options->name, ",read-only") == NULL)
		refuse_usage("--writable-rings has no effect on a vhost-user back end "
			     "without ',read-only': it may write anyway; leave it out");
}

bool device_options_any(const struct device_options *options)
{
	const struct vionet_open_options *open = &options->open;

	return open->flags != 0 || open->iommu != 0 || open->reset_timeout_ms != 0 ||
	       open->control_timeout_ms != 0 ||
	       (open->want.word[0] | open->want.word[1] | open->avoid.word[0] |
		open->avoid.word[1]) != 0;
}

static error_t common_parse_device_option(int key, char *argument,
					  struct argp_state *state)
{
	struct device_options *options = state->input;
	struct parse_error error;

	switch (key) {
	case KEY_ASSUME_IOMMU:
		options->open.flags |= VIONET_OPEN_ASSUME_IOMMU;
		return 0;
	case KEY_IOMMU:
		options->open.iommu = common_parse_iommu(argument);
		return 0;
	case KEY_AVOID:
		need_parsed(parse_features("--avoid", argument, &options->open.avoid,
					   &error),
			    &error);
		return 0;
	case KEY_WANT:
		need_parsed(parse_features("--want", argument, &options->open.want,
					   &error),
			    &error);
		return 0;
	case KEY_NO_HUGEPAGES:
		options->open.flags |= VIONET_OPEN_NO_HUGEPAGES;
		return 0;
	case KEY_WRITABLE_RINGS:
		options->open.flags |= VIONET_OPEN_WRITABLE_RINGS;
		return 0;
	case KEY_STRICT:
		options->open.flags |= VIONET_OPEN_STRICT;
		return 0;
	case KEY_RESET_TIMEOUT:
		reset_timeout_ms = common_parse_timeout("--reset-timeout", argument,
							RESET_SECONDS_MAX);
		options->open.reset_timeout_ms = reset_timeout_ms;
		return 0;
	case KEY_CONTROL_TIMEOUT:
		options->open
			.control_timeout_ms = common_parse_timeout("--control-timeout",
								   argument, 60);
		return 0;
	case ARGP_KEY_END:
		common_check_device_options(options);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp device_argp = {
	.options = device_option_list,
	.parser = common_parse_device_option,
	.doc = "\vDEVICE is a PCI function bound to vfio-pci (0000:00:04.0), the one that "
	       "a server offers at a socket (vfio-user:PATH), a vhost-user back end "
	       "(vhost-user:PATH; vhost-user:PATH,server[,wait=SECONDS] where it connects "
	       "to us), or a vDPA device (vhost-vdpa:/dev/vhost-vdpa-0). 'vionet list' shows the functions of this machine.",
};

static error_t common_parse_setting_option(int key, char *argument,
					   struct argp_state *state)
{
	struct device_options *options = state->input;
	struct parse_error error;

	if (key != KEY_SET)
		return ARGP_ERR_UNKNOWN;
	need_parsed(settings_add(&options->settings, argument, &error), &error);
	return 0;
}

const struct argp setting_argp = {
	.options = (const struct argp_option[]){
		{ "set", KEY_SET, "KEY=VALUE", 0,
		  "Tell the device this once it is started; see vionet-set(1)", 80 },
		{ 0 },
	},
	.parser = common_parse_setting_option,
};
