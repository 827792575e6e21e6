/* SPDX-License-Identifier: BSD-3-Clause */
/* The operations of a transport agree with its capability bits. */
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

#include <vionet/error.h>

#include "driver/device/open.h"
#include "driver/transport/transport.h"

static int one(struct vn_transport *t)
{
	(void)t;
	return 0;
}

/* Any function will do: none is called. */
#define SET(table, entry) ((table).entry = (__typeof__((table).entry))(uintptr_t)one)

static struct vn_transport_ops core(void)
{
	struct vn_transport_ops ops = { .can = 0 };

	SET(ops, features_read), SET(ops, features_write), SET(ops, status_read);
	SET(ops, status_write), SET(ops, config_read), SET(ops, queue_max);
	SET(ops, queue_setup), SET(ops, queue_enable), SET(ops, vectors);
	SET(ops, memory_add), SET(ops, memory_remove), SET(ops, limits);
	SET(ops, events), SET(ops, close);
	return ops;
}

static void the_core_is_enough(void **state)
{
	struct vn_transport_ops ops = core();

	(void)state;
	assert_int_equal(vn_transport_check(&ops), 0);
}

#define LACKS(entry)                                                      \
	do {                                                              \
		struct vn_transport_ops ops = core();                     \
		ops.entry = NULL;                                         \
		assert_int_equal(vn_transport_check(&ops), -EINVAL);      \
		assert_non_null(strstr(vionet_error_text(), "the core")); \
	} while (0)

static void all_of_the_core_is_needed(void **state)
{
	(void)state;
	LACKS(features_read);
	LACKS(features_write);
	LACKS(status_read);
	LACKS(status_write);
	LACKS(config_read);
	LACKS(queue_max);
	LACKS(queue_setup);
	LACKS(queue_enable);
	LACKS(vectors);
	LACKS(memory_add);
	LACKS(memory_remove);
	LACKS(limits);
	LACKS(events);
	LACKS(close);
}

/* Announced and not there; there and not announced; both. */
#define OPTION(bit, entry)                                                \
	do {                                                              \
		ops = core();                                             \
		ops.can = bit;                                            \
		assert_int_equal(vn_transport_check(&ops), -EINVAL);      \
		SET(ops, entry);                                          \
		assert_int_equal(vn_transport_check(&ops), 0);            \
		ops.can = 0;                                              \
		assert_int_equal(vn_transport_check(&ops), -EINVAL);      \
		assert_non_null(strstr(vionet_error_text(), "announces")); \
	} while (0)

static void what_is_beside_is_announced(void **state)
{
	struct vn_transport_ops ops;

	(void)state;
	OPTION(VN_CAN_HEALTH, health);
	OPTION(VN_CAN_PAIRS, pairs_use);
	OPTION(VN_CAN_QUEUE_RESET, queue_reset);
	OPTION(VN_CAN_QUEUE_DOORBELL, queue_doorbell);
	OPTION(VN_CAN_KICK, kick);
	OPTION(VN_CAN_DMA, dma);
	OPTION(VN_CAN_RESET, reset);
	OPTION(VN_CAN_MEMORY_CHECK, memory_check);
	OPTION(VN_CAN_PCI_DETAILS, pci_details);
	OPTION(VN_CAN_READ_BACK, read_back);
	/* Two operations, one bit. */
	ops = core();
	ops.can = VN_CAN_RECONNECT;
	SET(ops, reconnect);
	assert_int_equal(vn_transport_check(&ops), -EINVAL);
	SET(ops, resume);
	assert_int_equal(vn_transport_check(&ops), 0);
	ops.reconnect = NULL;
	assert_int_equal(vn_transport_check(&ops), -EINVAL);
}

static unsigned int closed;

static int count_closed(struct vn_transport *t)
{
	(void)t;
	closed++;
	return 0;
}

static void expect_refused(const struct vn_transport_ops *ops, const char *why)
{
	struct vn_transport transport = { .ops = ops, .kind = "test", .name = "test:1" };
	struct vionet_device *device;

	closed = 0;
	assert_int_equal(vn_device_open(&transport, NULL, &device), -EINVAL);
	assert_null(device);
	assert_non_null(strstr(vionet_error_text(), "test:1: the transport's table"));
	assert_non_null(strstr(vionet_error_text(), why));
}

/* It is the device's: closed if that can be, and nothing else of it is called. */
static void an_incomplete_table_is_refused(void **state)
{
	struct vn_transport_ops ops = { .close = count_closed };

	(void)state;
	expect_refused(&ops, "the core");
	assert_int_equal(closed, 1);
	ops = core();
	ops.close = count_closed;
	ops.can = VN_CAN_READ_BACK;
	expect_refused(&ops, "announces");
	assert_int_equal(closed, 1);
	ops = core();
	ops.close = NULL;
	expect_refused(&ops, "the core");
	assert_int_equal(closed, 0);
}

static void names_have_an_end(void **state)
{
	static const struct vn_transport_options token = { .vf_token = "t", .iommu = VIONET_IOMMU_AUTO };
	struct vn_transport_options way = { .iommu = VIONET_IOMMU_AUTO };
	struct vn_transport *t = (void *)1;
	char name[VIONET_NAME_MAX + 1];

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name, "vfio-user:", 10);
	name[VIONET_NAME_MAX] = '\0';
	assert_int_equal(vn_transport_open(name, &way, &t), -EINVAL);
	assert_null(t);
	assert_text("device name of 256 characters; at most 255 are possible");
	name[VIONET_NAME_MAX - 1] = '\0';
	assert_true(vn_transport_open(name, &way, &t) < 0);
	assert_null(strstr(vionet_error_text(), "device name of"));
	assert_int_equal(vn_transport_open("vhost-user:/s", &token, &t), -EINVAL);
	assert_text("a VF token is for PCI functions");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_incomplete_table_is_refused),
		cmocka_unit_test(the_core_is_enough),
		cmocka_unit_test(all_of_the_core_is_needed),
		cmocka_unit_test(what_is_beside_is_announced),
		cmocka_unit_test(names_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
