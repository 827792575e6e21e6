/* SPDX-License-Identifier: BSD-3-Clause */
/* Netlink: malformed datagrams, and the replies of this machine's own kernel. */
#include <errno.h>
#include <stdlib.h>

#include "pci/host/host.h"
#include "tests/unit/bind_fixture.h"
#include "tests/unit/rtnetlink.h"

static void count_message(const struct nlmsghdr *message, void *context)
{
	(void)message;
	(*(unsigned int *)context)++;
}

/* The datagram in memory of exactly its size: the sanitizer sees a read past it. */
static int show(const struct nlmsghdr *heads, size_t count, size_t size,
		unsigned int *seen)
{
	char *copy = malloc(size);
	int result;

	assert_non_null(copy);
	memset(copy, 0, size);
	memcpy(copy, heads, count * sizeof(*heads) < size ? count * sizeof(*heads) :
								 size);
	*seen = 0;
	result = vn_netlink_show(copy, size, true, count_message, seen);
	free(copy);
	return result;
}

static void datagrams(void **state)
{
	struct nlmsghdr heads[2] = { { .nlmsg_len = 16, .nlmsg_type = RTM_NEWLINK },
				     { .nlmsg_len = 16, .nlmsg_type = NLMSG_DONE } };
	struct nlmsgerr bad = { .error = -EMSGSIZE };
	char failed[36] = { 0 };
	unsigned int seen;

	(void)state;
	assert_int_equal(show(heads, 1, 16, &seen), 1);
	assert_int_equal(show(heads, 2, 32, &seen), 0);
	assert_int_equal(seen, 1);
	/* NLM_F_DUMP_INTR on any message of the list, the end too. */
	heads[1].nlmsg_flags = NLM_F_DUMP_INTR;
	assert_int_equal(show(heads, 2, 32, &seen), -EINTR);
	heads[0].nlmsg_flags = NLM_F_DUMP_INTR;
	assert_int_equal(show(heads, 1, 16, &seen), -EINTR);
	heads[0].nlmsg_flags = heads[1].nlmsg_flags = 0;
	/* An end that carries an error. */
	heads[1].nlmsg_len = 20;
	memcpy(failed, heads, 32);
	memcpy(failed + 32, &bad.error, 4);
	seen = 0;
	assert_int_equal(vn_netlink_show(failed, 36, true, count_message, &seen),
			 -EMSGSIZE);
	/* Lengths that are too small, or too large; one that is odd. */
	for (uint32_t length = 0; length < 16; length++) {
		heads[0].nlmsg_len = length;
		assert_int_equal(show(heads, 1, 16, &seen), -EIO);
	}
	heads[0].nlmsg_len = 17;
	assert_int_equal(show(heads, 1, 16, &seen), -EIO);
	assert_int_equal(show(heads, 1, 17, &seen), 1);
	assert_int_equal(seen, 1);
	heads[1].nlmsg_type = NLMSG_ERROR;
	heads[1].nlmsg_len = 16;
	assert_int_equal(show(&heads[1], 1, 16, &seen), -EIO);
}

/* This machine's own kernel. */
static void a_real_kernel(void **state)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg body;
	} request = { .head = { .nlmsg_len = sizeof(request),
				.nlmsg_type = RTM_GETLINK,
				.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	unsigned int seen = 0;

	(void)state;
	assert_int_equal(vn_netlink_request(&request.head, count_message, &seen), 0);
	assert_true(seen >= 1); /* the loopback interface */
	request.head.nlmsg_flags = NLM_F_REQUEST;
	request.body.ifi_index = 0x7ffffff0;
	assert_int_equal(vn_netlink_request(&request.head, count_message, &seen), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(datagrams),
		TEST(a_real_kernel),
	};

	return cmocka_run_group_tests_name("netlink", tests, NULL, NULL);
}
