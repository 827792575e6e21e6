/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What keeps a function from being driven, and what to do about it: the kind of the
 * function first, then its group, VFIO, its driver, the rest of the group, the node.
 * Changes and opens nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "iommu/node.h"
#include "iommu/sharing.h"
#include "pci/host/host.h"

static void __attribute__((format(printf, 2, 3)))
drivable_say(struct vn_reason *reason, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason->text, sizeof(reason->text), format, arguments);
	va_end(arguments);
}

/* ---- the function itself ---- */

/* The port above it in the tree, "" if it is on the root bus. */
static void drivable_find_port(const char *address, char *port, size_t size)
{
	char path[VN_PATH_MAX], target[PATH_MAX], full[VN_ADDRESS_MAX];
	char *last, *above;

	port[0] = '\0';
	vn_sysfs_path(path, "bus/pci/devices/%s", address);
	if (realpath(path, target) == NULL || (last = strrchr(target, '/')) == NULL)
		return;
	*last = '\0';
	above = strrchr(target, '/');
	if (above != NULL && strlen(above + 1) < sizeof(full) &&
	    strchr(above + 1, '.') != NULL)
		snprintf(port, size, "%s", above + 1);
}

static bool drivable_link_is_down(const char *port)
{
	char path[VN_PATH_MAX];
	unsigned long width;

	vn_sysfs_path(path, "bus/pci/devices/%s/current_link_width", port);
	return port[0] != '\0' && vn_sysfs_number(path, &width) == 0 && width == 0;
}

/* All-ones: no answer. Which of the causes it is, the kernel may know. */
static int drivable_silent(const char *address, struct vn_reason *reason)
{
	char path[VN_PATH_MAX], state[16], port[VN_ADDRESS_MAX];

	vn_sysfs_path(path, "bus/pci/devices/%s/power_state", address);
	vn_sysfs_read(path, state, sizeof(state));
	drivable_find_port(address, port, sizeof(port));
	vn_sysfs_path(path, "bus/pci/devices/%s", address);
	if (strcmp(state, "D3cold") == 0)
		drivable_say(reason, "it does not answer (all-ones): it is without power "
			     "(D3cold); wake it: echo on > %s/power/control", path);
	else if (drivable_link_is_down(port))
		drivable_say(reason, "it does not answer (all-ones): the link of its port "
			     "%s is down; bring the link up, then: echo 1 > %s/remove; echo 1 > "
			     "%s/bus/pci/rescan", port, path, vn_sysfs_root());
	else
		drivable_say(reason, "it does not answer (all-ones): without power, its link "
			     "is down, or it was unplugged; wake it: echo on > %s/power/control; if "
			     "that does not help: echo 1 > %s/remove; echo 1 > %s/bus/pci/rescan",
			     path, path, vn_sysfs_root());
	return -ENODEV;
}

static int drivable_no_group(const struct vn_looked *looked, struct vn_reason *reason)
{
	char path[VN_PATH_MAX];

	vn_sysfs_path(path, "kernel/iommu_groups/0");
	reason->remedy = VIONET_REMEDY_NO_IOMMU;
	if (looked->group == -EPERM)
		drivable_say(reason, "%s", VN_NODE_NO_IOMMU);
	else if (access(path, F_OK) == 0)
		drivable_say(reason, "it is in no IOMMU group, though other functions "
			     "are: it does not sit behind the IOMMU; use another slot (in QEMU: a "
			     "bus without bypass_iommu)");
	else
		drivable_say(reason, "it is in no IOMMU group: there is no IOMMU, or it is "
			     "off; switch it on in the firmware (VT-d, AMD-Vi, SMMU) and on the "
			     "kernel's command line (Intel: intel_iommu=on); in QEMU use `-machine "
			     "q35,kernel-irqchip=split -device intel-iommu,intremap=on` and "
			     "iommu_platform=on for the NIC");
	return -ENXIO;
}

/* No-IOMMU mode is wanted: is it the kernel's, and this function's? */
static int drivable_unsafe(const struct vn_looked *looked, struct vn_reason *reason)
{
	int mode = vn_sysfs_unsafe_mode();

	if (looked->group >= 0)
		drivable_say(reason, "it is behind an IOMMU (group %d), and no-IOMMU mode is for "
				     "functions that are not; leave that out",
			     looked->group);
	else if (mode < 0)
		drivable_say(reason, "the kernel has no no-IOMMU mode: load vfio (modprobe vfio-pci), or "
				     "use a kernel with CONFIG_VFIO_NOIOMMU");
	else if (mode == 0)
		drivable_say(reason, "no-IOMMU mode is off in the kernel; switch it on, for all functions "
				     "of this machine and before they are bound: echo 1 > "
				     "%s/module/vfio/parameters/enable_unsafe_noiommu_mode",
			     vn_sysfs_root());
	else if (looked->vfio && !vn_looked_unsafe(looked))
		drivable_say(reason, "it has no node of no-IOMMU mode, though it is bound to a driver of "
				     "VFIO; unbind it and bind it again");
	else
		return 0;
	return -ENOTSUP;
}

int vn_drivable_function(const struct vn_looked *looked, struct vn_reason *reason)
{
	const struct vionet_pci_function *function = &looked->function;

	*reason = (struct vn_reason){ .remedy = VIONET_REMEDY_NONE };
	if (looked->silent)
		return drivable_silent(function->address, reason);
	if (!function->modern && !looked->hidden) {
		drivable_say(reason, "legacy only: it has no virtio capabilities, so it "
			     "cannot be driven; in QEMU use disable-modern=off");
		return -ENOTSUP;
	}
	if (looked->wanted == VN_IOMMU_NONE)
		return drivable_unsafe(looked, reason);
	return looked->group < 0 ? drivable_no_group(looked, reason) : 0;
}

/* ---- VFIO, driver, group ---- */

/* Effective ids: those that open() will be checked with. */
static bool drivable_may(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

bool vn_looked_unsafe(const struct vn_looked *looked)
{
	return looked->group < 0 && (looked->unsafe_group >= 0 || vn_node_is_unsafe(looked->node));
}

int vn_looked_group(const struct vn_looked *looked, char path[VN_GROUP_PATH_MAX])
{
	bool unsafe = vn_looked_unsafe(looked);
	int group = unsafe ? looked->unsafe_group : looked->group;

	if (unsafe && group < 0) {
		vn_node_device_path(vn_host.vfio, looked->node, path);
		return -2 - atoi(looked->node + strcspn(looked->node, "0123456789"));
	}
	snprintf(path, VN_GROUP_PATH_MAX, "%.270s/%s%d", vn_host.vfio, unsafe ? "noiommu-" : "", group);
	return group;
}

static bool drivable_group_may(const struct vn_looked *looked, int mode)
{
	char path[VN_GROUP_PATH_MAX];

	snprintf(path, sizeof(path), "%.280s/vfio", vn_host.vfio);
	if (!drivable_may(path, mode))
		return false;
	return vn_looked_group(looked, path) >= 0 && drivable_may(path, mode);
}

static bool drivable_device_may(const char *node, int mode)
{
	char path[VN_NODE_PATH_MAX];

	vn_node_iommufd_path(vn_host.vfio, path);
	if (!drivable_may(path, mode))
		return false;
	vn_node_device_path(vn_host.vfio, node, path);
	return drivable_may(path, mode);
}

/* May, or should, the function's own node be taken? */
static bool drivable_prefers_device(const struct vn_looked *looked)
{
	if (looked->node[0] == '\0' || !drivable_device_may(looked->node, F_OK))
		return false;
	return drivable_device_may(looked->node, R_OK | W_OK) ||
	       !drivable_group_may(looked, R_OK | W_OK);
}

enum vn_iommu_kind vn_drivable_kind(const struct vn_looked *looked)
{
	enum vn_iommu_kind open = vn_domain_kind(vn_host.vfio, looked->group);

	if (looked->wanted == VN_IOMMU_NONE || (looked->wanted == VN_IOMMU_ANY && vn_looked_unsafe(looked)))
		return vn_node_is_unsafe(looked->node) && drivable_prefers_device(looked) ?
			       VN_IOMMU_NONE_IOMMUFD :
			       VN_IOMMU_NONE;
	if (looked->wanted != VN_IOMMU_ANY)
		return looked->wanted;
	if (open != VN_IOMMU_ANY)
		return open;
	/* They take a token on every kernel. */
	if (looked->token != NULL && drivable_group_may(looked, R_OK | W_OK))
		return VN_IOMMU_TYPE1;
	return drivable_prefers_device(looked) ? VN_IOMMU_IOMMUFD : VN_IOMMU_TYPE1;
}

static bool drivable_is_iommufd(enum vn_iommu_kind kind)
{
	return kind == VN_IOMMU_IOMMUFD || kind == VN_IOMMU_NONE_IOMMUFD;
}

/* Before it is bound, it is not known whether it will have a character device: where the
 * container of the groups is missing. */
static bool drivable_by_iommufd(const struct vn_looked *looked)
{
	char iommufd[VN_NODE_PATH_MAX], container[VN_PATH_MAX];

	if (looked->vfio)
		return drivable_is_iommufd(vn_drivable_kind(looked));
	vn_node_iommufd_path(vn_host.vfio, iommufd);
	snprintf(container, sizeof(container), "%s/vfio", vn_host.vfio);
	return looked->wanted == VN_IOMMU_IOMMUFD ||
	       (looked->wanted != VN_IOMMU_TYPE1 && !drivable_may(container, F_OK) &&
		drivable_may(iommufd, F_OK));
}

static int drivable_iommufd(struct vn_reason *reason)
{
	char path[VN_NODE_PATH_MAX];

	vn_node_iommufd_path(vn_host.vfio, path);
	if (drivable_may(path, R_OK | W_OK))
		return 0;
	return vn_node_iommufd_reason(vn_host.vfio, errno, reason->text,
				      sizeof(reason->text));
}

int vn_drivable_vfio(const struct vn_looked *looked, struct vn_reason *reason)
{
	char path[VN_PATH_MAX];

	*reason = (struct vn_reason){ .remedy = VIONET_REMEDY_NONE };
	vn_sysfs_path(path, "bus/pci/drivers/vfio-pci");
	/* Before the module is loaded there is nothing to be seen. */
	if (!looked->vfio && access(path, F_OK) != 0)
		return 0;
	if (drivable_by_iommufd(looked))
		return drivable_iommufd(reason);
	snprintf(path, sizeof(path), "%s/vfio", vn_host.vfio);
	if (drivable_may(path, R_OK | W_OK))
		return 0;
	return vn_node_container_reason(vn_host.vfio, errno, reason->text,
					sizeof(reason->text));
}

bool vn_looked_cut_off(const struct vn_looked *looked)
{
	return looked->override[0] != '\0' && strcmp(looked->override, looked->function.driver) != 0;
}

/* Which driver it has. Without one, or where a move was cut off, either way is open. */
static void drivable_describe_driver(const struct vn_looked *looked, char *text, size_t size,
				     struct vn_reason *reason)
{
	const char *driver = looked->function.driver;
	bool cut_off = vn_looked_cut_off(looked);

	if (looked->wanted == VN_IOMMU_NONE)
		reason->remedy = VIONET_REMEDY_BIND_NO_IOMMU;
	else
		reason->remedy = driver[0] == '\0' || cut_off ? VIONET_REMEDY_BIND_OR_UNBIND : VIONET_REMEDY_BIND;
	snprintf(text, size, "%s%s%s%s%s", driver[0] != '\0' ? "bound to " : "without driver", driver,
		 cut_off ? ": a bind or unbind was cut off (driver_override names " : "",
		 cut_off ? looked->override : "", cut_off ? ")" : "");
}

int vn_drivable_driver(const struct vn_looked *looked, struct vn_reason *reason)
{
	const struct vionet_pci_function *f = &looked->function;
	const char *const own[] = { f->address };
	int vfs = vn_sysfs_vfs(f->address);
	char others[200], driver[200];
	bool other_kind;

	*reason = (struct vn_reason){ .remedy = VIONET_REMEDY_NONE };
	if (looked->vfio)
		return 0;
	drivable_describe_driver(looked, driver, sizeof(driver), reason);
	if (vfs > 0) {
		drivable_say(reason, "%s, and its %d virtual function%s would be "
				     "removed with its driver: remove %s first (echo 0 > "
				     "%s/bus/pci/devices/%s/sriov_numvfs)",
			     driver, vfs,
			     vfs == 1 ? "" : "s", vfs == 1 ? "it" : "them",
			     vn_sysfs_root(), f->address);
		return -ENXIO;
	}
	if (looked->wanted == VN_IOMMU_NONE ||
	    vn_group_hindrances(looked->group, own, 1, others, sizeof(others), &other_kind) <= 0) {
		drivable_say(reason, "%s", driver);
		return -ENXIO;
	}
	reason->remedy = VIONET_REMEDY_BIND_GROUP;
	if (other_kind)
		drivable_say(reason, "%s, and group %d has other devices that are "
				     "in use: %s; give those to vfio-pci or unbind them first",
			     driver, looked->group, others);
	else
		drivable_say(reason, "%s, %s (%s)", driver,
			     f->driver[0] != '\0' ? "as others of its group are" :
						    "but others of its group have one",
			     others);
	return -ENXIO;
}

int vn_drivable_group(const struct vn_looked *looked, struct vn_reason *reason)
{
	char text[256];
	bool other_kind;

	*reason = (struct vn_reason){ .remedy = VIONET_REMEDY_NONE };
	if (looked->wanted == VN_IOMMU_NONE)
		return 0; /* it is alone in its group */
	if (vn_group_hindrances(looked->group, NULL, 0, text, sizeof(text),
				&other_kind) <= 0)
		return 0;
	drivable_say(reason, "group %d is not viable: %s%s", looked->group, text,
		     other_kind ? "; bind it to vfio-pci or unbind it" : "");
	if (!other_kind)
		reason->remedy = VIONET_REMEDY_BIND_GROUP;
	return -EBUSY;
}

static int drivable_device(const char *name, struct vn_reason *reason)
{
	char path[VN_NODE_PATH_MAX];

	vn_node_device_path(vn_host.vfio, name, path);
	if (name[0] != '\0' && drivable_may(path, R_OK | W_OK))
		return 0;
	return vn_node_device_reason(vn_host.vfio, name, name[0] != '\0' ? errno : ENOENT,
				     reason->text, sizeof(reason->text));
}

int vn_drivable_node(const struct vn_looked *looked, struct vn_reason *reason)
{
	char node[VN_GROUP_PATH_MAX];
	int group;

	*reason = (struct vn_reason){ .remedy = VIONET_REMEDY_NONE };
	if (drivable_is_iommufd(vn_drivable_kind(looked)))
		return drivable_device(looked->node, reason);
	group = vn_looked_group(looked, node);
	if (drivable_may(node, R_OK | W_OK))
		return 0;
	return vn_node_group_reason(vn_host.vfio, group, vn_looked_unsafe(looked), errno,
				    reason->text, sizeof(reason->text));
}

int vn_drivable(const struct vn_looked *looked, struct vn_reason *reason)
{
	int result = vn_drivable_function(looked, reason);

	if (result == 0)
		result = vn_drivable_vfio(looked, reason);
	if (result == 0)
		result = vn_drivable_driver(looked, reason);
	if (result == 0)
		result = vn_drivable_group(looked, reason);
	return result == 0 ? vn_drivable_node(looked, reason) : result;
}

int vn_looked_user(const struct vn_looked *looked, char *text, size_t size)
{
	char node[VN_GROUP_PATH_MAX];
	int group = vn_looked_group(looked, node), result;

	if (!vn_looked_unsafe(looked))
		return vn_group_user(group, text, size);
	result = vn_node_user(node, text, size);
	if (result != 0 || group < 0 || looked->node[0] == '\0')
		return result;
	vn_node_device_path(vn_host.vfio, looked->node, node);
	return vn_node_user(node, text, size);
}

int vn_drivable_user(const struct vn_looked *looked, struct vn_reason *reason)
{
	char user[128], node[VN_GROUP_PATH_MAX];
	int group, result;

	*reason = (struct vn_reason){ .remedy = VIONET_REMEDY_NONE };
	group = vn_looked_group(looked, node);
	if (vn_domain_shares(vn_host.vfio, group, looked->function.address))
		return 0;
	result = vn_looked_user(looked, user, sizeof(user));
	if (vn_error_is_shortage(-result)) {
		drivable_say(reason, "whether another process has group %d open cannot be "
				     "seen: %s: %s",
			     group, vn_host.proc,
			     vn_errno_text(-result));
		return result;
	}
	if (result <= 0)
		return 0;
	if (group < 0)
		drivable_say(reason, "it is in use by another process: %s has it open, and a function is "
				     "driven by one process at a time; end it first",
			     user);
	else
		drivable_say(reason, "group %d is in use by another process: %s has it open, and "
				     "the functions of a group are driven by one process at a time; end it "
				     "first",
			     group, user);
	return -EBUSY;
}

int vn_reason_error(const struct vn_looked *looked, const struct vn_reason *reason,
		    int result)
{
	const char *address = looked->function.address;

	return vn_error_remedy(vn_error(-result, "%s: %s", address, reason->text),
			       reason->remedy, address);
}
