/* SPDX-License-Identifier: BSD-3-Clause */
/* The report: a verdict for each requirement, as JSON or as JUnit's XML. */
#include "softnic/check/report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "softnic/check/verdict.h"
#include "softnic/text.h"

/* What has to have happened for the requirement to be exercised: `what`, and the feature. The
 * first row whose ID begins that of the requirement. */
static const struct condition {
	const char *id;
	unsigned char what;    /* enum exercised */
	unsigned char feature; /* that was accepted; FT_COUNT: none */
} conditions[] = {
	{ "GEN-05", EX_FEATURES, FT_COUNT },
	{ "GEN-09", EX_FEATURES, FT_COUNT },
	{ "GEN-13", EX_FEATURES, FT_COUNT },
	{ "GEN-03", EX_NEVER, FT_COUNT }, /* only after FAILED */
	{ "GEN-27", EX_NEVER, FT_COUNT },
	{ "GEN-14", EX_RESET, FT_COUNT },
	{ "PCI-24", EX_RESET, FT_COUNT },
	{ "GEN-30", EX_SPLIT, FT_COUNT },
	{ "GEN-31", EX_TRANSMIT, FT_COUNT },
	{ "GEN-32", EX_SUSPEND, FT_COUNT },
	{ "GEN-33", EX_SUSPEND, FT_COUNT },
	{ "GEN-35", EX_SUSPEND, FT_COUNT },
	{ "GEN-36", EX_SUSPEND, FT_COUNT },
	{ "GEN-37", EX_SUSPEND, FT_COUNT },
	{ "GEN-40", EX_QUEUE_RESET, FT_COUNT },
	{ "GEN-42", EX_QUEUE_RESET, FT_COUNT },
	{ "PCI-26", EX_QUEUE_RESET, FT_COUNT },
	{ "GEN-43", EX_SPLIT, FT_NOTIFICATION_DATA },
	{ "GEN-44", EX_PACKED, FT_NOTIFICATION_DATA },
	{ "GEN-01", EX_STATUS, FT_COUNT },
	{ "GEN-02", EX_STATUS, FT_COUNT },
	{ "GEN-21", EX_STATUS, FT_COUNT },
	{ "GEN-28", EX_STATUS, FT_COUNT },
	{ "GEN-", EX_REGISTERS, FT_COUNT },
	{ "PCI-21", EX_REGISTERS, FT_RING_PACKED },
	{ "PCI-35", EX_MSIX, FT_COUNT },
	{ "PCI-39", EX_NEVER, FT_COUNT }, /* only through PCI_CFG */
	{ "PCI-40", EX_NEVER, FT_COUNT },
	{ "PCI-41", EX_NEVER, FT_COUNT },
	{ "PCI-45", EX_MSIX, FT_COUNT },
	{ "PCI-46", EX_MSIX, FT_COUNT },
	{ "PCI-52", EX_REGISTERS, FT_NOTIFICATION_DATA },
	{ "PCI-54", EX_REGISTERS, FT_NOTIFICATION_DATA },
	{ "PCI-55", EX_REGISTERS, FT_NOTIF_CONFIG_DATA },
	{ "PCI-56", EX_REGISTERS, FT_NOTIF_CONFIG_DATA },
	{ "PCI-", EX_REGISTERS, FT_COUNT },
	{ "RSVD-01", EX_OWN_FEATURES, FT_VERSION_1 },
	{ "RSVD-03", EX_OWN_FEATURES, FT_ACCESS_PLATFORM },
	{ "RSVD-06", EX_OWN_FEATURES, FT_RING_PACKED },
	{ "RSVD-07", EX_OWN_FEATURES, FT_ORDER_PLATFORM },
	{ "RSVD-10", EX_FEATURES, FT_SR_IOV },
	{ "RSVD-13", EX_OWN_FEATURES, FT_NOTIF_CONFIG_DATA },
	{ "SPLIT-07", EX_SPLIT_IN_ORDER, FT_COUNT },
	{ "SPLIT-08", EX_SPLIT_IN_ORDER, FT_COUNT },
	{ "SPLIT-13", EX_SPLIT_INDIRECT, FT_IN_ORDER },
	{ "SPLIT-10", EX_SPLIT_INDIRECT, FT_COUNT },
	{ "SPLIT-12", EX_SPLIT_INDIRECT, FT_COUNT },
	{ "SPLIT-14", EX_SPLIT_INDIRECT, FT_COUNT },
	{ "SPLIT-17", EX_SPLIT_FLAGS, FT_COUNT },
	{ "SPLIT-29", EX_SPLIT_FLAGS, FT_COUNT },
	{ "SPLIT-30", EX_SPLIT_FLAGS, FT_COUNT },
	{ "SPLIT-19", EX_SPLIT_EVENT_IDX, FT_COUNT },
	{ "SPLIT-32", EX_SPLIT_EVENT_IDX, FT_COUNT },
	{ "SPLIT-33", EX_SPLIT_EVENT_IDX, FT_COUNT },
	{ "SPLIT-", EX_SPLIT, FT_COUNT },
	{ "PACKED-14", EX_PACKED_INDIRECT, FT_COUNT },
	{ "PACKED-32", EX_PACKED_INDIRECT, FT_COUNT },
	{ "PACKED-33", EX_PACKED_INDIRECT, FT_COUNT },
	{ "PACKED-23", EX_PACKED, FT_NOTIFICATION_DATA },
	{ "PACKED-", EX_PACKED, FT_COUNT },
	{ "NETF-01", EX_FEATURES, FT_GUEST_TSO4 },
	{ "NETF-02", EX_FEATURES, FT_GUEST_TSO6 },
	{ "NETF-03", EX_FEATURES, FT_GUEST_ECN },
	{ "NETF-04", EX_FEATURES, FT_GUEST_UFO },
	{ "NETF-05", EX_FEATURES, FT_GUEST_USO4 },
	{ "NETF-06", EX_FEATURES, FT_GUEST_USO6 },
	{ "NETF-07", EX_FEATURES, FT_GUEST_UDP_TUNNEL_GSO },
	{ "NETF-08", EX_FEATURES, FT_GUEST_UDP_TUNNEL_GSO_CSUM },
	{ "NETF-09", EX_FEATURES, FT_HOST_TSO4 },
	{ "NETF-10", EX_FEATURES, FT_HOST_TSO6 },
	{ "NETF-11", EX_FEATURES, FT_HOST_ECN },
	{ "NETF-12", EX_FEATURES, FT_HOST_UFO },
	{ "NETF-13", EX_FEATURES, FT_HOST_USO },
	{ "NETF-14", EX_FEATURES, FT_HOST_UDP_TUNNEL_GSO },
	{ "NETF-15", EX_FEATURES, FT_HOST_UDP_TUNNEL_GSO_CSUM },
	{ "NETF-16", EX_OWN_FEATURES, FT_CTRL_RX },
	{ "NETF-17", EX_OWN_FEATURES, FT_CTRL_VLAN },
	{ "NETF-18", EX_OWN_FEATURES, FT_GUEST_ANNOUNCE },
	{ "NETF-19", EX_OWN_FEATURES, FT_MQ },
	{ "NETF-20", EX_OWN_FEATURES, FT_CTRL_MAC_ADDR },
	{ "NETF-21", EX_OWN_FEATURES, FT_NOTF_COAL },
	{ "NETF-22", EX_FEATURES, FT_RSC_EXT },
	{ "NETF-23", EX_OWN_FEATURES, FT_RSS },
	{ "NETF-24", EX_OWN_FEATURES, FT_VQ_NOTF_COAL },
	{ "NETF-25", EX_OWN_FEATURES, FT_HASH_TUNNEL },
	{ "NETF-26", EX_OWN_FEATURES, FT_RSS_CONTEXT },
	{ "NETF-27", EX_OWN_FEATURES, FT_CTRL_GUEST_OFFLOADS },
	{ "NETF-31", EX_OWN_FEATURES, FT_HASH_REPORT },
	{ "NETF-32", EX_OWN_FEATURES, FT_CTRL_RX_EXTRA },
	{ "NETF-28", EX_OWN_FEATURES, FT_MAC },
	{ "NETF-29", EX_OWN_FEATURES, FT_MTU },
	{ "NETF-30", EX_OWN_FEATURES, FT_STANDBY },
	{ "NET-02", EX_REGISTERS, FT_COUNT },
	{ "NET-01", EX_RECEIVE, FT_COUNT },
	{ "NET-07", EX_RECEIVE, FT_MTU },
	{ "NET-08", EX_TRANSMIT, FT_MTU },
	{ "NET-12", EX_TRANSMIT, FT_COUNT },
	{ "NET-13", EX_TRANSMIT, FT_COUNT },
	{ "NET-14", EX_TRANSMIT, FT_COUNT },
	{ "NET-15", EX_TRANSMIT, FT_COUNT },
	{ "NET-43", EX_TRANSMIT, FT_COUNT },
	{ "NET-53", EX_TRANSMIT, FT_COUNT },
	{ "NET-40", EX_CHECKSUM, FT_COUNT },
	{ "NET-41", EX_CHECKSUM, FT_COUNT },
	{ "NET-42", EX_CHECKSUM, FT_COUNT },
	{ "NET-57", EX_RECEIVE, FT_GUEST_TSO4 },
	{ "NET-58", EX_RECEIVE, FT_COUNT },
	{ "NET-59", EX_RECEIVE, FT_MRG_RXBUF },
	{ "NET-61", EX_RECEIVE, FT_COUNT },
	{ "NET-19", EX_SEGMENT, FT_COUNT },
	{ "NET-2", EX_SEGMENT, FT_COUNT },
	{ "NET-44", EX_SEGMENT, FT_COUNT },
	{ "NET-45", EX_SEGMENT, FT_COUNT },
	{ "NET-46", EX_SEGMENT, FT_GUEST_HDRLEN },
	{ "NET-47", EX_SEGMENT, FT_COUNT },
	{ "NET-", EX_TUNNEL, FT_COUNT },
	{ "CVQ-01", EX_CONTROL, FT_COUNT },
	{ "CVQ-03", EX_CLASS + 0, FT_COUNT },
	{ "CVQ-04", EX_CLASS + 0, FT_COUNT },
	{ "CVQ-06", EX_CLASS + 1, FT_COUNT },
	{ "CVQ-08", EX_CLASS + 1, FT_COUNT },
	{ "CVQ-10", EX_CLASS + 1, FT_COUNT },
	{ "CVQ-11", EX_CLASS + 2, FT_COUNT },
	{ "CVQ-14", EX_CLASS + 3, FT_COUNT },
	{ "CVQ-19", EX_TRANSMIT, FT_MQ },
	{ "CVQ-33", EX_CLASS + 9, FT_COUNT },
	{ "CVQ-34", EX_CLASS + 9, FT_COUNT },
	{ "CVQ-35", EX_CLASS + 9, FT_COUNT },
	{ "CVQ-36", EX_CLASS + 9, FT_COUNT },
	{ "CVQ-37", EX_CLASS + 7, FT_COUNT },
	{ "CVQ-38", EX_CLASS + 7, FT_COUNT },
	{ "CVQ-40", EX_CLASS + 5, FT_COUNT },
	{ "CVQ-43", EX_CLASS + 6, FT_COUNT },
	{ "CVQ-44", EX_CLASS + 6, FT_COUNT },
	{ "CVQ-45", EX_CLASS + 6, FT_COUNT },
	{ "CVQ-49", EX_CLASS + 8, FT_COUNT },
	{ "CVQ-50", EX_CLASS + 8, FT_COUNT },
	{ "CVQ-51", EX_CLASS + 8, FT_COUNT },
	{ "CVQ-53", EX_CLASS + 8, FT_COUNT },
	{ "CVQ-24", EX_CLASS + 4, FT_HASH_REPORT },
	{ "CVQ-17", EX_CLASS + 4, FT_MQ },
	{ "CVQ-18", EX_CLASS + 4, FT_MQ },
	{ "CVQ-20", EX_CLASS + 4, FT_MQ },
	{ "CVQ-", EX_CLASS + 4, FT_RSS },
};

#define CONDITION_COUNT (sizeof(conditions) / sizeof(conditions[0]))

/* NULL: none is known. */
static const struct condition *report_condition(const struct requirement *requirement)
{
	for (size_t i = 0; i < CONDITION_COUNT; i++)
		if (strncmp(requirement->id, conditions[i].id, strlen(conditions[i].id)) == 0)
			return &conditions[i];
	return NULL;
}

/* How often it could have been violated. */
static uint64_t report_cases(const struct device *device, const struct requirement *requirement)
{
	const struct condition *condition = report_condition(requirement);

	if (condition == NULL || condition->what == EX_NEVER)
		return 0;
	/* Either layout is a case of it. */
	if (strcmp(requirement->id, "GEN-30") == 0)
		return device->exercised[EX_SPLIT] + device->exercised[EX_PACKED];
	if (condition->feature != FT_COUNT && !features_have(&device->ever_accepted, condition->feature))
		return 0;
	return device->exercised[condition->what];
}

/* Does the transport show what it is about? */
static bool report_visible(const struct device *device, const struct requirement *requirement)
{
	const struct transport *transport = device->options->transport;
	const struct condition *condition = report_condition(requirement);

	if (condition == NULL)
		return true;
	switch (condition->what) {
	case EX_REGISTERS:
	case EX_MSIX:
	case EX_RESET:
	case EX_QUEUE_RESET:
	case EX_SUSPEND:
		return transport->registers;
	case EX_STATUS:
		return transport->steps;
	case EX_OWN_FEATURES: /* as device_drivers_own() */
		return transport->steps || features_have(&device->ever_accepted, FT_CTRL_VQ);
	case EX_CONTROL:
	case EX_CLASS ... EX_COUNT - 1:
		return features_have(&device->offered, FT_CTRL_VQ) &&
		       (transport->steps || features_have(&device->ever_accepted, FT_CTRL_VQ));
	default:
		return true;
	}
}

static const char *report_unexercised(const struct device *device,
				      const struct requirement *requirement)
{
	return report_visible(device, requirement) ? "not exercised" : "not visible";
}

static const char *report_verdict(const struct device *device,
				  const struct requirement *requirement)
{
	if (requirement->broken > 0)
		return "broken";
	return report_visible(device, requirement) && report_cases(device, requirement) > 0
		       ? "held"
		       : report_unexercised(device, requirement);
}

static bool report_skipped(const struct device *device, const struct requirement *requirement)
{
	return strncmp(report_verdict(device, requirement), "not", 3) == 0;
}

static const char *report_strength(const struct requirement *requirement)
{
	static const char *const word[] = { "must", "implied", "should" };

	return word[requirement->strength];
}

/* ---- JSON ---- */

static json_t *report_row(const struct device *device, const struct requirement *requirement)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:s?}", "id", requirement->id,
			 "strength", report_strength(requirement), "section",
			 requirement->section, "text", requirement->text, "verdict",
			 report_verdict(device, requirement), "cases",
			 (json_int_t)report_cases(device, requirement), "count",
			 (int)requirement->broken, "first", requirement->first);
}

static int report_json(const struct device *device, FILE *out)
{
	const struct requirement *requirement;
	json_t *rows = json_array();
	json_t *all = json_pack("{s:i, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:o}", "schema", 1,
				"program", "vionet-softnic", "version", VIONET_VERSION,
				"transport", device->options->transport->name, "violations",
				(int)device->violations, "warnings", (int)device->warnings,
				"dma_faults", (int)device->faults, "refused_requests",
				(int)device->protocol_errors, "requirements", rows);
	int result = all == NULL ? -ENOMEM : 0;

	for (size_t i = 0; (requirement = requirement_at(i)) != NULL && result == 0; i++)
		if (json_array_append_new(rows, report_row(device, requirement)) < 0)
			result = -ENOMEM;
	/* Whether it could be written is known when all of it is. */
	if (result == 0)
		(void)json_dumpf(all, out, JSON_INDENT(2));
	json_decref(all);
	fputc('\n', out);
	return result;
}

/* ---- JUnit ---- */

static void report_escaped(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
}

/* What is only recommended fails the run with --strict alone. */
static bool report_fails(const struct device *device, const struct requirement *requirement)
{
	return requirement->broken > 0 &&
	       (requirement->strength != SHOULD || device->options->strict);
}

static void report_case(const struct device *device, const struct requirement *requirement,
			FILE *out)
{
	fputs("  <testcase classname=\"", out);
	report_escaped(requirement->section, out);
	fprintf(out, "\" name=\"%s ", requirement->id);
	report_escaped(requirement->text, out);
	fputs("\">", out);
	if (requirement->broken > 0) {
		bool fails = report_fails(device, requirement);

		fputs(fails ? "<failure message=\"" : "<system-out>", out);
		report_escaped(requirement->first ? requirement->first : "", out);
		fprintf(out, fails ? "\">%u times</failure>" : " (%u times)</system-out>",
			requirement->broken);
	} else if (report_skipped(device, requirement)) {
		fprintf(out, "<skipped message=\"%s\"/>", report_unexercised(device, requirement));
	}
	fputs("</testcase>\n", out);
}

static int report_junit(const struct device *device, FILE *out)
{
	const struct requirement *requirement;
	unsigned int tests = 0, failures = 0, skipped = 0;

	for (size_t i = 0; (requirement = requirement_at(i)) != NULL; i++) {
		tests++;
		failures += report_fails(device, requirement);
		skipped += report_skipped(device, requirement);
	}
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuite name=\"vionet-softnic %s\" tests=\"%u\" failures=\"%u\" "
		"skipped=\"%u\">\n",
		device->options->transport->name, tests, failures, skipped);
	for (size_t i = 0; (requirement = requirement_at(i)) != NULL; i++)
		report_case(device, requirement, out);
	fputs("</testsuite>\n", out);
	return 0;
}

/* ---- the file ---- */

int report_open(struct device *device)
{
	const char *path = device->options->report;

	if (path == NULL)
		return 0;
	device->report = open_output(path);
	if (device->report != NULL)
		return 0;
	complain("%s: %s", path, output_error(errno));
	return -EIO;
}

int report_close(struct device *device)
{
	const char *path = device->options->report, *end;
	int result;

	if (device->report == NULL)
		return 0;
	end = strrchr(path, '.');
	if (end != NULL && strcmp(end, ".xml") == 0)
		result = report_junit(device, device->report);
	else
		result = report_json(device, device->report);
	if (fflush(device->report) != 0)
		result = -errno;
	if (fclose(device->report) != 0 && result == 0)
		result = -errno;
	device->report = NULL;
	if (result < 0)
		complain("%s: %s", path, strerror(-result));
	return result;
}
