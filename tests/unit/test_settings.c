/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings on the command line: what is accepted, what is refused, and the text. */
#include <errno.h>
#include <string.h>

#include "tests/unit/test.h"
#include "tools/shared/settings.h"

#include <vionet/control.h>

static struct settings settings;
static struct parse_error error;

static void take(const char *text)
{
	if (settings_add(&settings, text, &error) != 0)
		fail_msg("'%s': %s", text, error.text);
}

static void refuse(const char *text, const char *words)
{
	static struct settings none;

	memset(&none, 0, sizeof(none));
	memset(&error, 0, sizeof(error));
	assert_int_equal(settings_add(&none, text, &error), -EINVAL);
	if (strstr(error.text, words) == NULL)
		fail_msg("'%s': \"%s\" lacks \"%s\"", text, error.text, words);
	assert_false(settings_any(&none));
}

/* A terminal obeys nothing that was typed, in a key either. */
static void refusals_are_printable(void **state)
{
	(void)state;
	refuse("mac\x1b[2J@x=1", "mac?[2J 'x'");
	assert_null(strchr(error.text, '\x1b'));
	refuse("mac\x1b[2J=1", "mac?[2J");
	assert_null(strchr(error.text, '\x1b'));
}

static void test_values(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0x1f };

	(void)state;
	settings = (struct settings){ 0 };
	take("mac=02:00:00:00:00:1F");
	assert_memory_equal(settings.mac, mac, 6);
	take("promisc=on");
	take("nobcast=on");
	take("nobcast=off"); /* the last one counts */
	assert_true(settings.mode[VIONET_FILTER_PROMISC]);
	assert_false(settings.mode[VIONET_FILTER_NOBCAST]);
	assert_true(settings.have[SETTING_NOBCAST]);
	take("vlan=1,63-65,4094");
	assert_int_equal(settings.vlan[0], 1ULL << 1 | 1ULL << 63);
	assert_int_equal(settings.vlan[1], 3);
	assert_int_equal(settings.vlan[63], 1ULL << 62);
	take("multicast=01:00:5e:00:00:01,33:33:00:00:00:01");
	assert_int_equal(settings.multicast.count, 2);
	take("multicast=none");
	assert_int_equal(settings.multicast.count, 0);
	take("offloads=csum,uso6");
	assert_int_equal(settings.offloads, VIONET_OFFLOAD_CSUM | VIONET_OFFLOAD_USO6);
	assert_false(settings_at_start(&settings));
	take("queues=4");
	assert_true(settings_at_start(&settings));
}

static void test_coalescing(void **state)
{
	(void)state;
	settings = (struct settings){ 0 };
	take("rx-usecs=50");
	take("tx-frames@3=7");
	assert_true(settings.all[0].have_usecs);
	assert_false(settings.all[0].have_frames);
	assert_int_equal(settings.all[0].usecs, 50);
	assert_true(settings.pair[1][3].have_frames);
	assert_int_equal(settings.pair[1][3].frames, 7);
	refuse("rx-usecs@128=1", "from 0 to 127");
	refuse("rx-usecs@=1", "whole number");
	refuse("mac@1=02:00:00:00:00:01", "only rx-usecs");
	refuse("rx-usecs=4294967296", "from 0 to 4294967295");
	refuse("rx-usecs=-1", "whole number");
}

static void test_steering(void **state)
{
	(void)state;
	settings = (struct settings){ 0 };
	take("rss=ipv4,udpv4");
	assert_int_equal(settings.rss_types, VIONET_HASH_IPV4 | VIONET_HASH_UDPV4);
	take("rss=all"); /* what the device has: 0 */
	assert_int_equal(settings.rss_types, 0);
	take("rss-table=0,1,2,127");
	assert_int_equal(settings.table_size, 4);
	assert_int_equal(settings.table[3], 127);
	take("rss-key=6D5a");
	assert_int_equal(settings.rss_key_size, 2);
	assert_int_equal(settings.rss_key[0], 0x6d);
	take("hash-tunnels=vxlan,nvgre");
	assert_int_equal(settings.hash_tunnels,
			 VIONET_TUNNEL_VXLAN | VIONET_TUNNEL_NVGRE);
	refuse("rss=ipv5", "ipv4, tcpv4, udpv4");
	refuse("rss=", "wanted: all");
	refuse("rss-table=0,1,2", "a power of two");
	refuse("rss-table=128", "from 0 to 127");
	refuse("rss-table=", "whole number");
	refuse("rss-key=123", "hexadecimal");
	refuse("rss-key=0:", "hexadecimal");
	refuse("rss-key=[[", "hexadecimal");
	refuse("hash-tunnels=gre", "geneve");
}

static void test_refused(void **state)
{
	char text[700] = "vlan=";

	(void)state;
	refuse("", "KEY=VALUE");
	refuse("promisc", "KEY=VALUE");
	refuse("=on", "KEY=VALUE");
	refuse("speed=10", "there are: queues, mtu, mac");
	refuse("speed=10", "rss-unclassified");
	refuse("promisc=yes", "on, off");
	refuse("mac=02:00:00:00:00", "Ethernet address");
	refuse("mac=01:00:00:00:00:01", "cannot have");
	refuse("mac=00:00:00:00:00:00", "cannot have");
	refuse("unicast=01:00:00:00:00:01", "a group address");
	refuse("multicast=02:00:00:00:00:01", "no group address");
	refuse("unicast=", "Ethernet address");
	refuse("vlan=0", "from 1 to 4094");
	refuse("vlan=4095", "from 1 to 4094");
	refuse("vlan=20-10", "from 20 to 4094");
	refuse("vlan=1,", "whole number");
	refuse("queues=0", "from 1 to 128");
	refuse("mtu=67", "from 68 to 65535");
	memset(text + 5, '1', sizeof(text) - 6);
	refuse(text, "at most 511 characters");
	memset(text, 'k', sizeof(text) - 1);
	refuse(text, "KEY=VALUE");
}

/* A setting requests only the features that it needs. */
static void test_wanted(void **state)
{
	struct vionet_features want = { { 0, 0 } };

	(void)state;
	settings = (struct settings){ 0 };
	take("rx-usecs=1");
	settings_want(&settings, &want);
	assert_int_equal(want.word[0] | want.word[1], 0);
	take("mac=02:00:00:00:00:01");
	take("vlan=5");
	settings_want(&settings, &want);
	assert_int_equal(want.word[0], 1ULL << 18 | 1ULL << 19);
	take("nouni=on");
	take("hash=all");
	take("offloads=tso4");
	settings_want(&settings, &want);
	assert_int_equal(want.word[0], 1ULL << 18 | 1ULL << 19 | 1ULL << 20 |
					       1ULL << 57 | 1ULL << 7 | 1ULL << 1);
	/* TSO also requests what it depends on, but not what the driver accepts by
	 * itself. */
	want = (struct vionet_features){ { 0, 0 } };
	settings = (struct settings){ 0 };
	take("offloads=ecn,udp-tunnel-csum");
	settings_want(&settings, &want);
	assert_int_equal(want.word[0], 1ULL << 1 | 1ULL << 7 | 1ULL << 8 | 1ULL << 9 |
					       1ULL << 54 | 1ULL << 55);
	assert_int_equal(want.word[1], 1ULL << 1 | 1ULL << 2);
}

/* Hashes that are reported without steering by them need RSS to be absent. */
static void test_hash_and_rss(void **state)
{
	struct vionet_features avoid = { { 0, 0 } };

	(void)state;
	settings = (struct settings){ 0 };
	settings_avoid(&settings, &avoid);
	take("hash=ipv4");
	assert_int_equal(avoid.word[0], 0);
	settings_avoid(&settings, &avoid);
	assert_int_equal(avoid.word[0], 1ULL << 60);
	assert_int_equal(settings_check(&settings, &error), 0);
	avoid.word[0] = 0;
	take("rss=ipv4");
	settings_avoid(&settings, &avoid);
	assert_int_equal(avoid.word[0], 0);
	assert_int_equal(settings_check(&settings, &error), 0);
	take("rss=ipv4,tcpv4");
	assert_int_equal(settings_check(&settings, &error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals_are_printable),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_coalescing),
		cmocka_unit_test(test_steering),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_hash_and_rss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
