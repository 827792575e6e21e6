/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings and values of options, a line each: those that are accepted say what they hold, and a refusal says why. The
 * control socket hands lines of other processes to the same code. */
#include <errno.h>
#include <string.h>

#include <vionet/error.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/world.h"
#include "tools/shared/settings.h"

#define LINE_SIZE 600

const char *const fuzz_words[] = { "mac=02:00:00:00:00:01", "promisc=on", "vlan=1,63-65", "multicast=none", "offloads=csum,uso6",
				   "rx-usecs=", "rss=all", "rss-table=0,1,2", "rss-key=", "queues=4", "rate=10k", "cpus=0,2-5", "off", "none",
				   "all", NULL };

static void line_check(int result, const struct parse_error *error)
{
	char clean[PARSE_ERROR_MAX];

	FUZZ_CHECK(result == 0 || result == -EINVAL);
	if (result == 0)
		return;
	/* A sentence, of printable characters. */
	FUZZ_CHECK(error->text[0] != '\0' && memchr(error->text, '\0', sizeof(error->text)));
	strcpy(clean, error->text);
	FUZZ_CHECK(strcmp(vionet_text_clean(clean), error->text) == 0);
}

static void line_set(struct settings *settings, const char *line)
{
	struct parse_error error = { "" };
	struct vionet_features features = { .word = { 0 } };
	int result = settings_add(settings, line, &error);

	line_check(result, &error);
	FUZZ_CHECK(result != 0 || settings_any(settings));
	FUZZ_CHECK(settings->table_size <= SETTING_TABLE_MAX && settings->rss_key_size <= SETTING_RSS_KEY_MAX);
	FUZZ_CHECK(settings->unicast.count <= SETTING_MACS_MAX && settings->multicast.count <= SETTING_MACS_MAX);
	(void)settings_at_start(settings);
	(void)settings_has_rss(settings);
	settings_want(settings, &features);
	settings_need(settings, &features);
	settings_avoid(settings, &features);
	error.text[0] = '\0';
	line_check(settings_check(settings, &error), &error);
}

static void line_values(const char *line)
{
	static const char *const words[] = { "on", "off", "auto", NULL };
	struct parse_error error = { "" };
	struct vionet_features features = { .word = { 0 } };
	struct cpu_list cpus;
	struct rate rate;
	uint64_t value;
	uint32_t power, address;
	uint8_t mac[6];
	int position;

	line_check(parse_whole("whole", line, 1, 1000, &value, &error), &error);
	line_check(parse_count("count", line, 0, UINT64_MAX, &value, &error), &error);
	line_check(parse_power_of_two("power", line, 2, 32768, &power, &error), &error);
	line_check(parse_duration("duration", line, line[0] & 1, &value, &error), &error);
	line_check(parse_rate("rate", line, &rate, &error), &error);
	line_check(parse_mac("mac", line, mac, &error), &error);
	line_check(parse_ipv4("address", line, &address, &error), &error);
	line_check(parse_features("features", line, &features, &error), &error);
	if (parse_word("word", line, words, &position, &error) == 0)
		FUZZ_CHECK(position >= 0 && position < 3);
	if (parse_cpus("cpus", line, &cpus, &error) == 0)
		FUZZ_CHECK(cpus.count != 0 && cpus.count <= sizeof(cpus.cpu) / sizeof(cpus.cpu[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct settings settings;
	char line[LINE_SIZE];
	size_t length = 0;

	memset(&settings, 0, sizeof(settings));
	for (size_t i = 0; i <= size; i++) {
		if (i < size && bytes[i] != '\n' && bytes[i] != '\0') {
			if (length + 1 < sizeof(line))
				line[length++] = (char)bytes[i];
			continue;
		}
		line[length] = '\0';
		line_set(&settings, line);
		line_values(line);
		length = 0;
	}
	return 0;
}
