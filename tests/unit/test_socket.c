/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets that the library listens at: when they get their name, what they replace, and what never. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <vionet/error.h>

#include "base/socket.h"

#define LONGEST (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static char folder[LONGEST + 1];

/* What is done before the next call of listen(). */
static const char *looks_at;
static bool was_there;
static int (*meanwhile)(const char *path);

int listen(int fd, int backlog)
{
	was_there = looks_at != NULL && access(looks_at, F_OK) == 0;
	if (meanwhile != NULL)
		assert_true(meanwhile(looks_at) >= 0);
	meanwhile = NULL;
	return (int)syscall(SYS_listen, fd, backlog);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/vionet-socket-XXXXXX");
	assert_non_null(mkdtemp(folder));
	return 0;
}

/* The socket was all that there was. */
static int tear_down(void **state)
{
	(void)state;
	return rmdir(folder);
}

static int bound(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static int listening(const char *path)
{
	int fd = bound(path);

	assert_int_equal(syscall(SYS_listen, fd, 1), 0);
	return fd;
}

static int connected(const char *path)
{
	static const struct vn_socket_peer peer = { .name = "server", .remedy = "" };
	int fd;

	assert_int_equal(vn_socket_connect(path, &peer, 0, &fd), 0);
	return fd;
}

/* It can be connected to, and did not have its name before; `named`: it had. */
static void served(const char *path, bool named)
{
	int fd;

	looks_at = path;
	assert_int_equal(vn_socket_listen(path, &fd), 0);
	assert_int_equal(was_there, named);
	close(connected(path));
	close(fd);
	assert_int_equal(unlink(path), 0);
}

static void refused(const char *path, int result, const char *text)
{
	int fd;

	looks_at = path;
	assert_int_equal(vn_socket_listen(path, &fd), result);
	assert_text(text);
	assert_int_equal(fd, -1);
}

/* A path of so many bytes whose last part has so many. */
static void path_of(char path[LONGEST + 1], size_t length, size_t last)
{
	size_t at = strlen(folder);

	memset(path, 'n', length);
	memcpy(path, folder, at);
	/* Slashes: no folders are needed for so long a path. */
	memset(path + at, '/', length - last - at);
	path[length] = '\0';
}

static void it_has_its_name_when_it_listens(void **state)
{
	char path[LONGEST + 1], here[64];

	(void)state;
	path_of(path, strlen(folder) + 2, 1);
	served(path, false);
	for (size_t length = LONGEST - 10; length <= LONGEST; length++) {
		path_of(path, length, 40);
		served(path, false);
		path_of(path, length, 9);
		served(path, false);
	}
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(folder), 0);
	served("n", false);
	assert_int_equal(chdir(here), 0);
}

/* The folder's path alone takes what there is. */
static void no_room_for_another_name(void **state)
{
	char path[LONGEST + 1];

	(void)state;
	path_of(path, LONGEST, 1);
	served(path, true);
}

static void its_mode_is_the_umasks(void **state)
{
	const mode_t mask = umask(027);
	char path[LONGEST + 1];
	struct stat made;
	int fd;

	(void)state;
	path_of(path, 60, 10);
	assert_int_equal(vn_socket_listen(path, &fd), 0);
	umask(mask);
	assert_int_equal(lstat(path, &made), 0);
	assert_int_equal(made.st_mode & 07777, 0750);
	assert_int_equal(made.st_uid, geteuid());
	close(fd);
	unlink(path);
}

static void a_dead_one_is_replaced(void **state)
{
	char path[LONGEST + 1], beside[LONGEST + 16];

	(void)state;
	path_of(path, 60, 10);
	close(bound(path));
	served(path, false);
	/* One with this thread's number died before it had given its socket the name. */
	snprintf(beside, sizeof(beside), "%s.%d", path, (int)syscall(SYS_gettid));
	close(bound(beside));
	served(path, false);
	assert_int_equal(access(beside, F_OK), -1);
}

static void one_that_is_served_is_not(void **state)
{
	char path[LONGEST + 1];
	int fd;

	(void)state;
	path_of(path, 60, 10);
	fd = listening(path);
	refused(path, -EBUSY, "another process listens there");
	close(connected(path));
	close(fd);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	refused(path, -EINVAL, "it is no socket");
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/none/n", folder);
	refused(path, -ENODEV, "mkdir -p");
}

static int other;

static int other_listens(const char *path)
{
	other = listening(path);
	return other;
}

/* Another has come between the look and the name. */
static void one_that_came_meanwhile_is_not(void **state)
{
	char path[LONGEST + 1];

	(void)state;
	path_of(path, 60, 10);
	meanwhile = other_listens;
	refused(path, -EBUSY, "another process");
	close(connected(path));
	close(other);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_has_its_name_when_it_listens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_room_for_another_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(its_mode_is_the_umasks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_dead_one_is_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_is_served_is_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_came_meanwhile_is_not, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
