/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Giving functions to vfio-pci and back, all that are named or none: what is refused,
 * and in which order. Never lets a driver go before everything that can be refused has
 * been refused, for all of the functions.
 *
 * Source: Documentation/driver-api/vfio.rst (groups),
 * Documentation/PCI/pci-iov-howto.rst.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vionet/error.h>

#include "base/abi.h"
#include "base/error.h"
#include "pci/host/host.h"
#include "pci/host/move.h"

#define VFIO_PCI "vfio-pci"

#define BIND_FLAGS ((unsigned int)(VIONET_PCI_BIND_FORCE | VIONET_PCI_BIND_GROUP | \
				   VIONET_PCI_BIND_NO_IOMMU))
#define UNBIND_FLAGS ((unsigned int)VIONET_PCI_BIND_GROUP)

/* More functions than one call is for; a group behind a bridge may have many. */
#define TOGETHER_MAX 256

/* The functions of one call. */
struct set {
	struct vn_looked *looked;
	struct vn_move *move;
	const char **address; /* into `looked` */
	bool *cleared;	      /* those that stay, but for driver_override */
	size_t count;
	size_t named; /* the first ones; the others come along with their groups */
	int lock;
};

/* ---- which functions ---- */

static void bind_set_free(struct set *set)
{
	free(set->looked);
	free(set->move);
	free(set->address);
	free(set->cleared);
	vn_move_unlock(&set->lock);
}

static int bind_set_make(struct set *set)
{
	*set = (struct set){
		.looked = calloc(TOGETHER_MAX, sizeof(*set->looked)),
		.move = calloc(TOGETHER_MAX, sizeof(*set->move)),
		.address = calloc(TOGETHER_MAX, sizeof(*set->address)),
		.cleared = calloc(TOGETHER_MAX, sizeof(*set->cleared)),
		.lock = -1,
	};
	if (set->looked != NULL && set->move != NULL && set->address != NULL &&
	    set->cleared != NULL)
		return vn_move_lock("pci", &set->lock);
	return vn_error(ENOMEM, "binding: no memory");
}

static int bind_set_add(struct set *set, const char *address)
{
	struct vn_looked *looked = &set->looked[set->count];
	int result;

	if (set->count == TOGETHER_MAX)
		return vn_error(EINVAL, "%s: more than %d functions at once", address,
				TOGETHER_MAX);
	result = vn_pci_look(address, looked);
	if (result < 0)
		return result;
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->address[i], looked->function.address) == 0)
			return 0;
	set->address[set->count++] = looked->function.address;
	return 0;
}

/* The virtio-net functions of its group. What else is in it is none of ours: if it is
 * in the way, that is said later. */
static int bind_set_add_group(struct set *set, int group)
{
	struct vn_member *members;
	int count, result = 0;

	if (group < 0)
		return 0;
	count = vn_group_members(group, &members);
	for (int i = 0; i < count && result == 0; i++)
		if (members[i].virtio_net)
			result = bind_set_add(set, members[i].address);
	free(members);
	return count < 0 ? count : result;
}

static int bind_set_fill(struct set *set, const char *const *addresses, size_t count,
			 bool groups)
{
	int result = bind_set_make(set);

	for (size_t i = 0; i < count && result == 0; i++)
		result = bind_set_add(set, addresses[i]);
	set->named = set->count;
	for (size_t i = 0; i < set->named && groups && result == 0; i++)
		result = bind_set_add_group(set, set->looked[i].group);
	if (result < 0)
		bind_set_free(set);
	return result;
}

/* ---- may we? ---- */

static int bind_check(const struct vn_looked *looked,
		      int (*check)(const struct vn_looked *, struct vn_reason *))
{
	struct vn_reason reason;
	int result = check(looked, &reason);

	return result == 0 ? 0 : vn_reason_error(looked, &reason, result);
}

static int bind_check_writable(const char *address, const char *path)
{
	/* Effective ids: those that open() will be checked with. */
	if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0)
		return 0;
	if (errno == EROFS)
		return vn_error(EACCES,
				"%s: %s is mounted read-only (in a container: do it on the host)",
				address, vn_sysfs_root());
	if (errno == EACCES || errno == EPERM)
		return vn_error(EACCES,
				"%s: this user may not write to %s; run it as root",
				address, path);
	vn_error_errno(errno, "%s: %s cannot be written to", address, path);
	return -EIO;
}

/* Everything that a move from driver `from` writes to. */
static int bind_check_permission(const char *address, const char *from)
{
	char path[VN_PATH_MAX];
	int result;

	vn_sysfs_path(path, "bus/pci/devices/%s/driver_override", address);
	result = bind_check_writable(address, path);
	if (result == 0) {
		vn_sysfs_path(path, "bus/pci/drivers_probe");
		result = bind_check_writable(address, path);
	}
	if (result == 0 && from[0] != '\0') {
		vn_sysfs_path(path, "bus/pci/drivers/%s/unbind", from);
		result = bind_check_writable(address, path);
	}
	return result;
}

/* The rest of the group: those that come along are no hindrance. */
static int bind_check_others(const struct set *set, const struct vn_looked *looked)
{
	const char *address = looked->function.address;
	char others[400];
	bool other_kind;
	int count = vn_group_hindrances(looked->group, set->address, set->count, others,
					sizeof(others), &other_kind);

	if (count <= 0)
		return count;
	if (!other_kind)
		return vn_error_remedy(
			vn_error(EBUSY,
				 "%s: IOMMU group %d can only be used as a whole, and %s",
				 address, looked->group, others),
			VIONET_REMEDY_BIND_GROUP, address);
	return vn_error(EBUSY,
			"%s: IOMMU group %d can only be used as a whole, and %s; bind that to "
			"vfio-pci too, or unbind it, or move the function to another slot",
			address, looked->group, others);
}

/* What cannot be seen may be in use. */
static int bind_unseen(const char *address, int result, const char *what)
{
	if (vn_error_is_shortage(-result))
		return vn_error_errno(-result, "%s: whether it is in use: %s", address,
				      what);
	result = vn_error(result == -EACCES || result == -EPERM ? EACCES : EIO,
			  "%s: whether it is in use cannot be seen: %s: %s; fix that",
			  address, what, vn_errno_text(-result));
	return vn_error_remedy(result, VIONET_REMEDY_BIND_FORCE, address);
}

/* A virtual function of it that a process drives, "" if there is none. Returns 0, or
 * -errno: it cannot be seen. */
static int bind_find_held_vf(const char *address, char *text, size_t size)
{
	char path[VN_PATH_MAX], vf[VN_ADDRESS_MAX], user[128];
	int count = vn_sysfs_vfs(address);
	int result = 0;

	text[0] = '\0';
	for (int i = 0; i < count && result == 0; i++) {
		vn_sysfs_path(path, "bus/pci/devices/%s/virtfn%d", address, i);
		if (vn_sysfs_link(path, vf, sizeof(vf)) != 0)
			continue;
		result = vn_group_user(vn_sysfs_group_quiet(vf), user, sizeof(user));
		if (result > 0)
			snprintf(text, size, "%s has %s open", user, vf);
	}
	return result < 0 ? result : 0;
}

/*
 * The kernel removes the virtual functions of a physical one together with its driver,
 * even while others use them; it waits for a process that has one open, and so would we.
 */
static int bind_check_vfs(const char *address, bool force)
{
	char held[160];
	int count = vn_sysfs_vfs(address);
	int result;

	if (count < 0)
		return bind_unseen(address, count, "its virtual functions");
	if (count == 0)
		return 0;
	result = bind_find_held_vf(address, held, sizeof(held));
	if (vn_error_is_shortage(-result))
		return bind_unseen(address, result, vn_host.proc);
	if (force && held[0] == '\0')
		return 0;
	return vn_error(EBUSY,
			"%s: its %d virtual function%s would be removed with its driver%s%s; "
			"remove %s first: echo 0 > %s/bus/pci/devices/%s/sriov_numvfs",
			address, count, count == 1 ? "" : "s", held[0] == '\0' ? "" : ", and ",
			held, count == 1 ? "it" : "them", vn_sysfs_root(), address);
}

static int bind_check_use(const char *address)
{
	char why[320], remedy[128];
	int result = vn_function_in_use(address, why, sizeof(why), remedy,
					sizeof(remedy));

	if (result <= 0)
		return result == 0 ? 0 : bind_unseen(address, result, why);
	result = vn_error(EBUSY, "%s: %s: its users would be cut off%s%s", address, why,
			  remedy[0] == '\0' ? "" : "; ", remedy);
	return vn_error_remedy(result, VIONET_REMEDY_BIND_FORCE, address);
}

/* A name that is safe in a path and as an argument. */
static bool bind_is_driver_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= VN_DRIVER_MAX || name[0] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    strchr("_-+", name[i]) == NULL)
			return false;
	return true;
}

static int bind_check_driver(const char *address, const char *driver)
{
	if (!bind_is_driver_name(driver))
		return vn_error(EINVAL, "%s: \"%.64s\" is no driver name",
				address, driver);
	if (vn_driver_load(driver))
		return 0;
	return vn_error(ENOENT,
			"%s: the kernel has no PCI driver %s and modprobe could not load it; try "
			"`modprobe %s` by hand as root (in a container: on the host) and see why it fails",
			address, driver, driver);
}

/* In this order: what can be forced after what cannot. Who only comes along need not be
 * fit for use: no other member of the group is as long as a kernel driver has it. */
static int bind_check_bind(const struct set *set, const struct vn_looked *looked,
			   bool force)
{
	const struct vionet_pci_function *function = &looked->function;
	int result = bind_check(looked, vn_drivable_function);

	if (result == -ENOTSUP && looked >= set->looked + set->named)
		result = 0;
	if (result == 0 && looked->group >= 0)
		result = bind_check_others(set, looked);
	if (result == 0)
		result = bind_check_permission(function->address, function->driver);
	if (result == 0)
		result = bind_check_vfs(function->address, force);
	return result == 0 && !force ? bind_check_use(function->address) : result;
}

/* The module last, since loading it leaves a trace. */
static int bind_check_binds(const struct set *set, bool force)
{
	const struct vn_looked *last = NULL;
	int result = 0;

	for (size_t i = 0; i < set->count && result == 0; i++) {
		if (set->looked[i].vfio)
			continue;
		last = &set->looked[i];
		result = bind_check_bind(set, last, force);
	}
	if (result == 0 && last != NULL)
		result = bind_check_driver(last->function.address, VFIO_PCI);
	return result == 0 && last != NULL ? bind_check(last, vn_drivable_vfio) : result;
}

/* Refuse while the group is open: the kernel would make us wait in unbind until
 * it is closed. */
static int bind_check_free(const struct vn_looked *looked)
{
	const char *address = looked->function.address;
	char node[VN_GROUP_PATH_MAX], user[128];
	int fd, result = vn_looked_user(looked, user, sizeof(user));

	(void)vn_looked_group(looked, node);
	if (vn_error_is_shortage(-result))
		return bind_unseen(address, result, vn_host.proc);
	if (result > 0)
		return vn_error(EBUSY,
				"%s: %s has it open (%s); end it first",
				address, user, node);
	/* A group is opened by one at a time, and opening it does nothing to
	 * the function: this finds users that /proc does not show. */
	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0 && vn_error_is_shortage(errno))
		return vn_error_errno(errno, "%s: whether it is in use: %s", address,
				      node);
	if (fd < 0 && errno == EBUSY)
		return vn_error(EBUSY,
				"%s: a process that cannot be seen from here has it open (%s); end it first",
				address, node);
	if (fd >= 0)
		close(fd);
	return 0;
}

/* ---- all or none ---- */

/* The text of what failed stays, with what became of the others behind it. */
static int bind_undo(struct set *set, size_t done, int result)
{
	char stuck[256] = "", by_hand[VN_PATH_MAX] = "", why[VIONET_ERROR_TEXT_MAX];

	snprintf(why, sizeof(why), "%s", vionet_error_text());

	for (size_t i = done; i-- > 0;) {
		struct vn_move *move = &set->move[i];

		if (move->address == NULL || vn_move_undo(move))
			continue;
		vn_move_by_hand(move, by_hand, sizeof(by_hand));
		snprintf(stuck + strlen(stuck), sizeof(stuck) - strlen(stuck), "%s%s",
			 stuck[0] == '\0' ? "" : " and in the same way ", move->address);
	}
	if (stuck[0] == '\0')
		return vn_error(-result, "%s", why);
	return vn_error(-result, "%s; and not as before: %s; by hand: %s", why, stuck, by_hand);
}

static int bind_run_all(struct set *set)
{
	int result = 0;

	for (size_t i = 0; i < set->count && result == 0; i++) {
		if (set->move[i].address == NULL)
			continue;
		result = vn_move_run(&set->move[i]);
		if (result < 0)
			result = bind_undo(set, i, result);
	}
	return result;
}

/* Of what has moved to a driver that the caller named, and where a move was cut off. */
static int bind_clear_overrides(struct set *set, bool named)
{
	int result = 0;

	for (size_t i = 0; i < set->count && result == 0; i++)
		if (set->cleared[i] || (named && set->move[i].address != NULL))
			result = vn_move_clear_override("pci", set->address[i]);
	return result;
}

static struct vionet_pci_move bind_describe(const struct set *set, size_t i)
{
	const struct vionet_pci_function *before = &set->looked[i].function;
	struct vionet_pci_move move = { .moved = set->move[i].address != NULL,
					.cleared = set->cleared[i] };
	struct vn_interfaces interfaces;

	snprintf(move.address, sizeof(move.address), "%s", before->address);
	snprintf(move.from, sizeof(move.from), "%s", before->driver);
	vn_sysfs_driver(before->address, move.to, sizeof(move.to));
	vn_sysfs_interfaces(before->address, &interfaces);
	snprintf(move.interface, sizeof(move.interface), "%s", interfaces.name[0]);
	return move;
}

/* Make room for the answer, run, fill it. `named`: the caller has named the driver. */
static int bind_run(struct set *set, bool named, struct vionet_pci_move **moves,
		    size_t stride, size_t *count)
{
	void *list = calloc(set->count + 1, moves != NULL ? stride : 1);
	sigset_t signals;
	int result;

	if (list == NULL)
		return vn_error(ENOMEM, "binding: no memory");
	vn_move_hold_signals(&signals);
	result = bind_run_all(set);
	if (result == 0)
		result = bind_clear_overrides(set, named);
	vn_move_let_signals(&signals);
	if (result < 0 || moves == NULL) {
		free(list);
		return result;
	}
	for (size_t i = 0; i < set->count; i++) {
		struct vionet_pci_move move = bind_describe(set, i);

		vn_element_out(list, stride, i, &move, sizeof(move));
	}
	*moves = list;
	*count = set->count;
	return 0;
}

static int bind_check_call(size_t given, unsigned int flags, unsigned int known,
			   struct vionet_pci_move **moves, size_t stride, size_t *count)
{
	int result = moves != NULL ? vn_stride_check(stride, "vionet_pci_move") : 0;

	if (moves != NULL) {
		*moves = NULL;
		*count = 0;
	}
	if (result < 0)
		return vn_error_prefix(result, "binding");
	if ((flags & ~known) != 0)
		return vn_error(EINVAL, "binding: unknown flags 0x%x", flags & ~known);
	return given != 0 ? 0 : vn_error(EINVAL, "binding: no function is named");
}

/* The functions of a call, looked at. */
static int bind_begin(struct set *set, const char *const *addresses, size_t count,
		      unsigned int flags, unsigned int known,
		      struct vionet_pci_move **moves, size_t stride, size_t *move_count)
{
	int result = bind_check_call(count, flags, known, moves, stride, move_count);

	if (result < 0)
		return result;
	return bind_set_fill(set, addresses, count, (flags & VIONET_PCI_BIND_GROUP) != 0);
}

void vionet_pci_moves_free(struct vionet_pci_move *moves)
{
	free(moves);
}

/* ---- there ---- */

static void bind_plan_binds(struct set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		if (set->looked[i].vfio)
			continue;
		set->move[i].bus = "pci";
		set->move[i].address = set->address[i];
		set->move[i].from = set->looked[i].function.driver;
		set->move[i].to = VFIO_PCI;
	}
}

int vionet_pci_bind(const char *const *addresses, size_t count, unsigned int flags,
		    struct vionet_pci_move **moves, size_t stride, size_t *move_count)
{
	struct set set = { .count = 0 };
	int result = bind_begin(&set, addresses, count, flags, BIND_FLAGS, moves, stride,
				move_count);

	if (result < 0)
		return result;
	for (size_t i = 0; i < set.count && (flags & VIONET_PCI_BIND_NO_IOMMU) != 0; i++)
		set.looked[i].wanted = VN_IOMMU_NONE;
	result = bind_check_binds(&set, (flags & VIONET_PCI_BIND_FORCE) != 0);
	if (result == 0) {
		bind_plan_binds(&set);
		result = bind_run(&set, false, moves, stride, move_count);
	}
	vn_move_unlock(&set.lock);
	for (size_t i = 0; i < set.count && result == 0; i++)
		if (set.move[i].address != NULL)
			vn_node_wait(set.address[i], set.looked[i].group);
	bind_set_free(&set);
	return result;
}

/* ---- and back ---- */

static int bind_check_unbind(const struct vn_looked *looked, const char *driver)
{
	const struct vionet_pci_function *function = &looked->function;
	int result = 0;

	if (looked->vfio && (looked->group >= 0 || looked->unsafe_group >= 0))
		result = bind_check_free(looked);
	if (result == 0 && looked->vfio)
		result = bind_check_vfs(function->address, false);
	if (result == 0)
		result = bind_check_permission(function->address, function->driver);
	if (result == 0 && driver != NULL)
		result = bind_check_driver(function->address, driver);
	return result;
}

/* With a kernel driver: there is nothing to give back. */
static bool bind_is_back(const struct vn_looked *looked)
{
	return looked->function.driver[0] != '\0' && !looked->vfio;
}

/* Nothing moves; what a bind that was cut off has left would keep its driver away the next time. */
static int bind_plan_clear(struct set *set, size_t i)
{
	char path[VN_PATH_MAX];

	if (!vn_looked_cut_off(&set->looked[i]))
		return 0;
	set->cleared[i] = true;
	vn_sysfs_path(path, "bus/pci/devices/%s/driver_override", set->address[i]);
	return bind_check_writable(set->address[i], path);
}

static int bind_plan_unbind(struct set *set, size_t i, const char *driver)
{
	const struct vn_looked *looked = &set->looked[i];
	const struct vionet_pci_function *function = &looked->function;
	int result;

	if (bind_is_back(looked)) {
		if (driver == NULL || strcmp(driver, function->driver) == 0)
			return bind_plan_clear(set, i);
		return vn_error(EINVAL,
				"%s: it is with its kernel driver %s, not with VFIO: there is nothing to give back",
				function->address, function->driver);
	}
	if (looked->vfio && driver != NULL && strcmp(driver, function->driver) == 0)
		return vn_error(EINVAL,
				"%s: it is with %s already, which is a driver of VFIO: name a kernel driver, or none",
				function->address, driver);
	result = bind_check_unbind(looked, driver);
	if (result < 0)
		return result;
	set->move[i].bus = "pci";
	set->move[i].address = function->address;
	set->move[i].from = function->driver;
	set->move[i].to = driver;
	return 0;
}

int vionet_pci_unbind(const char *const *addresses, size_t count, const char *driver,
		      unsigned int flags, struct vionet_pci_move **moves,
		      size_t stride, size_t *move_count)
{
	struct set set = { .count = 0 };
	int result = bind_begin(&set, addresses, count, flags, UNBIND_FLAGS, moves, stride,
				move_count);

	if (result < 0)
		return result;
	for (size_t i = 0; i < set.count && result == 0; i++)
		result = bind_plan_unbind(&set, i, driver);
	/* Nothing loads it at a probe; without it, any other may do. */
	if (result == 0 && driver == NULL)
		vn_driver_load("virtio-pci");
	if (result == 0)
		result = bind_run(&set, driver != NULL, moves, stride, move_count);
	bind_set_free(&set);
	return result;
}
