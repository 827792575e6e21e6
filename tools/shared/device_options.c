/* SPDX-License-Identifier: BSD-3-Clause */
/* The options that say how to open a device: of all commands that take one. */
#include <string.h>

#include "tools/shared/common.h"
#include "tools/shared/fds.h"

enum { KEY_ASSUME_IOMMU = 0x1000,
       KEY_IOMMU,
       KEY_NO_IOMMU,
       KEY_VF_TOKEN,
       KEY_FDS,
       KEY_SANDBOX,
       KEY_AVOID,
       KEY_NO_HUGEPAGES,
       KEY_WRITABLE_RINGS,
       KEY_WANT,
       KEY_SET,
       KEY_STRICT,
       KEY_RESET_TIMEOUT,
       KEY_CONTROL_TIMEOUT,
       KEY_REPLY_TIMEOUT };

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
	{ "no-iommu", KEY_NO_IOMMU, NULL, 0,
	  "Drive a PCI function that has no IOMMU (--iommu none). DANGEROUS: it gets physical "
	  "addresses and can read and write all memory of this machine",
	  90 },
	{ "vf-token", KEY_VF_TOKEN, "UUID", 0,
	  "The secret that an SR-IOV function and its virtual ones share when all are bound to "
	  "vfio-pci; 'vionet bind --vf-token new' makes one",
	  90 },
	{ "fds", KEY_FDS, "NAME=N,NAME=N", 0,
	  "Open a PCI function by descriptors that the caller has opened: device=N,iommufd=N, or "
	  "group=N,container=N, or device=N,container=N; listen: those that systemd passed",
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
	{ "reply-timeout", KEY_REPLY_TIMEOUT, "TIME", 0,
	  "How long the server at a socket may keep us waiting for replies (2; up to 10min): give it "
	  "more where it shares busy processors, or runs in a debugger",
	  90 },
	{ 0 },
};

/* In milliseconds; less than one is one. */
static unsigned int device_parse_timeout(const char *option, const char *argument,
					 unsigned int most_seconds)
{
	struct parse_error error;
	uint64_t time = 0;

	if (parse_duration(option, argument, 0, &time, &error) != 0 ||
	    time > most_seconds * 1000000000ull)
		refuse_usage("%s '%.40s': a time above 0 to %u s is wanted, such as 10, "
			     "1.5, 500ms or 1min (no unit: seconds)",
			     option,
			     clean(argument), most_seconds);
	return (unsigned int)((time + 999999) / 1000000);
}

static bool device_starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* The first feature that is in both sets, or NULL. */
static const char *device_in_both(const struct vionet_features *a,
				  const struct vionet_features *b)
{
	static char number[16];

	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++) {
		if (!vionet_feature_test(a, bit) || !vionet_feature_test(b, bit))
			continue;
		snprintf(number, sizeof(number), "bit %u", bit);
		return vionet_feature_name(bit) != NULL ? vionet_feature_name(bit) : number;
	}
	return NULL;
}

/* Of what the first feature of `set` that needs something else needs, what `avoid` has:
 * its name, or NULL. `*needs` is the feature. */
static const char *device_avoided_need(const struct vionet_features *set,
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
static const char *device_first_used(const struct vionet_features *set,
				     enum vionet_feature_use use)
{
	struct vionet_features all = { { 0 } };

	for (unsigned int bit = 0; bit < VIONET_FEATURE_BITS; bit++)
		if (vionet_feature_use(bit) == use)
			all.word[bit / 64] |= 1ULL << (bit % 64);
	return device_in_both(set, &all);
}

static void device_check_features(const struct device_options *options)
{
	const struct vionet_open_options *open = &options->open;
	struct vionet_features needed = { { 0 } };
	const char *name = device_in_both(&open->want, &open->avoid);
	const char *needs = NULL;

	if (name != NULL)
		refuse_usage("--want and --avoid both name %s; leave one of them out",
			     name);
	settings_want(&options->settings, &needed);
	settings_need(&options->settings, &needed);
	name = device_in_both(&needed, &open->avoid);
	if (name == NULL)
		name = device_avoided_need(&needed, &open->avoid, &needs);
	if (name != NULL)
		refuse_usage("--avoid %s: a setting needs it; leave one of them out",
			     name);
	name = device_avoided_need(&open->want, &open->avoid, &needs);
	if (name != NULL)
		refuse_usage("--avoid %s: --want %s needs it; leave one of them out",
			     name, needs);
	name = device_first_used(&open->want, VIONET_FEATURE_UNUSED);
	if (name != NULL)
		refuse_usage("--want %s: this driver makes no use of it", name);
	name = device_first_used(&open->want, VIONET_FEATURE_ACCEPTED);
	if (name != NULL)
		refuse_usage("--want %s: it is accepted anyway; leave it out", name);
}

static bool device_is_no_pci(const char *name)
{
	return device_starts_with(name, "vhost-user:") ||
	       device_starts_with(name, "vfio-user:") ||
	       device_starts_with(name, "vhost-vdpa:");
}

static uint32_t device_parse_iommu(const char *argument)
{
	static const char *const kinds[] = {
		[VIONET_IOMMU_AUTO] = "auto",
		[VIONET_IOMMU_TYPE1] = "type1",
		[VIONET_IOMMU_IOMMUFD] = "iommufd",
		[VIONET_IOMMU_NONE] = "none",
	};

	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(argument, kinds[i]) == 0)
			return i;
	refuse_usage("--iommu '%.40s': one of auto, type1, iommufd and none is wanted",
		     clean(argument));
}

/* Never by the order of two options. */
static void device_set_iommu(struct device_options *options, uint32_t kind)
{
	uint32_t before = options->open.iommu;

	if (before != kind && (before == VIONET_IOMMU_NONE ||
			       (before != VIONET_IOMMU_AUTO && kind == VIONET_IOMMU_NONE)))
		refuse_usage("--no-iommu and an --iommu that is not none; leave one of them out");
	options->open.iommu = kind;
}

static void device_add_fds(struct device_options *options, const char *argument)
{
	struct parse_error error;

	if (options->fds_count == (options->fds_max != 0 ? options->fds_max : 1))
		refuse_usage("--fds is given more often than there are devices; leave one out");
	need_parsed(parse_fds(argument, &options->fds[options->fds_count], &error), &error);
	options->fds_count++;
}

/* An option that changes nothing is a misunderstanding. */
static void device_check_options(const struct device_options *options)
{
	unsigned int flags = options->open.flags;
	struct parse_error error;

	need_parsed(settings_check(&options->settings, &error), &error);
	device_check_features(options);
	if (options->name != NULL && options->open.iommu != VIONET_IOMMU_AUTO &&
	    device_is_no_pci(options->name))
		refuse_usage("%s is for PCI functions: other devices are opened "
			     "without one; leave it out",
			     options->open.iommu == VIONET_IOMMU_NONE ? "--no-iommu" : "--iommu");
	if (options->name != NULL && options->fds_count != 0 && device_is_no_pci(options->name))
		refuse_usage("--fds is for PCI functions; leave it out");
	if (options->fds_count != 0 && options->open.iommu != VIONET_IOMMU_AUTO)
		refuse_usage("%s has no effect with --fds: the descriptors say it; leave it out",
			     options->open.iommu == VIONET_IOMMU_NONE ? "--no-iommu" : "--iommu");
	if (options->name != NULL && device_starts_with(options->name, "vhost-vdpa:") &&
	    (flags & VIONET_OPEN_ASSUME_IOMMU))
		refuse_usage("--assume-iommu has no effect on a vDPA device: the kernel shows it "
			     "only the memory that it is given; leave it out");
	if (options->name == NULL || !device_starts_with(options->name, "vhost-user:"))
		return;
	if (flags & VIONET_OPEN_ASSUME_IOMMU)
		refuse_usage("--assume-iommu has no effect on a vhost-user back end: it "
			     "reaches only the memory that it is given; leave it out");
	if (flags & VIONET_OPEN_WRITABLE_RINGS &&
	    strstr(options->name, ",read-only") == NULL)
		refuse_usage("--writable-rings has no effect on a vhost-user back end "
			     "without ',read-only': it may write anyway; leave it out");
}

uint32_t choose_queues(const struct device_options *options, uint64_t given)
{
	const struct settings *settings = &options->settings;

	if (!settings->have[SETTING_QUEUES])
		return given != 0 ? (uint32_t)given : 1;
	if (given != 0 && settings->queues != given)
		refuse_usage("--queues %ju and --set queues=%u: give one of them",
			     (uintmax_t)given, settings->queues);
	return settings->queues;
}

bool device_options_any(const struct device_options *options)
{
	const struct vionet_open_options *open = &options->open;

	return open->flags != 0 || options->fds_count != 0 || open->vf_token != NULL ||
	       open->iommu != 0 || open->reset_timeout_ms != 0 ||
	       open->control_timeout_ms != 0 || open->reply_timeout_ms != 0 ||
	       (open->want.word[0] | open->want.word[1] | open->avoid.word[0] |
		open->avoid.word[1]) != 0;
}

static error_t device_parse_option(int key, char *argument,
				   struct argp_state *state)
{
	struct device_options *options = state->input;
	struct parse_error error;

	switch (key) {
	case KEY_ASSUME_IOMMU:
		options->open.flags |= VIONET_OPEN_ASSUME_IOMMU;
		return 0;
	case KEY_IOMMU:
		device_set_iommu(options, device_parse_iommu(argument));
		return 0;
	case KEY_NO_IOMMU:
		device_set_iommu(options, VIONET_IOMMU_NONE);
		return 0;
	case KEY_VF_TOKEN:
		options->open.vf_token = argument;
		return 0;
	case KEY_FDS:
		device_add_fds(options, argument);
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
		options->open.reset_timeout_ms = device_parse_timeout("--reset-timeout", argument,
								      RESET_SECONDS_MAX);
		note_reset_timeout(options->open.reset_timeout_ms);
		return 0;
	case KEY_CONTROL_TIMEOUT:
		options->open
			.control_timeout_ms = device_parse_timeout("--control-timeout",
								   argument, 60);
		return 0;
	case KEY_REPLY_TIMEOUT:
		options->open.reply_timeout_ms = device_parse_timeout("--reply-timeout", argument,
								      REPLY_SECONDS_MAX);
		note_reply_timeout(options->open.reply_timeout_ms);
		return 0;
	case ARGP_KEY_END:
		device_check_options(options);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp device_argp = {
	.options = device_option_list,
	.parser = device_parse_option,
	.doc = "\vDEVICE is a PCI function bound to vfio-pci (0000:00:04.0), the one that "
	       "a server offers at a socket (vfio-user:PATH), a vhost-user back end "
	       "(vhost-user:PATH; vhost-user:PATH,server[,wait=SECONDS] where it connects "
	       "to us), or a vDPA device (vhost-vdpa:/dev/vhost-vdpa-0). 'vionet list' shows the "
	       "functions of this machine.",
};

static error_t device_parse_setting(int key, char *argument,
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
	.parser = device_parse_setting,
};

static error_t device_parse_sandbox(int key, char *argument, struct argp_state *state)
{
	struct device_options *options = state->input;

	(void)argument;
	if (key != KEY_SANDBOX)
		return ARGP_ERR_UNKNOWN;
	options->sandbox = true;
	return 0;
}

const struct argp sandbox_argp = {
	.options = (const struct argp_option[]){
		{ "sandbox", KEY_SANDBOX, NULL, 0,
		  "Once the device is started (with --fds, before it is opened) leave this process few "
		  "system calls: none that opens a file or a socket or starts a program",
		  90 },
		{ 0 },
	},
	.parser = device_parse_sandbox,
};
