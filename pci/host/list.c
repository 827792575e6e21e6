/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding virtio-net functions (through libpci) and saying of each whether it can be
 * driven, and if not, why and what to do. Never opens a device or its group, changes
 * anything, uses the network.
 *
 * Source: VIRTIO "PCI Device Discovery" (PCI-01 to PCI-04: vendor 0x1af4, device 0x1041
 * or 0x1000; revision, class and subsystem do not count).
 *
 * libpci reports failure by calling `error` of its access structure, which must not
 * return and by default ends the process. Ours jumps back to list_guarded(), inside which
 * every call that can fail that way is made. What libpci had in hand at that moment (a
 * small allocation, at most one descriptor) may leak; it happens when a function is
 * unplugged while it is looked at.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pci/pci.h>

#include <vionet/error.h>

#include "base/abi.h"
#include "base/error.h"
#include "pci/capability.h"
#include "pci/function.h"
#include "pci/host/host.h"
#include "pci/host/sysfs.h"

#define DEVICE_NET_TRANSITIONAL 0x1000

/* Configuration space that every user may read; the rest is root's. */
#define CONFIG_PUBLIC 64

/* One use of libpci, and the function it is looking at. */
struct look {
	struct pci_access *access;
	struct pci_dev *device;
	char path[VN_PATH_MAX]; /* of the PCI bus in sysfs */
	struct vn_looked *looked;
};

/* Array that grows. */
struct table {
	struct vionet_pci_function *item;
	size_t count, room;
};

static _Thread_local jmp_buf escape;
static _Thread_local char complaint[256];

static void __attribute__((noreturn, format(printf, 1, 2)))
list_on_error(char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(complaint, sizeof(complaint), format, arguments);
	va_end(arguments);
	longjmp(escape, 1);
}

/* Warnings and debugging text: a library does not print. */
static void __attribute__((format(printf, 1, 2))) list_on_message(char *format, ...)
{
	(void)format;
}

/* Run `step`. Returns 0, or -EIO if libpci failed: `complaint` says why. */
static int list_guarded(void (*step)(struct look *look), struct look *look)
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
static bool list_memory_for_libpci(void)
{
	void *volatile probe = malloc(65536);
	bool plenty = probe != NULL;

	free(probe);
	return plenty;
}

static void list_step_start(struct look *look)
{
	static char name[] = "sysfs.path";

	pci_set_param(look->access, name, look->path);
	if (vn_host.pci_ids != NULL)
		pci_set_name_list_path(look->access, (char *)vn_host.pci_ids, 0);
	pci_init(look->access);
}

static int list_look_open(struct look *look)
{
	memset(look, 0, sizeof(*look));
	if (!list_memory_for_libpci())
		return vn_error(ENOMEM, "looking for PCI functions: no memory");
	vn_sysfs_path(look->path, "bus/pci");
	look->access = pci_alloc();
	look->access->method = PCI_ACCESS_SYS_BUS_PCI;
	look->access->error = list_on_error;
	look->access->warning = list_on_message;
	look->access->debug = list_on_message;
	if (list_guarded(list_step_start, look) < 0) {
		pci_cleanup(look->access);
		return vn_error(EIO, "libpci cannot be set up: %s", complaint);
	}
	return 0;
}

static void list_look_close(struct look *look)
{
	pci_cleanup(look->access);
}

static void list_step_identify(struct look *look)
{
	pci_fill_info(look->device, PCI_FILL_IDENT);
}

static bool list_is_virtio_net(const struct pci_dev *device)
{
	return vn_is_virtio_net(device->vendor_id, device->device_id);
}

/*
 * Modern means: there is a virtio capability for common configuration. libpci's
 * walk is bounded; whether what the capability says is sane is found out at
 * open (pci/capability.c).
 */
static void list_step_capabilities(struct look *look)
{
	struct vn_looked *looked = look->looked;
	u8 byte;

	looked->function.modern = false;
	/* The kernel keeps the ids of a function that answers no more; virtual
	 * functions never show theirs, but all the rest. What this process may not
	 * read (in a sandbox) is all-ones to libpci too, and says nothing. */
	looked->silent = pci_read_block(look->device, 0, &byte, 1) != 0 &&
			 pci_read_word(look->device, PCI_STATUS) == 0xffff &&
			 pci_read_long(look->device, PCI_REVISION_ID) == 0xffffffff;
	looked->hidden =
		pci_read_block(look->device, CONFIG_PUBLIC, &byte, 1) == 0;
	pci_fill_info(look->device, PCI_FILL_CAPS);
	for (struct pci_cap *cap = look->device->first_cap; cap != NULL;
	     cap = cap->next)
		if (cap->type == PCI_CAP_NORMAL && cap->id == PCI_CAP_ID_VNDR &&
		    pci_read_byte(look->device, (int)cap->addr + 3) ==
			    VN_CFG_COMMON)
			looked->function.modern = true;
}

static void list_step_describe(struct look *look)
{
	struct vionet_pci_function *function = &look->looked->function;
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
static void list_step_names(struct look *look)
{
	struct vionet_pci_function *function = &look->looked->function;
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

static void list_fill_node(struct vn_looked *looked)
{
	char path[VN_NODE_PATH_MAX] = "", *node = looked->function.node;

	enum vn_iommu_kind kind;

	if (!looked->vfio || (looked->group < 0 && !vn_looked_unsafe(looked)))
		return;
	kind = vn_drivable_kind(looked);
	if (kind == VN_IOMMU_IOMMUFD || kind == VN_IOMMU_NONE_IOMMUFD)
		vn_node_device_path(vn_host.vfio, looked->node, path);
	else
		(void)vn_looked_group(looked, path);
	if (strlen(path) < sizeof(looked->function.node))
		strcpy(node, path);
}

/* Fill `drivable` and `reason`; the first thing that is in the way counts. */
static void list_fill_drivable(struct vn_looked *looked)
{
	struct vionet_pci_function *function = &looked->function;
	struct vn_reason reason;

	list_fill_node(looked);
	function->drivable = vn_drivable(looked, &reason) == 0 &&
			     vn_drivable_user(looked, &reason) == 0;
	snprintf(function->reason, sizeof(function->reason), "%s", reason.text);
	function->remedy = reason.remedy;
	if (!function->drivable)
		return;
	/* No hindrance, but the caller is owed why `modern` is false. */
	if (looked->hidden)
		snprintf(function->reason, sizeof(function->reason),
			 "this user cannot read its capabilities, so whether it is modern is not "
			 "known before it is opened");
}

/* Fill look->looked with all there is to say of look->device. Returns -EIO if
 * libpci failed: the function is being unplugged. */
static int list_describe(struct look *look, const char *address)
{
	struct vn_looked *looked = look->looked;
	struct vionet_pci_function *function = &looked->function;
	struct vn_interfaces interfaces;
	char path[VN_PATH_MAX];
	int result;

	memset(looked, 0, sizeof(*looked));
	snprintf(function->address, sizeof(function->address), "%s", address);
	if (list_guarded(list_step_describe, look) < 0 ||
	    list_guarded(list_step_capabilities, look) < 0)
		return vn_error(EIO, "%s: it cannot be looked at: %s", address,
				complaint);
	list_guarded(list_step_names, look); /* names are not worth a failure */
	result = vn_sysfs_driver(address, function->driver,
				 sizeof(function->driver));
	if (result < 0)
		return result;
	vn_sysfs_interfaces(address, &interfaces);
	snprintf(function->interface, sizeof(function->interface), "%s",
		 interfaces.name[0]);
	looked->group = vn_sysfs_group_quiet(address);
	looked->unsafe_group = vn_sysfs_unsafe_group(address);
	vn_sysfs_path(path, "bus/pci/devices/%s", address);
	looked->vfio = vn_is_vfio(path, function->driver);
	vn_sysfs_override("pci", address, looked->override, sizeof(looked->override));
	vn_sysfs_vfio_node(address, looked->node);
	function->iommu_group = looked->group < 0 ? -1 : looked->group;
	list_fill_drivable(looked);
	return 0;
}

static struct vionet_pci_function *list_grow(struct table *table)
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

static void list_step_scan(struct look *look)
{
	pci_scan_bus(look->access);
}

/* What keeps a function that is there from being looked at is why it is not drivable. */
static bool list_is_blind(struct vionet_pci_function *function)
{
	const char *text = vionet_error_text();
	size_t name = strlen(function->address);
	char path[VN_PATH_MAX];

	vn_sysfs_path(path, "bus/pci/devices/%s", function->address);
	if (access(path, F_OK) != 0)
		return false;
	if (strncmp(text, function->address, name) == 0)
		text += name + strlen(": ");
	snprintf(function->reason, sizeof(function->reason), "%.500s", text);
	function->drivable = false;
	function->iommu_group = -1;
	return true;
}

/* Add look->device if it is of our kind. One that goes away meanwhile is left
 * out. */
static int list_one(struct look *look, struct table *table)
{
	struct vionet_pci_function *function;
	struct vn_looked looked;
	char address[VN_ADDRESS_MAX];

	if (list_guarded(list_step_identify, look) < 0 ||
	    !list_is_virtio_net(look->device))
		return 0;
	function = list_grow(table);
	if (function == NULL)
		return vn_error(ENOMEM, "listing PCI functions: no memory");
	snprintf(address, sizeof(address), "%04x:%02x:%02x.%u",
		 (unsigned int)look->device->domain, look->device->bus,
		 look->device->dev, look->device->func & 7u);
	look->looked = &looked;
	if (list_describe(look, address) == 0 || list_is_blind(&looked.function)) {
		*function = looked.function;
		table->count++;
	}
	return 0;
}

/* Longer addresses have larger domains; those of one length sort as text. */
static int list_by_address(const void *left, const void *right)
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

	if (list_guarded(list_step_scan, look) < 0)
		return vn_error(EIO, "PCI functions cannot be listed: %s",
				complaint);
	for (look->device = look->access->devices;
	     look->device != NULL && result == 0;
	     look->device = look->device->next)
		result = list_one(look, table);
	if (table->count > 1)
		qsort(table->item, table->count, sizeof(*table->item),
		      list_by_address);
	return result;
}

/* Names of drivers, interfaces and the database come from others. Only for the caller: with
 * another name nothing would be found in sysfs. */
static void list_clean(struct vionet_pci_function *function)
{
	vionet_text_clean(function->driver);
	vionet_text_clean(function->interface);
	vionet_text_clean(function->vendor_name);
	vionet_text_clean(function->device_name);
	vionet_text_clean(function->reason);
}

/* The same at the caller's stride. */
static int list_hand_out(struct table *table, size_t stride,
			 struct vionet_pci_function **list)
{
	uint8_t *array = calloc(table->count, stride);

	if (array == NULL)
		return vn_error(ENOMEM, "listing PCI functions: no memory");
	for (size_t i = 0; i < table->count; i++) {
		list_clean(&table->item[i]);
		table->item[i].struct_size = (uint32_t)stride;
		vn_element_out(array, stride, i, &table->item[i], sizeof(table->item[i]));
	}
	*list = (void *)array;
	return 0;
}

int vionet_pci_list(struct vionet_pci_function **list, size_t stride, size_t *count)
{
	struct table table = { 0 };
	struct look look;
	int result;

	*list = NULL;
	*count = 0;
	result = vn_stride_check(stride, "vionet_pci_function");
	if (result == 0)
		result = list_look_open(&look);
	if (result < 0)
		return result;
	result = list_all(&look, &table);
	list_look_close(&look);
	if (result == 0 && table.count != 0)
		result = list_hand_out(&table, stride, list);
	if (result == 0)
		*count = table.count;
	free(table.item);
	return result;
}

void vionet_pci_list_free(struct vionet_pci_function *list)
{
	free(list);
}

static void list_step_find(struct look *look)
{
	unsigned int domain, bus, device, function;

	/* vn_pci_address_parse made this text. */
	sscanf(look->looked->function.address, "%x:%x:%x.%u", &domain, &bus, &device,
	       &function);
	look->device = pci_get_dev(look->access, (int)domain, (int)bus,
				   (int)device, (int)function);
	pci_fill_info(look->device, PCI_FILL_IDENT | PCI_FILL_SUBSYS);
}

/* The kind of a function comes first: nothing else counts before it. */
static int list_not_virtio_net(struct look *look, const char *address)
{
	struct vionet_pci_function *function = &look->looked->function;
	struct pci_dev *device = look->device;
	const char *kind;

	list_guarded(list_step_names, look);
	kind = vn_virtio_kind(device->vendor_id, device->device_id,
			      device->subsys_id);
	if (kind[0] != '\0')
		return vn_error(ENOTSUP,
				"%s: it is a virtio %s device (%04x:%04x), not a virtio-net "
				"function (1af4:1041 or 1af4:1000)",
				address, kind, device->vendor_id, device->device_id);
	return vn_error(ENOTSUP,
			"%s: it is %04x:%04x (%s %s), not a virtio-net function (1af4:1041 or 1af4:1000)",
			address, device->vendor_id, device->device_id,
			function->vendor_name[0] ? function->vendor_name :
						   "unknown vendor",
			function->device_name[0] ? function->device_name :
						   "unknown device");
}

static int list_look_at(struct look *look, const char *address)
{
	int result;

	memset(look->looked, 0, sizeof(*look->looked));
	snprintf(look->looked->function.address,
		 sizeof(look->looked->function.address), "%s", address);
	if (list_guarded(list_step_find, look) < 0)
		result = vn_error(EIO, "%s: it cannot be looked at: %s",
				  address, complaint);
	else if (!list_is_virtio_net(look->device))
		result = list_not_virtio_net(look, address);
	else
		result = list_describe(look, address);
	if (look->device != NULL)
		pci_free_dev(look->device);
	return result;
}

int vn_pci_look(const char *address, struct vn_looked *looked)
{
	char name[VN_ADDRESS_MAX], driver[sizeof(looked->function.driver)];
	struct look look;
	int result = vn_pci_address_parse(address, name);

	if (result < 0)
		return result;
	/* libpci would make up a function that is not there. */
	result = vn_sysfs_driver(name, driver, sizeof(driver));
	if (result < 0)
		return result;
	result = list_look_open(&look);
	if (result < 0)
		return result;
	look.looked = looked;
	result = list_look_at(&look, name);
	list_look_close(&look);
	return result;
}

int vionet_pci_lookup(const char *address, struct vionet_pci_function *function)
{
	struct vn_looked looked;
	int result = vn_struct_check(function, "vionet_pci_function");

	if (result == 0)
		result = vn_pci_look(address, &looked);
	if (result == 0) {
		list_clean(&looked.function);
		vn_struct_out(function, &looked.function, sizeof(looked.function));
	}
	return result;
}
