/* SPDX-License-Identifier: BSD-3-Clause */
/* Bind refuses functions that are in use, on a host of plain files: addresses, routes of
 * each table, upper interfaces, other network namespaces, virtual functions, file systems
 * that come over the interface. */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pci/host/host.h"
#include "tests/unit/bind_fixture.h"
#include "tests/unit/rtnetlink.h"

#define OURS 4 /* index of the interface */

static void assert_refused(const char *text)
{
	int result = bind_nic(0);

	if (result != -EBUSY)
		fail_msg("%d: %s", result, vionet_error_text());
	assert_has(vionet_error_text(), text);
	assert_remedy_code(VIONET_REMEDY_BIND_FORCE, ADDRESS);
	assert_untouched("virtio-pci");
	fake_start(&fake);
}

/* The error names this remedy and no other one; NULL: none. */
static void assert_remedy(const char *remedy)
{
	static const char *const all[] = { "ip link set ens4 down", "ip link set ens4 nomaster" };

	for (size_t i = 0; i < 2; i++) {
		bool wanted = remedy != NULL && strcmp(all[i], remedy) == 0;

		if ((strstr(vionet_error_text(), all[i]) != NULL) != wanted)
			fail_msg("%s: %s", all[i], vionet_error_text());
	}
}

static void assert_free(void)
{
	if (bind_nic(0) != 0)
		fail_msg("%s", vionet_error_text());
	fake_bind(&fake, ADDRESS, "virtio-pci");
	fake_write(&fake, "(null)\n", OVERRIDE);
	fake_clear_log(&fake);
}

/* ---- addresses ---- */

static void interface_with_address(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, "192.0.2.1");
	assert_refused("ens4 is up and has address 192.0.2.1");
	assert_remedy("ip link set ens4 down");
	fake_interface("ens4", true, "2001:db8::7");
	assert_refused("2001:db8::7");
}

static void force_takes_it(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, "192.0.2.1");
	assert_int_equal(bind_nic(VIONET_PCI_BIND_FORCE), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
}

static void interface_not_in_use(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	assert_free();
	fake_interface("ens4", false, "192.0.2.1"); /* down */
	assert_free();
	fake_interface("ens5", true, "192.0.2.1"); /* another */
	assert_free();
	fake_interface("ens4", true, "fe80::1");
	assert_free();
}

/* The second of a failover pair counts like the first. */
static void any_interface_of_the_function(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_write(&fake, "", "sys/bus/pci/devices/" ADDRESS "/virtio3/net/ens4nsby/x");
	fake_interface("ens4nsby", true, "192.0.2.1");
	assert_refused("ens4nsby is up and has address");
}

/* ---- routes ---- */

static void assert_route(bool counts, int family, struct sent message)
{
	const struct fake_reply reply = { .type = RTM_GETROUTE, .family = family,
					  .bytes = message.bytes,
					  .size = message.size };

	fake_netlink(&reply, 1);
	if (counts) {
		assert_refused("has routes");
		assert_remedy("ip link set ens4 down");
	} else {
		assert_free();
	}
	fake_netlink(NULL, 0);
}

#define STATIC_ 4 /* RTPROT_STATIC */
#define V4(...) AF_INET, route(AF_INET, __VA_ARGS__)
#define V6(...) AF_INET6, route(AF_INET6, __VA_ARGS__)

static void routes_count(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, NULL);
	assert_route(true, V4(NULL, 0, OURS, 254, RTPROT_BOOT, RTN_UNICAST));
	assert_route(true, V4("10.0.2.0", 24, OURS, 254, STATIC_, RTN_UNICAST));
	assert_route(true, V6("2001:db8::", 64, OURS, 254, STATIC_, RTN_UNICAST));
	/* Of a policy: another table, with a number of more than a byte too. */
	assert_route(true, V4(NULL, 0, OURS, 100, STATIC_, RTN_UNICAST));
	assert_route(true, V4(NULL, 0, OURS, 51820, STATIC_, RTN_UNICAST));
	assert_route(true, V6(NULL, 0, OURS, 51820, STATIC_, RTN_UNICAST));
}

static void routes_that_do_not_count(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, NULL);
	assert_route(false, V4(NULL, 0, 40, 254, STATIC_, RTN_UNICAST));
	assert_route(false, V4("10.0.2.0", 24, OURS, 254, STATIC_, RTN_UNREACHABLE));
	assert_route(false, V4("169.254.0.0", 16, OURS, 254, STATIC_, RTN_UNICAST));
	assert_route(false, V4("224.0.0.0", 4, OURS, 254, STATIC_, RTN_MULTICAST));
	assert_route(false, V4("10.0.2.255", 32, OURS, 255, RTPROT_KERNEL,
			       RTN_BROADCAST));
	assert_route(false, V6("fe80::", 64, OURS, 254, RTPROT_KERNEL, RTN_UNICAST));
	assert_route(false, V6("ff00::", 8, OURS, 255, RTPROT_KERNEL, RTN_MULTICAST));
	assert_route(false, V6(NULL, 0, OURS, 254, RTPROT_RA, RTN_UNICAST));
	fake_interface("ens4", false, NULL); /* left over from an interface that is down */
	assert_route(false, V4(NULL, 0, OURS, 254, STATIC_, RTN_UNICAST));
}

static void one_way_of_several(void **state)
{
	const struct rtnexthop ways[] = { { .rtnh_len = 8, .rtnh_ifindex = 40 },
					  { .rtnh_len = 8, .rtnh_ifindex = OURS } };
	struct sent message = route(AF_INET, NULL, 0, 0, 100, STATIC_, RTN_UNICAST);

	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, NULL);
	put_attribute(&message, RTA_MULTIPATH, ways, 8);
	assert_route(false, AF_INET, message);
	message = route(AF_INET, NULL, 0, 0, 100, STATIC_, RTN_UNICAST);
	put_attribute(&message, RTA_MULTIPATH, ways, sizeof(ways));
	assert_route(true, AF_INET, message);
}

/* Malformed messages: the driver reads nothing past their end. */
static void messages_cut_short(void **state)
{
	struct sent whole = route(AF_INET, "10.0.2.0", 24, OURS, 254, STATIC_,
				  RTN_UNICAST);

	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, NULL);
	for (uint32_t size = 16; size < whole.size - 4; size += 4) {
		struct sent cut = whole;

		cut.size = size;
		memcpy(cut.bytes, &size, 4);
		assert_route(false, AF_INET, cut);
	}
}

/* ---- what is on top ---- */

/* Up or down: an interface with an upper interface is configured. */
static void member_of_a_bridge(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	for (int up = 0; up < 2; up++) {
		fake_interface("ens4", up, NULL);
		fake_write(&fake, "", "sys/class/net/ens4/upper_br0");
		assert_refused("carries br0");
		assert_remedy(NULL);
	}
}

static void member_by_its_master(void **state)
{
	char path[FAKE_PATH + 64];

	(void)state;
	add_nic("virtio-pci");
	snprintf(path, sizeof(path), "%s/class/net/ens4/master", fake.sys);
	assert_int_equal(symlink("../team0", path), 0);
	assert_refused("carries team0");
	assert_remedy("ip link set ens4 nomaster");
}

static void assert_link(const char *text, struct sent message, int space)
{
	const struct rtgenmsg any = { .rtgen_family = 0 };
	struct fake_reply reply[2] = {
		{ .type = RTM_GETLINK, .space = space, .bytes = message.bytes,
		  .size = message.size },
	};
	struct sent numbers;

	put_head(&numbers, RTM_NEWNSID, &any, sizeof(any));
	put_number(&numbers, NETNSA_NSID, 3);
	reply[1] = (struct fake_reply){ .type = RTM_GETNSID, .bytes = numbers.bytes,
					.size = numbers.size };
	fake_netlink(reply, 2);
	if (text != NULL) {
		assert_refused(text);
		assert_remedy(NULL);
	} else {
		assert_free();
	}
	fake_netlink(NULL, 0);
}

static void interfaces_made_on_it(void **state)
{
	struct sent xdp = interface_message(OURS, "ens4", "", 0, -1);
	const uint8_t attached[] = { 5, 0, IFLA_XDP_ATTACHED, 0, 1, 0, 0, 0 };

	(void)state;
	add_nic("virtio-pci");
	assert_link("carries gre1", interface_message(9, "gre1", "gre", OURS, -1), -1);
	assert_link(NULL, interface_message(9, "v9", "vlan", 40, -1), -1);
	/* Its own index; and a peer in another namespace that has the same index. */
	assert_link(NULL, interface_message(OURS, "ens4", "", 0, -1), -1);
	assert_link(NULL, interface_message(9, "veth9", "veth", OURS, 1), -1);
	put_attribute(&xdp, IFLA_XDP, attached, sizeof(attached));
	assert_link("has an XDP program", xdp, -1);
}

/* A container's macvlan: the kernel shows its lower interface only there. */
static void upper_interfaces_in_other_namespaces(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	assert_link("carries mv0 in another network namespace",
		    interface_message(2, "mv0", "macvlan", OURS, 0), 3);
	assert_link("carries iv0 in another network namespace",
		    interface_message(2, "iv0", "ipvlan", OURS, 0), 3);
	assert_link(NULL, interface_message(2, "eth0", "veth", OURS, 0), 3);
	assert_link(NULL, interface_message(2, "mv0", "macvlan", OURS, -1), 3);
	assert_link(NULL, interface_message(2, "mv0", "macvlan", 40, 0), 3);
}

/* ---- another network namespace ---- */

static void interface_in_another_namespace(void **state)
{
	char path[FAKE_PATH + 96];

	(void)state;
	ADD(.address = ADDRESS, .group = 7, .driver = "virtio-pci");
	assert_free(); /* virtio_net is not loaded: there is no interface */
	fake_write(&fake, "", "sys/bus/pci/devices/" ADDRESS "/virtio3/net/x");
	snprintf(path, sizeof(path), "%s/bus/pci/devices/" ADDRESS "/virtio3/net/x",
		 fake.sys);
	assert_int_equal(unlink(path), 0);
	assert_refused("in another network namespace");
	assert_int_equal(bind_nic(VIONET_PCI_BIND_FORCE), 0);
}

/* ---- virtual functions ---- */

static void virtual_functions(void **state)
{
	static const char *const vfs[] = { "0000:00:04.1", "0000:00:04.2" };
	char node[FAKE_PATH + 8];
	int fd;

	(void)state;
	add_nic("virtio-pci");
	fake_add_vfs(&fake, ADDRESS, vfs, 2);
	ADD(.address = "0000:00:04.2", .group = 9, .driver = "vfio-pci");
	assert_int_equal(bind_nic(0), -EBUSY);
	assert_has(vionet_error_text(), "its 2 virtual functions would be removed");
	assert_has(vionet_error_text(), "devices/" ADDRESS "/sriov_numvfs");
	/* While a process has one open, force does not help: the kernel would wait. */
	vn_host.proc = "/proc";
	snprintf(node, sizeof(node), "%s/9", fake.vfio);
	fd = open(node, O_RDWR);
	assert_int_equal(bind_nic(VIONET_PCI_BIND_FORCE), -EBUSY);
	assert_has(vionet_error_text(), "has 0000:00:04.2 open");
	assert_untouched("virtio-pci");
	fake_start(&fake);
	close(fd);
	assert_int_equal(bind_nic(VIONET_PCI_BIND_FORCE), 0);
	/* vfio-pci takes them along too. */
	assert_int_equal(unbind_one(ADDRESS, NULL), -EBUSY);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
	fake_add_vfs(&fake, ADDRESS, vfs, 0);
	assert_int_equal(unbind_one(ADDRESS, NULL), 0);
}

/* ---- file systems and disks ---- */

static void root_over_the_network(void **state)
{
	struct sent way = route(AF_INET, "10.0.2.2", 32, OURS, 254, 0, RTN_UNICAST);
	const struct fake_reply reply = { .type = RTM_GETROUTE, .family = AF_INET,
					  .bytes = way.bytes, .size = way.size };

	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, "192.0.2.1");
	fake_write(&fake, "10.0.2.2:/root / nfs rw,vers=3,addr=10.0.2.2,x=1 0 0\n",
		   "proc/mounts");
	assert_refused("has address"); /* by another way */
	fake_netlink(&reply, 1);
	assert_refused("carries the file system / (nfs from 10.0.2.2)");
	assert_remedy(NULL);
	fake_write(&fake, "tmpfs / tmpfs rw,addr=10.0.2.2 0 0\n", "proc/mounts");
	assert_refused("has address");
	fake_write(&fake, "10.0.2.2\n",
		   "sys/class/iscsi_connection/connection1:0/address");
	assert_refused("carries a disk (iSCSI from 10.0.2.2)");
	assert_remedy(NULL);
}

/* ---- programs that capture ---- */

#define HEAD "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n"

/* An intrusion detection system needs no address. */
static void captured(void **state)
{
	char link[FAKE_PATH + 32];

	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, NULL);
	fake_write(&fake, HEAD "0000000000000000 3      3    0003   40    1 0      0      8001\n"
			       "0000000000000000 3      3    0003   0     1 0      0      8002\n"
			       "0000000000000000 3      3    0800   4     1 0      101    8003\n"
			       "0000000000000000 3      3    88cc   4     1 0      101    8004\n",
		   "proc/net/packet");
	assert_free(); /* another interface, all of them, DHCP, LLDP */
	fake_write(&fake, HEAD "0000000000000000 3      3    0003   4     1 0      0      8005\n", "proc/net/packet");
	assert_refused("ens4 is up and a process that cannot be seen from here captures on it");
	assert_remedy("ip link set ens4 down");
	fake_write(&fake, "suricata\n", "proc/77/comm");
	fake_write(&fake, "", "proc/77/fd/0");
	snprintf(link, sizeof(link), "%s/77/fd/8", fake.proc);
	assert_int_equal(symlink("socket:[8005]", link), 0);
	assert_refused("process 77 (suricata) captures on it");
	fake_interface("ens4", false, NULL);
	assert_free();
}

/* ---- unreadable: counts as in use ---- */

static void assert_unseen(int code, const char *text)
{
	int result = bind_nic(0);

	if (result != code)
		fail_msg("%d: %s", result, vionet_error_text());
	assert_has(vionet_error_text(), ADDRESS ": whether it is in use");
	assert_has(vionet_error_text(), text);
	assert_untouched("virtio-pci");
	fake_start(&fake);
}

static void requests_that_fail(void **state)
{
	static const struct {
		unsigned int type;
		int family, space, result, code;
		const char *text;
	} cases[] = {
		{ RTM_GETLINK, 0, -1, -EMFILE, -EMFILE, "raise the limit: ulimit -n" },
		{ RTM_GETLINK, 0, -1, -ETIMEDOUT, -EIO, "interfaces: " },
		{ RTM_GETNSID, 0, 0, -EINTR, -EIO, "network namespaces: " },
		{ RTM_GETROUTE, AF_INET, 0, -ENOBUFS, -ENOMEM, "routes: " },
		{ RTM_GETROUTE, AF_INET6, 0, -EACCES, -EACCES, "routes: Permission" },
		/* Kernels that lack a part of it. */
		{ RTM_GETNSID, 0, 0, -EOPNOTSUPP, 0, NULL },
		{ RTM_GETROUTE, AF_INET6, 0, -EAFNOSUPPORT, 0, NULL },
	};

	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fake_reply reply = { .type = cases[i].type,
			.family = cases[i].family, .space = cases[i].space,
			.result = cases[i].result };

		fake_netlink(&reply, 1);
		if (cases[i].code != 0)
			assert_unseen(cases[i].code, cases[i].text);
		if (cases[i].code == -EACCES)
			assert_remedy_code(VIONET_REMEDY_BIND_FORCE, ADDRESS);
		if (cases[i].code == 0)
			assert_free();
	}
	fake_netlink(NULL, 0);
}

/* A namespace that may not be entered; one that has ended; more than a few. */
static void namespaces_that_cannot_be_read(void **state)
{
	static struct sent numbers[1500];
	static struct fake_reply reply[1502];
	const struct rtgenmsg any = { .rtgen_family = 0 };
	struct sent mv0 = interface_message(2, "mv0", "macvlan", OURS, 0);

	(void)state;
	add_nic("virtio-pci");
	for (int i = 0; i < 1500; i++) {
		put_head(&numbers[i], RTM_NEWNSID, &any, sizeof(any));
		put_number(&numbers[i], NETNSA_NSID, (uint32_t)i);
		reply[i] = (struct fake_reply){ .type = RTM_GETNSID,
			.bytes = numbers[i].bytes, .size = numbers[i].size };
	}
	reply[1500] = (struct fake_reply){ .type = RTM_GETLINK, .space = 7,
					   .result = -EACCES };
	fake_netlink(reply, 1501);
	assert_unseen(-EACCES, "interfaces of another network namespace");
	assert_int_equal(bind_nic(VIONET_PCI_BIND_FORCE), 0);
	fake_bind(&fake, ADDRESS, "virtio-pci");
	fake_write(&fake, "(null)\n", OVERRIDE);
	fake_clear_log(&fake);
	reply[1500].result = -EINVAL;
	fake_netlink(reply, 1501);
	assert_free();
	reply[1501] = (struct fake_reply){ .type = RTM_GETLINK, .space = 1499,
					   .bytes = mv0.bytes, .size = mv0.size };
	fake_netlink(reply, 1502);
	assert_refused("carries mv0 in another network namespace");
	fake_netlink(NULL, 0);
}

static int no_addresses(struct ifaddrs **list)
{
	(void)list;
	errno = EMFILE;
	return -1;
}

static void files_that_cannot_be_read(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, NULL);
	fake_spoil(&fake, "proc/net/packet");
	assert_unseen(-EIO, "/net/packet: Is a directory");
	fake_spoil(&fake, "proc/mounts");
	assert_unseen(-EIO, "/mounts: Is a directory");
	/* An address counts, even if the rest cannot be read. */
	fake_interface("ens4", true, "192.0.2.1");
	assert_refused("has address 192.0.2.1");
	vn_host.proc = "/nowhere";
	fake_interface("ens4", true, NULL);
	assert_unseen(-EIO, "/nowhere/mounts: No such file");
	fake_interface("ens4", false, NULL);
	fake_spoil(&fake, "sys/class/net/ens4/ifindex");
	assert_unseen(-EIO, "its number");
	fake_write(&fake, "", "sys/bus/vdpa/devices");
	vn_host.addresses = no_addresses;
	assert_unseen(-EMFILE, "network addresses: ");
	fake_spoil(&fake, "sys/bus/pci/devices/" ADDRESS "/sriov_numvfs");
	assert_unseen(-EIO, "its virtual functions");
	assert_int_equal(bind_nic(VIONET_PCI_BIND_FORCE), -EIO);
	assert_untouched("virtio-pci");
}

/* /proc takes one descriptor, a folder in it another one. */
static int user_with(int limit, const char *node)
{
	struct rlimit before, little;
	char text[128];
	int result;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	little = (struct rlimit){ (rlim_t)limit, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &little), 0);
	result = vn_node_user(node, text, sizeof(text));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	return result;
}

static void processes_that_cannot_be_read(void **state)
{
	char node[FAKE_PATH + 8], text[128];
	int fd, first, second;

	(void)state;
	add_nic("vfio-pci");
	fake_stop(&fake); /* its thread opens files too */
	vn_host.proc = "/proc";
	snprintf(node, sizeof(node), "%s/7", fake.vfio);
	fd = open(node, O_RDWR);
	assert_true(fd >= 0);
	first = dup(fd);
	second = dup(fd);
	close(first);
	close(second);
	assert_int_equal(user_with(first, node), -EMFILE);
	assert_int_equal(user_with(first + 1, node), -EMFILE);
	assert_int_equal(user_with(second + 1, node), 1);
	close(fd);
	assert_int_equal(vn_node_user(node, text, sizeof(text)), 0);
	vn_host.proc = "/nowhere";
	assert_int_equal(vn_node_user(node, text, sizeof(text)), -ENOENT);
	assert_string_equal(text, "");
}

static void a_vdpa_folder_that_cannot_be_read(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_write(&fake, "", "sys/bus/vdpa/devices");
	assert_unseen(-EIO, "bus/vdpa/devices: Not a directory");
}

/* Refused while a process has this node, which the command makes in the function's folder. */
static void assert_node_counts(const char *driver, const char *name, const char *line)
{
	char node[FAKE_PATH + 32], all[4 * FAKE_PATH + 256];
	int fd;

	ADD(.address = ADDRESS, .group = 7, .driver = driver);
	snprintf(node, sizeof(node), "%s/../%s", fake.vfio, name);
	snprintf(all, sizeof(all), "cd %s/bus && touch %s && %s", fake.sys, node, line);
	assert_int_equal(system(all), 0);
	vn_host.proc = "/proc";
	fd = open(node, O_RDWR | O_CLOEXEC);
	assert_int_equal(bind_nic(0), -EBUSY);
	assert_has(vionet_error_text(), "has it open (");
	assert_string_equal(fake_driver(&fake, ADDRESS), driver);
	close(fd);
	assert_int_equal(bind_nic(0), 0);
}

/* As the kernel has it: the device below the function, its node in its folder, and no class. */
static void a_vdpa_device_that_a_process_has(void **state)
{
	(void)state;
	assert_node_counts("virtio-pci", "vhost-vdpa-5",
			   "mkdir -p pci/devices/" ADDRESS "/vdpa0/vhost-vdpa-5 vdpa/devices && "
			   "ln -s ../../pci/devices/" ADDRESS "/vdpa0 vdpa/devices/vdpa0");
}

static void a_uio_device_that_a_process_has(void **state)
{
	(void)state;
	fake_add_driver(&fake, "uio_pci_generic");
	assert_node_counts("uio_pci_generic", "uio3", "mkdir -p pci/devices/" ADDRESS "/uio/uio3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(interface_with_address),
		TEST(force_takes_it),
		TEST(interface_not_in_use),
		TEST(any_interface_of_the_function),
		TEST(routes_count),
		TEST(routes_that_do_not_count),
		TEST(one_way_of_several),
		TEST(messages_cut_short),
		TEST(member_of_a_bridge),
		TEST(member_by_its_master),
		TEST(interfaces_made_on_it),
		TEST(upper_interfaces_in_other_namespaces),
		TEST(interface_in_another_namespace),
		TEST(virtual_functions),
		TEST(root_over_the_network),
		TEST(captured),
		TEST(requests_that_fail),
		TEST(namespaces_that_cannot_be_read),
		TEST(files_that_cannot_be_read),
		TEST(processes_that_cannot_be_read),
		TEST(a_vdpa_folder_that_cannot_be_read),
		TEST(a_vdpa_device_that_a_process_has),
		TEST(a_uio_device_that_a_process_has),
	};

	return cmocka_run_group_tests_name("bind_use", tests, NULL, NULL);
}
