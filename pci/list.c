/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: finding virtio-net functions (through libpci) and saying of each whether
 * it can be driven, and if not, why and what to do.
 * Never: opens a device or its group, changes anything, asks the network.
 * Read next: pci/bind.c.
 *
 * Source: VIRTIO "PCI Device Discovery" (PCI-01 to PCI-04: vendor 0x1af4, device
 * 0x1041 or 0x1000; revision, class and subsystem do not count).
 *
 * libpci reports failure by calling `error` of its access structure, which must
 * not return and by default ends the process. Ours jumps back to guarded(),
 * inside which every call that can fail that way is made. What libpci had in
 * hand at that moment (a small allocation, at most one descriptor) may leak; it
 * happens when a function is unplugged while it is looked at.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pci/pci.h>

#include "base/error.h"
#include "pci/capability.h"
#include "pci/host.h"
#include "pci/sysfs.h"

#define VENDOR_VIRTIO 0x1af4
#define DEVICE_NET 0x1041
#define DEVICE_NET_TRANSITIONAL 0x1000

/* Configuration space that every user may read; the rest is root's. */
#define CONFIG_PUBLIC 64

/* One use of libpci, and the function it is looking at. */
struct look {
	struct pci_access *access;
	struct pci_dev *device;
	char path[VN_PATH_MAX]; /* of the PCI bus in sysfs */
	bool modern;
	bool hidden;
	struct vionet_pci_function *function;
};

/* Array that grows. */
struct table {
	struct vionet_pci_function *item;
	size_t count, room;
};

static _Thread_local jmp_buf escape;
static _Thread_local char complaint[256];

static void __attribute__((noreturn, format(printf, 1, 2)))
on_error(char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(complaint, sizeof(complaint), format, arguments);
	va_end(arguments);
	longjmp(escape, 1);
}

/* Warnings and debugging text: a library does not print. */
static void __attribute__((format(printf, 1, 2))) on_message(char *format, ...)
{
	(void)format;
}

/* Run `step`. Returns 0, or -EIO if libpci gave up: `complaint` says why. */
static int guarded(void (*step)(struct look *look), struct look *look)
{
	if (setjmp(escape) != 0)
		return -EIO;
	step(look);
	return 0;
}

/*
 * pci_alloc() ends the process if there is no memory, and no callback can be set
 * before it. So see first that there is plenty of what it needs (about 2 KiB).
 */
static bool memory_for_libpci(void)
{
	void *volatile probe = malloc(65536);
	bool plenty = probe != NULL;

	free(probe);
	return plenty;
}

static void step_start(struct look *look)
{
	static char name[] = "sysfs.path";

	pci_set_param(look->access, name, look->path);
	pci_init(look->access);
}

static int look_open(struct look *look)
{
	memset(look, 0, sizeof(*look));
	if (!memory_for_libpci())
		return vn_error(ENOMEM, "looking for PCI functions: no memory");
	vn_sysfs_path(look->path, "bus/pci");
	look->access = pci_alloc();
	look->access->method = PCI_ACCESS_SYS_BUS_PCI;
	look->access->error = on_error;
	look->access->warning = on_message;
	look->access->debug = on_message;
	if (guarded(step_start, look) < 0) {
		pci_cleanup(look->access);
		return vn_error(EIO, "libpci cannot be set up: %s", complaint);
	}
	return 0;
}

static void look_close(struct look *look)
{
	pci_cleanup(look->access);
}

static void step_identify(struct look *look)
{
	pci_fill_info(look->device, PCI_FILL_IDENT);
}

static bool is_virtio_net(const struct pci_dev *device)
{
	return device->vendor_id == VENDOR_VIRTIO &&
	       (device->device_id == DEVICE_NET ||
		device->device_id == DEVICE_NET_TRANSITIONAL);
}

/*
 * Modern means: there is a virtio capability for common configuration. libpci's
 * walk is bounded; whether what the capability says is sane is found out at
 * open (pci/capability.c).
 */
static void step_capabilities(struct look *look)
{
	u8 byte;

	look->modern = false;
	look->hidden =
		pci_read_block(look->device, CONFIG_PUBLIC, &byte, 1) == 0;
	pci_fill_info(look->device, PCI_FILL_CAPS);
	for (struct pci_cap *cap = look->device->first_cap; cap != NULL;
	     cap = cap->next)
		if (cap->type == PCI_CAP_NORMAL && cap->id == PCI_CAP_ID_VNDR &&
		    pci_read_byte(look->device, (int)cap->addr + 3) ==
			    VN_CFG_COMMON)
			look->modern = true;
}

static void step_describe(struct look *look)
{
	struct vionet_pci_function *function = look->function;
	struct pci_dev *device = look->device;

	pci_fill_info(device, PCI_FILL_IDENT | PCI_FILL_SUBSYS |
				      PCI_FILL_CLASS_EXT | PCI_FILL_NUMA_NODE);
	function->vendor_id = device->vendor_id;
	function->device_id = device->device_id;
	function->subsystem_vendor_id = device->subsys_vendor_id;
	function->subsystem_device_id = device->subsys_id;
	function->revision = device->rev_id;
	function->transitional = device->device_id == DEVICE_NET_TRANSITIONAL;
	function->numa_node = device->numa_node;
}

/* Names from the local database; "" for what it does not know. */
static void step_names(struct look *look)
{
	struct vionet_pci_function *function = look->function;
	struct pci_dev *device = look->device;
	char text[sizeof(function->device_name)];
	const char *name;

	name = pci_lookup_name(look->access, text, sizeof(text),
			       PCI_LOOKUP_VENDOR | PCI_LOOKUP_NO_NUMBERS,
			       device->vendor_id);
	snprintf(function->vendor_name, sizeof(function->vendor_name), "%s",
		 name == NULL ? "" : name);
	name = pci_lookup_name(look->access, text, sizeof(text),
			       PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS,
			       device->vendor_id, device->device_id);
	snprintf(function->device_name, sizeof(function->device_name), "%s",
		 name == NULL ? "" : name);
}

/* Does process `pid` have `node` open? */
static bool process_holds(const char *pid, const char *node)
{
	char path[VN_PATH_MAX], target[VN_PATH_MAX];
	bool holds = false;
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/%s/fd", vn_host.proc, pid);
	directory = opendir(path);
	if (directory == NULL)
		return false; /* another user's, or it just ended */
	while (!holds && (entry = readdir(directory)) != NULL) {
		ssize_t length = readlinkat(dirfd(directory), entry->d_name,
					    target, sizeof(target) - 1);

		if (length < 0)
			continue;
		target[length] = '\0';
		holds = strcmp(target, node) == 0;
	}
	closedir(directory);
	return holds;
}

bool vn_group_holder(int group, char *text, size_t size)
{
	char node[VN_PATH_MAX], path[VN_PATH_MAX + 300], name[64];
	struct dirent *entry;
	bool found = false;
	DIR *directory = opendir(vn_host.proc);

	text[0] = '\0';
	if (directory == NULL)
		return false;
	snprintf(node, sizeof(node), "%s/%d", vn_host.vfio, group);
	while (!found && (entry = readdir(directory)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !process_holds(entry->d_name, node))
			continue;
		snprintf(path, sizeof(path), "%s/%s/comm", vn_host.proc,
			 entry->d_name);
		vn_sysfs_read(path, name, sizeof(name));
		snprintf(text, size, "process %.20s (%s)", entry->d_name, name);
		found = true;
	}
	closedir(directory);
	return found;
}

static bool __attribute__((format(printf, 2, 3)))
undrivable(struct vionet_pci_function *function, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(function->reason, sizeof(function->reason), format,
		  arguments);
	va_end(arguments);
	return false;
}

static bool driver_allows(struct vionet_pci_function *function)
{
	char others[200];

	if (strcmp(function->driver, "vfio-pci") == 0)
		return true;
	if (vn_sysfs_group_others(function->iommu_group, function->address,
				  others, sizeof(others)) > 0)
		return undrivable(
			function,
			"bound to %s, and group %d has other functions that are in use: %s; give those to vfio-pci or unbind them, then: vionet bind %s",
			function->driver[0] == '\0' ? "no driver" :
						      function->driver,
			function->iommu_group, others, function->address);
	return undrivable(function, "bound to %s; run: vionet bind %s",
			  function->driver[0] == '\0' ? "no driver" :
							function->driver,
			  function->address);
}

static bool group_allows(struct vionet_pci_function *function)
{
	char text[256];

	if (vn_sysfs_group_culprits(function->iommu_group, text,
				    sizeof(text)) > 0)
		return undrivable(
			function,
			"group %d is not viable: %s; bind it to vfio-pci or unbind it",
			function->iommu_group, text);
	if (vn_group_holder(function->iommu_group, text, sizeof(text)))
		return undrivable(function,
				  "group %d is in use: %s has it open; end it first",
				  function->iommu_group, text);
	return true;
}

static bool node_allows(struct vionet_pci_function *function)
{
	char node[VN_PATH_MAX];

	snprintf(node, sizeof(node), "%.200s/%d", vn_host.vfio,
		 function->iommu_group);
	/* Effective ids: those that open() will be judged by. */
	if (faccessat(AT_FDCWD, node, R_OK | W_OK, AT_EACCESS) == 0)
		return true;
	if (errno == EACCES || errno == EPERM)
		return undrivable(
			function,
			"this user may not open %s; run as root, or give it away: chown USER %s",
			node, node);
	return undrivable(function,
			  "%s cannot be opened (%s); in a container, pass the device node in",
			  node, strerrordesc_np(errno));
}

/* Fill `drivable` and `reason`; the first thing that is in the way counts. */
static bool judge(struct vionet_pci_function *function, bool hidden)
{
	if (!function->modern && !hidden)
		return undrivable(
			function,
			"legacy only: it has no virtio capabilities; in QEMU use disable-modern=off");
	if (function->iommu_group < 0)
		return undrivable(
			function,
			"no IOMMU group: switch the IOMMU on (firmware; intel_iommu=on on the kernel's command line; in QEMU -device intel-iommu and iommu_platform=on)");
	if (!driver_allows(function) || !group_allows(function) ||
	    !node_allows(function))
		return false;
	/* No hindrance, but the caller is owed why `modern` is false. */
	if (hidden)
		snprintf(function->reason, sizeof(function->reason),
			 "only root can read its capabilities, so whether it is modern is not known before it is opened");
	return true;
}

/* Fill `function` with all there is to say of look->device. Returns -EIO if
 * libpci gave up: the function is being unplugged. */
static int describe(struct look *look, const char *address,
		    struct vionet_pci_function *function)
{
	int result;

	memset(function, 0, sizeof(*function));
	look->function = function;
	snprintf(function->address, sizeof(function->address), "%s", address);
	if (guarded(step_describe, look) < 0 ||
	    guarded(step_capabilities, look) < 0)
		return vn_error(EIO, "%s: it cannot be looked at: %s", address,
				complaint);
	guarded(step_names, look); /* names are not worth a failure */
	function->modern = look->modern;
	result = vn_sysfs_driver(address, function->driver,
				 sizeof(function->driver));
	if (result < 0)
		return result;
	vn_sysfs_interface(address, function->interface,
			   sizeof(function->interface));
	result = vn_sysfs_group_quiet(address);
	function->iommu_group = result < 0 ? -1 : result;
	function->drivable = judge(function, look->hidden);
	return 0;
}

static struct vionet_pci_function *grow(struct table *table)
{
	size_t room = table->room == 0 ? 8 : table->room * 2;
	struct vionet_pci_function *item;

	if (table->count == table->room) {
		item = reallocarray(table->item, room, sizeof(*item));
		if (item == NULL)
			return NULL;
		table->item = item;
		table->room = room;
	}
	return &table->item[table->count];
}

static void step_scan(struct look *look)
{
	pci_scan_bus(look->access);
}

/* Add look->device if it is of our kind. One that goes away meanwhile is left
 * out. */
static int list_one(struct look *look, struct table *table)
{
	struct vionet_pci_function *function;
	char address[VN_ADDRESS_MAX];

	if (guarded(step_identify, look) < 0 || !is_virtio_net(look->device))
		return 0;
	function = grow(table);
	if (function == NULL)
		return vn_error(ENOMEM, "listing PCI functions: no memory");
	snprintf(address, sizeof(address), "%04x:%02x:%02x.%u",
		 (unsigned int)look->device->domain, look->device->bus,
		 look->device->dev, look->device->func & 7u);
	if (describe(look, address, function) == 0)
		table->count++;
	return 0;
}

/* Longer addresses have larger domains; those of one length sort as text. */
static int by_address(const void *left, const void *right)
{
	const struct vionet_pci_function *a = left, *b = right;
	size_t length_a = strlen(a->address), length_b = strlen(b->address);

	if (length_a != length_b)
		return length_a < length_b ? -1 : 1;
	return strcmp(a->address, b->address);
}

static int list_all(struct look *look, struct table *table)
{
	int result = 0;

	if (guarded(step_scan, look) < 0)
		return vn_error(EIO, "PCI functions cannot be listed: %s",
				complaint);
	for (look->device = look->access->devices;
	     look->device != NULL && result == 0;
	     look->device = look->device->next)
		result = list_one(look, table);
	if (table->count > 1)
		qsort(table->item, table->count, sizeof(*table->item),
		      by_address);
	return result;
}

int vionet_pci_list(struct vionet_pci_function **list, size_t *count)
{
	struct table table = { 0 };
	struct look look;
	int result;

	*list = NULL;
	*count = 0;
	result = look_open(&look);
	if (result < 0)
		return result;
	result = list_all(&look, &table);
	look_close(&look);
	if (result < 0 || table.count == 0) {
		free(table.item);
		return result;
	}
	*list = table.item;
	*count = table.count;
	return 0;
}

void vionet_pci_list_free(struct vionet_pci_function *list)
{
	free(list);
}

static void step_find(struct look *look)
{
	unsigned int domain, bus, device, function;

	/* vn_pci_address_parse made this text. */
	sscanf(look->function->address, "%x:%x:%x.%u", &domain, &bus, &device,
	       &function);
	look->device = pci_get_dev(look->access, (int)domain, (int)bus,
				   (int)device, (int)function);
	pci_fill_info(look->device, PCI_FILL_IDENT);
}

static int not_virtio_net(struct look *look, const char *address)
{
	struct vionet_pci_function *function = look->function;

	guarded(step_names, look);
	return vn_error(ENOTSUP,
			"%s: it is %04x:%04x (%s %s), not a virtio-net function (1af4:1041 or 1af4:1000)",
			address, look->device->vendor_id,
			look->device->device_id,
			function->vendor_name[0] ? function->vendor_name :
						   "unknown vendor",
			function->device_name[0] ? function->device_name :
						   "unknown device");
}

static int look_at(struct look *look, const char *address,
		   struct vionet_pci_function *function)
{
	int result;

	look->function = function;
	memset(function, 0, sizeof(*function));
	snprintf(function->address, sizeof(function->address), "%s", address);
	if (guarded(step_find, look) < 0)
		result = vn_error(EIO, "%s: it cannot be looked at: %s",
				  address, complaint);
	else if (!is_virtio_net(look->device))
		result = not_virtio_net(look, address);
	else
		result = describe(look, address, function);
	if (look->device != NULL)
		pci_free_dev(look->device);
	return result;
}

int vn_pci_look(const char *address, struct vionet_pci_function *function,
		bool *hidden)
{
	char name[VN_ADDRESS_MAX], driver[sizeof(function->driver)];
	struct look look;
	int result = vn_pci_address_parse(address, name);

	if (result < 0)
		return result;
	/* libpci would make up a function that is not there. */
	result = vn_sysfs_driver(name, driver, sizeof(driver));
	if (result < 0)
		return result;
	result = look_open(&look);
	if (result < 0)
		return result;
	result = look_at(&look, name, function);
	*hidden = look.hidden;
	look_close(&look);
	return result;
}

int vionet_pci_lookup(const char *address, struct vionet_pci_function *function)
{
	bool hidden;

	return vn_pci_look(address, function, &hidden);
}
