/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of vhost-user at a socket, without a back end: whatever becomes of it, a call returns. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vionet/error.h>

#include "base/clock.h"
#include "driver/transport/vhost_user/channel.h"

/* One that connects cannot be taken: that is said at once, and not waited for. */
static void no_descriptor_is_left(void **state)
{
	struct sockaddr_storage at = { .ss_family = AF_UNIX };
	socklen_t length = sizeof(sa_family_t); /* the kernel finds a name */
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), next, fd;
	struct rlimit before, full;

	(void)state;
	assert_int_equal(bind(listening, (struct sockaddr *)&at, length), 0);
	assert_int_equal(listen(listening, 1), 0);
	length = sizeof(at);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&at, &length), 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&at, length), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	next = fcntl(peer, F_DUPFD_CLOEXEC, 0);
	close(next);
	full = before;
	full.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
	assert_int_equal(vn_vhost_user_accept(listening, vn_now() + 600 * 1000 * VN_MS, &fd), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_text("accept");
	assert_int_equal(vn_vhost_user_accept(listening, vn_now() + 600 * 1000 * VN_MS, &fd), 0);
	close(fd);
	close(peer);
	close(listening);
}

/* The other side reads nothing: what does not fit any more is not waited for without end. */
static void a_message_that_is_not_taken(void **state)
{
	struct vn_vhost_user_message message = {
		.header = { .request = VHOST_USER_SET_OWNER, .flags = VHOST_USER_VERSION },
	};
	int pair[2], result = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	for (unsigned int i = 0; i < 1u << 20 && result == 0; i++)
		result = vn_vhost_user_send(pair[0], &message, vn_now() + VN_MS);
	assert_int_equal(result, -ETIMEDOUT);
	/* Nor is anything sent to one that has gone. */
	close(pair[1]);
	assert_int_equal(vn_vhost_user_send(pair[0], &message, vn_now() + VN_MS), -ENOTCONN);
	assert_text("the back end has closed the connection");
	close(pair[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_descriptor_is_left),
		cmocka_unit_test(a_message_that_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
