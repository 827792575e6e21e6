/* SPDX-License-Identifier: BSD-3-Clause */
/* Listing, looking up, binding and unbinding PCI functions and vDPA devices on a host whose files, interfaces and routes are the
 * input's, and whose calls fail where it says so. */
#include <errno.h>
#include <string.h>

#include <vionet/vionet.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/refuse.h"
#include "tests/fuzz/tree.h"
#include "tests/fuzz/world.h"

#define CALL_LIMIT 300000000000ull
#define STEPS 6

const char *const fuzz_words[] = { "vfio-pci", "virtio-pci", "0000:00:05.0", "macvlan", "192.0.2.1", "nfs4", "\x04\x01", "\x20\xff", NULL };

int __wrap_ioctl(int fd, unsigned long request, ...);
const char *__lsan_default_suppressions(void);

/* Where libpci fails it leaves what it had in hand (pci/host/list.c); folders of our own are counted (refuse.c). */
const char *__lsan_default_suppressions(void)
{
	return "leak:libpci.so\nleak:libudev.so\nleak:__alloc_dir\n";
}

/* No file here is a node. */
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	(void)fd, (void)request;
	errno = ENOTTY;
	return -1;
}

static void host_said(int result)
{
	FUZZ_CHECK(result == 0 || (result < 0 && vionet_error_text()[0] != '\0'));
}

static void host_list(void)
{
	struct vionet_pci_function *list;
	size_t count;
	int result = vionet_pci_list(&list, sizeof(*list), &count);

	host_said(result);
	FUZZ_CHECK(result == 0 || (!list && count == 0));
	for (size_t i = 0; i < count; i++)
		FUZZ_CHECK(list[i].drivable || list[i].reason[0] != '\0');
	vionet_pci_list_free(list);
}

static void host_lookup(void)
{
	struct vionet_pci_function function = { .struct_size = sizeof(function) };
	char room[96];

	host_said(vionet_pci_lookup(fuzz_tree_function(room, sizeof(room)), &function));
}

static void host_move(bool bind)
{
	static const char *const drivers[] = { NULL, "virtio-pci", "e1000e", "vfio-pci", "" };
	struct vionet_pci_move *moves;
	char room[2][64];
	unsigned int how = fuzz_take8();
	const char *names[] = { fuzz_tree_function(room[0], 64), fuzz_tree_function(room[1], 64) };
	size_t count = 1 + (how >> 7), moved;
	int result;

	if (bind)
		result = vionet_pci_bind(names, count, how & 15, &moves, sizeof(*moves), &moved);
	else
		result = vionet_pci_unbind(names, count, drivers[(how >> 4 & 7) % 5], how & 3, &moves, sizeof(*moves), &moved);
	host_said(result);
	FUZZ_CHECK(result == 0 ? moved >= 1 : !moves && moved == 0);
	vionet_pci_moves_free(moves);
}

static void host_move_vdpa(bool bind)
{
	struct vionet_vdpa_move move = { .struct_size = sizeof(move) };
	char room[96];
	const char *name = fuzz_tree_vdpa(room, sizeof(room));

	host_said(bind ? vionet_vdpa_bind(name, fuzz_take8() & 3, &move) : vionet_vdpa_unbind(name, &move));
}

/* Up to the first ioctl. */
static void host_open(void)
{
	struct vionet_open_options options = { .struct_size = sizeof(options), .iommu = fuzz_take8() & 3 };
	struct vionet_device *device = NULL;
	char room[96];

	host_said(vionet_device_open(fuzz_tree_function(room, sizeof(room)), &options, &device));
	FUZZ_CHECK(!device);
}

static void host_step(void)
{
	unsigned int what = fuzz_take8();

	if (what & 0x80)
		fuzz_tree_edit();
	if (what & 0x40)
		fuzz_refuse_some();
	fuzz_call_begin(CALL_LIMIT);
	switch (what & 15) {
	case 0:
	case 1:
		host_list();
		break;
	case 2:
		host_lookup();
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		host_move(true);
		break;
	case 7:
	case 8:
		host_move(false);
		break;
	case 9:
	case 10:
	case 11:
		host_move_vdpa(true);
		break;
	case 12:
		host_move_vdpa(false);
		break;
	default:
		host_open();
	}
	fuzz_call_end();
	FUZZ_CHECK(fuzz_descriptors() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_world_begin(bytes, size);
	fuzz_refuse_none();
	fuzz_tree_begin();
	fuzz_meanwhile = fuzz_tree_meanwhile;
	for (unsigned int i = 0; i < STEPS && fuzz_more(); i++)
		host_step();
	fuzz_meanwhile = NULL;
	return 0;
}
