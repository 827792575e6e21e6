/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pci/host/host.h"
#include "tests/fuzz/refuse.h"
#include "tests/fuzz/world.h"

#define ENTRIES 512
#define EDITS 24
#define CONTENT 320

struct fake_sysfs fuzz_tree;

static const struct {
	struct fake_function function;
	const char *node;
} functions[] = {
	{ { .address = TREE_VFIO, .group = 7, .driver = "vfio-pci" }, TREE_NODE },
	{ { .address = "0000:00:05.0", .group = 8, .driver = "virtio-pci", .interface = "ens5" }, NULL },
	{ { .address = "0000:00:05.1", .group = 8, .virtual = true }, NULL },
	{ { .address = TREE_UNSAFE, .group = 3, .group_name = "vfio-noiommu\n", .driver = "vfio-pci" }, TREE_UNSAFE_NODE },
	{ { .address = "0000:00:07.0", .vendor = 0x8086, .device = 0x10d3, .group = 9, .driver = "e1000e" }, NULL },
	{ { .address = "0000:00:08.0", .group = 9, .driver = "virtio-pci", .interface = "eth8", .plain_net = true, .device = 0x1000 }, NULL },
	{ { .address = "0000:00:09.0", .device = 0x1042, .group = -1 }, NULL },
};
static const struct fake_function beside = { .address = TREE_BESIDE, .group = 7, .driver = "vfio-pci" };
/* By itself in its group, so that nothing but what is done with its interface is in the way. */
static const struct fake_function alone = { .address = "0000:00:0c.0", .group = 12, .driver = "virtio-pci", .interface = "ens12" };
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static const char *const vdpa_driver[] = { "vhost_vdpa", "virtio_vdpa" };

/* Files, links and folders of the tree, in order. */
static struct {
	char *path[ENTRIES];
	unsigned int count;
	struct {
		const char *path;
		char own[FAKE_PATH]; /* of one that is new */
		bool was_there;
	} edit[EDITS];
	unsigned int edits;
	bool written, moved;
	unsigned int looks;
} tree;

/* ---- making it ---- */

static int tree_note(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type;
	if (where->level < 2)
		return 0;
	FUZZ_CHECK(tree.count < ENTRIES);
	tree.path[tree.count] = strdup(path);
	FUZZ_CHECK(tree.path[tree.count++]);
	return 0;
}

static int tree_by_name(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void tree_remove(void)
{
	fake_destroy(&fuzz_tree);
}

static void tree_link(const char *target, const char *name)
{
	char path[2 * FAKE_PATH];

	snprintf(path, sizeof(path), "%s/%s", fuzz_tree.root, name);
	FUZZ_CHECK(symlink(target, path) == 0);
}

static void tree_add_vdpa(void)
{
	static const char *const files[] = {
		"bus/vdpa/drivers_probe", "bus/vdpa/drivers/vhost_vdpa/bind", "bus/vdpa/drivers/vhost_vdpa/unbind",
		"bus/vdpa/drivers/virtio_vdpa/bind", "bus/vdpa/drivers/virtio_vdpa/unbind", "bus/vdpa/devices/v0/driver_override",
		"bus/vdpa/devices/v1/driver_override", "bus/vdpa/devices/v0/vhost-vdpa-0/dev", "bus/vdpa/devices/v1/virtio9/net/eth9/mtu"
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		fake_write(&fuzz_tree, "", "sys/%s", files[i]);
	fake_write(&fuzz_tree, "9\n", "sys/class/net/eth9/ifindex");
	fake_write(&fuzz_tree, "", "dev/vhost-vdpa-0");
	/* One below a function. */
	fake_write(&fuzz_tree, "", "sys/bus/pci/devices/0000:00:08.0/v2/vhost-vdpa-2/dev");
	fake_write(&fuzz_tree, "", "dev/vhost-vdpa-2");
	tree_link("../../pci/devices/0000:00:08.0/v2", "sys/bus/vdpa/devices/v2");
}

static void tree_add_files(void)
{
	static const char *const vfs[] = { "0000:00:05.1" };
	char node[2 * FAKE_PATH];

	fake_write(&fuzz_tree, "Y\n", "sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	fake_write(&fuzz_tree, "D0\n", "sys/bus/pci/devices/0000:00:05.0/power_state");
	fake_write(&fuzz_tree, "198.51.100.1\n", "sys/class/iscsi_connection/connection1:0/address");
	fake_write(&fuzz_tree, "/dev/sda / ext4 rw 0 0\nproc /proc\n192.0.2.1:/x /mnt nfs rw,addr=192.0.2.1 0 0\n2001:db8::1:/y /y nfs4 rw,x 0 0\n"
			       ":/ /z nfs4 rw 0 0\nhost:/ /h ceph rw,addr=192.0.2.1,x 0 0\n",
		   "proc/mounts");
	fake_write(&fuzz_tree, "/sbin/modprobe\n", "proc/sys/kernel/modprobe");
	fake_write(&fuzz_tree, "qemu\n", "proc/123/comm");
	fake_write(&fuzz_tree, "", "dev/vfio/noiommu-3");
	fake_add_vfs(&fuzz_tree, "0000:00:05.0", vfs, 1);
	tree_link("../0000:00:05.0", "sys/bus/pci/devices/0000:00:05.1/physfn");
	fake_add_driver(&fuzz_tree, "e1000e");
	fake_add_core_user(&fuzz_tree, "mlx5_vfio_pci", "mlx5_vfio_pci");
	fake_write(&fuzz_tree, "", "proc/123/fd/0");
	snprintf(node, sizeof(node), "%s/vfio", fuzz_tree.vfio);
	tree_link(node, "proc/123/fd/9");
}

static void tree_add_node(const char *address, const char *name)
{
	fake_add_vfio_dev(&fuzz_tree, address, name);
	fake_write(&fuzz_tree, "511:0\n", "sys/bus/pci/devices/%s/vfio-dev/%s/dev", address, name);
	fake_write(&fuzz_tree, "", "dev/vfio/devices/%s", name);
}

static int tree_addresses(struct ifaddrs **list);
static void tree_addresses_free(struct ifaddrs *list);
static ssize_t tree_datagram(void *bytes, size_t size);
static bool tree_spawned(const char *program);
static void tree_was_written(void);

static void tree_make(void)
{
	fake_create(&fuzz_tree);
	atexit(tree_remove);
	for (size_t i = 0; i < FUNCTIONS; i++) {
		fake_add_function(&fuzz_tree, &functions[i].function);
		if (functions[i].node)
			tree_add_node(functions[i].function.address, functions[i].node);
	}
	fake_write(&fuzz_tree, "", "dev/iommu");
	tree_add_files();
	tree_add_vdpa();
	nftw(fuzz_tree.root, tree_note, 16, FTW_PHYS);
	qsort(tree.path, tree.count, sizeof(tree.path[0]), tree_by_name);
	/* Not among those that inputs change. */
	fake_add_function(&fuzz_tree, &beside);
	fake_add_function(&fuzz_tree, &alone);
	tree_add_node(beside.address, "vfio11");
	fake_write(&fuzz_tree, "", "gone/0");
	fake_write(&fuzz_tree, "", "proc/net/packet");
	tree_link("socket:[777]", "proc/123/fd/7");
	fuzz_datagram = tree_datagram;
	fuzz_spawned = tree_spawned;
	fuzz_written = tree_was_written;
}

/* ---- changing it, and back ---- */

static int tree_remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type, (void)where;
	return remove(path);
}

static void tree_drop(const char *path)
{
	if (remove(path) != 0 && errno != ENOENT && errno != ENOTDIR)
		nftw(path, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void tree_place(unsigned int edit, char path[FAKE_PATH])
{
	snprintf(path, FAKE_PATH, "%.63s/gone/%u", fuzz_tree.root, edit + 1);
}

static void tree_undo(void)
{
	char place[FAKE_PATH];

	while (tree.edits != 0) {
		tree_drop(tree.edit[--tree.edits].path);
		tree_place(tree.edits, place);
		/* Its folder may have gone with a driver, and comes back with all that is in it (tree_bind_all). */
		if (tree.edit[tree.edits].was_there && rename(place, tree.edit[tree.edits].path) != 0)
			tree_drop(place);
	}
}

/* Which drivers have the devices is as in the beginning. */
static void tree_bind_all(void)
{
	for (size_t i = 0; i < FUNCTIONS; i++) {
		const struct fake_function *f = &functions[i].function;

		fake_bind(&fuzz_tree, f->address, f->driver);
		fake_write(&fuzz_tree, "(null)\n", "sys/bus/pci/devices/%s/driver_override", f->address);
		if (functions[i].node)
			tree_add_node(f->address, functions[i].node);
	}
	fake_bind(&fuzz_tree, alone.address, alone.driver);
	fake_write(&fuzz_tree, "(null)\n", "sys/bus/pci/devices/%s/driver_override", alone.address);
	fake_bind(&fuzz_tree, beside.address, beside.driver);
	fake_write(&fuzz_tree, "(null)\n", "sys/bus/pci/devices/%s/driver_override", beside.address);
	tree_add_node(beside.address, "vfio11");
	fuzz_tree.bus = "vdpa";
	for (unsigned int i = 0; i < 3; i++) {
		char name[] = { 'v', (char)('0' + i), '\0' };

		fake_bind(&fuzz_tree, name, vdpa_driver[i == 1]);
		fake_write(&fuzz_tree, "(null)\n", "sys/bus/vdpa/devices/%s/driver_override", name);
	}
	fuzz_tree.bus = "pci";
}

static void tree_restore(void)
{
	tree_undo();
	if (!tree.moved)
		return;
	tree_bind_all();
	for (unsigned int i = 0; i < tree.count; i++) {
		const char *name = strrchr(tree.path[i], '/');

		if (strcmp(name, "/bind") == 0 || strcmp(name, "/unbind") == 0 || strcmp(name, "/drivers_probe") == 0)
			FUZZ_CHECK(truncate(tree.path[i], 0) == 0);
	}
}

static void tree_put(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return; /* its folder is gone */
	FUZZ_CHECK(write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}

/* Some bytes of a file are others. */
static void tree_patch(const char *from, const char *to)
{
	uint8_t bytes[CONTENT] = { 0 };
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, bytes, 256);

	if (fd >= 0)
		close(fd);
	if (size < 0)
		size = 0;
	for (unsigned int i = 1 + (fuzz_take8() & 15); i != 0; i--)
		bytes[fuzz_take8()] = fuzz_take8();
	tree_put(to, bytes, (size_t)size);
}

static void tree_put_word(const char *path)
{
	static const char *const words[] = { "", "Y\n", "N\n", "0\n", "1\n", "-1\n", "7\n", "8\n", "99999999999999999999\n", "0x1af4\n", "0x1041\n",
					     "0x1000\n", "0x8086\n", "0x060400\n", "0x020000\n", "vfio-pci\n", "virtio-pci\n", "(null)\n", "vfio-noiommu\n", "D3cold\n", "x y nfs a 0 0\nhost:/ / nfs4 rw,addr=2001:db8::1,x 0 0\n", "127.0.0.1:/ / ceph 1,addr= 0 0\n" };
	const char *word = words[fuzz_take8() % (sizeof(words) / sizeof(words[0]))];

	tree_put(path, word, strlen(word));
}

static void tree_put_link(const char *path)
{
	char target[64] = { 0 };
	unsigned int which = fuzz_take16();
	const char *to = tree.path[which % tree.count];

	if (which & 0x8000) {
		(void)fuzz_take_bytes(target, fuzz_take8() % 63);
		to = target;
	}
	(void)symlink(to, path);
}

/* What is not there is made in its folder. */
static const char *tree_new_name(char room[FAKE_PATH], const char *neighbour)
{
	static const char *const names[] = { "upper_br0", "master", "vhost-vdpa-1", "virtfn1", "vfio-dev", "net", "driver", "iommu_group", "name", "power_state",
					     "current_link_width", "physfn", "sriov_numvfs", "9", "module" };
	const char *base = strrchr(neighbour, '/');

	snprintf(room, FAKE_PATH, "%.*s/%s", (int)(base - neighbour), neighbour, names[fuzz_take8() % (sizeof(names) / sizeof(names[0]))]);
	return room;
}

static void tree_edit(void)
{
	unsigned int what = fuzz_take8(), which = fuzz_take16() % tree.count, edit = tree.edits;
	char place[FAKE_PATH], bytes[CONTENT];
	const char *path = tree.path[which];

	if (edit == EDITS)
		return;
	if (what & 0x10)
		path = tree_new_name(tree.edit[edit].own, path);
	tree_place(edit, place);
	tree.edit[edit].path = path;
	tree.edit[edit].was_there = rename(path, place) == 0;
	if (!tree.edit[edit].was_there && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return; /* it stays as it is */
	tree.edits++;
	switch (what & 7) {
	case 0:
		tree_put(path, bytes, fuzz_take_bytes(bytes, what & 0x20 ? CONTENT : fuzz_take8() & 31));
		break;
	case 1:
		break;
	case 2:
		(void)mkdir(path, 0755);
		break;
	case 3:
		tree_put_link(path);
		break;
	case 4:
	case 5:
		tree_put_word(path);
		break;
	default:
		tree_patch(place, path);
	}
}

void fuzz_tree_hide(const char *path)
{
	unsigned int edit = tree.edits;
	char place[FAKE_PATH];

	if (edit == EDITS)
		return;
	fuzz_aside_begin();
	snprintf(tree.edit[edit].own, FAKE_PATH, "%.63s/%s", fuzz_tree.root, path);
	tree.edit[edit].path = tree.edit[edit].own;
	tree_place(edit, place);
	tree.edit[edit].was_there = rename(tree.edit[edit].path, place) == 0;
	tree.edits++;
	fuzz_aside_end();
}

void fuzz_tree_edit(void)
{
	fuzz_aside_begin();
	tree_edit();
	fuzz_aside_end();
}

void fuzz_tree_begin(void)
{
	unsigned int how;

	fuzz_aside_begin();
	if (tree.count == 0)
		tree_make();
	tree_restore();
	tree.written = tree.moved = false;
	tree.looks = 0;
	how = fuzz_take8();
	fuzz_tree.kernel = (struct fake_kernel){ .default_driver = how & 0x10 ? NULL : "virtio-pci" };
	if (how & 0x20)
		fuzz_tree.kernel.refuses = "vfio-pci";
	if (how & 0x40)
		fuzz_tree.kernel.refuses_too = "virtio-pci";
	if (how & 0x80)
		fuzz_tree.kernel.clings = how & 8 ? "vfio-pci" : "virtio-pci";
	vn_host.wait_ms = vn_host.modprobe_ms = 12;
	vn_host.addresses = tree_addresses;
	vn_host.addresses_free = tree_addresses_free;
	vn_host.netlink = vn_netlink_request;
	vn_host.modprobe[0] = how & 8 ? "/sbin/modprobe" : NULL;
	for (unsigned int i = how & 7; i != 0; i--)
		tree_edit();
	fuzz_aside_end();
}

/* ---- the kernel ---- */

static void tree_was_written(void)
{
	tree.written = tree.moved = true;
}

void fuzz_tree_meanwhile(void)
{
	if (tree.written) {
		tree.written = false;
		fake_clear_log(&fuzz_tree);
		fake_serve(&fuzz_tree);
		fuzz_tree.bus = "vdpa";
		fake_serve(&fuzz_tree);
		fuzz_tree.bus = "pci";
	}
	/* Things change while they are looked at. */
	if (++tree.looks % 16 == 0 && fuzz_take8() >= 0xf0)
		tree_edit();
}

/* A module is loaded: its driver is there. */
static bool tree_spawned(const char *program)
{
	(void)program;
	fuzz_aside_begin();
	if (fuzz_take8() & 1)
		fuzz_tree_meanwhile();
	else
		tree_undo();
	fuzz_aside_end();
	return true;
}

static const char *const interfaces[] = { "ens5", "eth8", "eth9", "ens12" };

/* Which packet sockets there are: none, or one that a process of 123 has on ens5. */
static void tree_capture(bool captures)
{
	static bool before;

	if (captures == before)
		return;
	before = captures;
	fuzz_aside_begin();
	fake_write(&fuzz_tree, captures ? "sk RefCnt Type Proto Iface R Rmem User Inode\n1 3 3 0003 4 1 0 0 777\n2 3 3 88cc 4 1 0 0 778\n" : "",
		   "proc/net/packet");
	fuzz_aside_end();
}

static int tree_addresses(struct ifaddrs **list)
{
	static struct ifaddrs interface[3];
	static struct sockaddr_in6 address[3];
	unsigned int how = fuzz_take8();

	*list = NULL;
	tree_capture((how & 0x40) != 0);
	if (how == 0xff) {
		errno = EIO;
		return -1;
	}
	for (unsigned int i = 0; i < (how & 3); i++) {
		unsigned int what = fuzz_take8();

		memset(&address[i], 0, sizeof(address[i]));
		address[i].sin6_family = what & 4 ? AF_INET6 : what & 8 ? AF_INET
									: AF_PACKET;
		(void)fuzz_take_bytes(&address[i].sin6_addr, what >> 6);
		interface[i] = (struct ifaddrs){ .ifa_next = *list, .ifa_name = (char *)(uintptr_t)interfaces[what & 3], .ifa_flags = what & 0x10 ? IFF_UP : 0, .ifa_addr = what & 0x20 ? NULL : (void *)&address[i] };
		*list = &interface[i];
	}
	return 0;
}

static void tree_addresses_free(struct ifaddrs *list)
{
	(void)list;
}

/* ---- rtnetlink ---- */

static size_t tree_attribute(uint8_t *at)
{
	static const uint16_t types[] = { RTA_DST, RTA_OIF, RTA_MULTIPATH, RTA_TABLE, IFLA_LINK, IFLA_IFNAME, IFLA_LINKINFO, IFLA_XDP, IFLA_LINK_NETNSID, 1, 2 };
	static const uint8_t indices[] = { 4, 9, 0, 255 };
	unsigned int what = fuzz_take8();
	struct rtattr head = { .rta_type = types[(what & 15) % (sizeof(types) / sizeof(types[0]))] };
	uint8_t bytes[32] = { 0 };
	size_t size = 4;

	bytes[0] = indices[what >> 4 & 3];
	if (what & 0x40)
		size = fuzz_take_bytes(bytes, fuzz_take8() & 31);
	if (what & 0x80 && head.rta_type == RTA_MULTIPATH) {
		memcpy(bytes, &(struct rtnexthop){ .rtnh_len = sizeof(struct rtnexthop), .rtnh_ifindex = indices[what >> 4 & 3] }, sizeof(struct rtnexthop));
		size = sizeof(struct rtnexthop);
	} else if (what & 0x80 && size < 24) { /* inside another one */
		memcpy(bytes, &(struct rtattr){ .rta_len = 12, .rta_type = what & 0x10 ? IFLA_XDP_ATTACHED : IFLA_INFO_KIND }, 4);
		memcpy(bytes + 4, "macvlan", 8);
		size = 12;
	}
	head.rta_len = (uint16_t)(sizeof(head) + size);
	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), bytes, sizeof(bytes));
	return RTA_ALIGN(sizeof(head) + size);
}

static size_t tree_message(uint8_t *at)
{
	static const uint16_t types[] = { NLMSG_DONE, NLMSG_ERROR, RTM_NEWLINK, RTM_NEWROUTE, RTM_NEWNSID, RTM_NEWADDR };
	unsigned int what = fuzz_take8(), kind = what & 7;
	struct nlmsghdr head = { .nlmsg_type = kind >= 2 && kind < 6 ? fuzz_netlink_answer : types[kind % 6], .nlmsg_flags = what & 0x80 ? NLM_F_DUMP_INTR : 0 };
	struct rtmsg route = { .rtm_family = what & 8 ? AF_INET : AF_INET6, .rtm_type = RTN_UNICAST, .rtm_protocol = what & 0x40 ? RTPROT_KERNEL : RTPROT_STATIC, .rtm_dst_len = 32 };
	struct ifinfomsg link = { .ifi_index = what & 0x40 ? 9 : what & 8 ? 4
									  : 2 };
	size_t size = NLMSG_HDRLEN;

	if (kind == 5) {
		route.rtm_type = fuzz_take8() & 7;
		route.rtm_protocol = fuzz_take8() & 15;
		route.rtm_flags = fuzz_take8() & 1 ? RTM_F_CLONED : 0;
		route.rtm_dst_len = fuzz_take8();
	}
	if (head.nlmsg_type == RTM_NEWROUTE) {
		memcpy(at + size, &route, sizeof(route));
		size += NLMSG_ALIGN(sizeof(route));
	} else if (head.nlmsg_type == RTM_NEWLINK) {
		memcpy(at + size, &link, sizeof(link));
		size += NLMSG_ALIGN(sizeof(link));
	} else {
		memset(at + size, 0, 4);
		size += 4;
	}
	if (head.nlmsg_type == NLMSG_ERROR)
		memcpy(at + NLMSG_HDRLEN, &(int32_t){ -(int32_t)(fuzz_take8() & 127) }, 4);
	for (unsigned int i = what >> 4 & 3; i != 0; i--)
		size += tree_attribute(at + size);
	head.nlmsg_len = (uint32_t)size;
	memcpy(at, &head, sizeof(head));
	return size;
}

static ssize_t tree_datagram(void *bytes, size_t size)
{
	static const int errors[] = { EINTR, ENOBUFS, EAGAIN, EIO };
	unsigned int what = fuzz_take8();
	uint8_t *at = bytes;

	(void)size;
	if (what >= 0xfc) {
		errno = errors[what & 3];
		return -1;
	}
	if (what & 0x80)
		return (ssize_t)fuzz_take_bytes(bytes, fuzz_take8());
	for (unsigned int i = what & 3; i != 0; i--)
		at += tree_message(at);
	if (what & 0x40 && at != bytes)
		((uint8_t *)bytes)[fuzz_take8() % (at - (uint8_t *)bytes)] = fuzz_take8();
	if (!(what & 0x20)) {
		memset(at, 0, NLMSG_HDRLEN + 4);
		memcpy(at, &(struct nlmsghdr){ .nlmsg_len = NLMSG_HDRLEN + 4, .nlmsg_type = NLMSG_DONE }, NLMSG_HDRLEN);
		at += NLMSG_HDRLEN + 4;
	}
	return at - (uint8_t *)bytes;
}

/* ---- names ---- */

static const char *tree_name(char *room, size_t size, const char *const *names, unsigned int count)
{
	unsigned int what = fuzz_take8();

	if (what < 0xe0)
		return what >= 0xd8 && names[0][0] == '0' ? alone.address : names[what % count];
	room[fuzz_take_bytes(room, what & 1 ? size - 1 : fuzz_take8() & 31)] = '\0';
	return room;
}

const char *fuzz_tree_function(char *room, size_t size)
{
	static const char *const names[] = { TREE_VFIO, "0000:00:05.0", "0000:00:05.1", TREE_UNSAFE, "0000:00:07.0", "0000:00:08.0", "00:09.0", "0000:00:0a.0", "eth8" };

	return tree_name(room, size, names, sizeof(names) / sizeof(names[0]));
}

const char *fuzz_tree_vdpa(char *room, size_t size)
{
	static const char *const names[] = { "v0", "v1", "v2", "vhost-vdpa:/dev/vhost-vdpa-0", "v9", "" };

	return tree_name(room, size, names, sizeof(names) / sizeof(names[0]));
}
