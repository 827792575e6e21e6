/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets at a path of the user's (tools/shared/socket_listen.c): what they replace, and what never. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/shared/socket_listen.h"

struct place {
	char folder[64], path[80], lock[88];
};

static int place_make(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->folder, "/tmp/listen-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/api", place->folder);
	snprintf(place->lock, sizeof(place->lock), "%s.lock", place->path);
	*state = place;
	return 0;
}

static int place_remove(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	unlink(place->lock);
	assert_int_equal(rmdir(place->folder), 0);
	free(place);
	return 0;
}

static int listen_at(const char *path, struct socket_directory *directory, int *lock)
{
	int fd;

	assert_int_equal(socket_directory_of_path(directory, path), 0);
	fd = socket_listen(directory, 4, lock);
	if (fd < 0)
		socket_directory_close(directory);
	return fd;
}

static void refused(const char *path, int error)
{
	struct socket_directory directory;
	int lock;

	assert_int_equal(listen_at(path, &directory, &lock), error);
	assert_true(lock < 0);
}

static void closed(struct socket_directory *directory, int fd, int lock)
{
	close(fd);
	close(lock);
	socket_directory_close(directory);
}

static void one_at_a_time(void **state)
{
	struct place *place = *state;
	struct socket_directory directory, again;
	struct stat status;
	int lock, fd = listen_at(place->path, &directory, &lock);

	assert_true(fd >= 0);
	assert_int_equal(stat(place->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(stat(place->lock, &status), 0);
	assert_int_equal(status.st_mode & 0177, 0);
	refused(place->path, -EBUSY);
	/* It dies, and leaves both files. */
	closed(&directory, fd, lock);
	fd = listen_at(place->path, &again, &lock);
	assert_true(fd >= 0);
	socket_listen_remove(&again);
	closed(&again, fd, lock);
	assert_int_equal(access(place->path, F_OK), -1);
	assert_int_equal(access(place->lock, F_OK), -1);
}

/* Somebody who knows nothing of the lock. */
static void one_that_is_listened_at(void **state)
{
	struct place *place = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, place->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	refused(place->path, -EADDRINUSE);
	assert_int_equal(access(place->path, F_OK), 0);
	assert_int_equal(access(place->lock, F_OK), -1);
	close(fd);
}

static void what_is_no_socket(void **state)
{
	struct place *place = *state;
	int fd = open(place->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	close(fd);
	refused(place->path, -EEXIST);
	assert_int_equal(access(place->path, F_OK), 0);
	unlink(place->path);
	assert_int_equal(symlink("/dev/null", place->path), 0);
	refused(place->path, -EEXIST);
}

static void folders(void **state)
{
	struct place *place = *state;
	struct socket_directory directory;
	char path[128];

	assert_int_equal(chmod(place->folder, 0777), 0);
	assert_int_equal(socket_directory_of_path(&directory, place->path), -EPERM);
	assert_int_equal(chmod(place->folder, 01777), 0);
	assert_int_equal(socket_directory_of_path(&directory, place->path), 0);
	socket_directory_close(&directory);
	snprintf(path, sizeof(path), "%s/none/api", place->folder);
	assert_int_equal(socket_directory_of_path(&directory, path), -ENOENT);
	snprintf(path, sizeof(path), "%s/", place->folder);
	assert_int_equal(socket_directory_of_path(&directory, path), -EINVAL);
	assert_int_equal(socket_directory_of_path(&directory, "/tmp/.."), -EINVAL);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(socket_directory_of_path(&directory, path), -ENAMETOOLONG);
	assert_int_equal(directory.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_at_a_time, place_make, place_remove),
		cmocka_unit_test_setup_teardown(one_that_is_listened_at, place_make, place_remove),
		cmocka_unit_test_setup_teardown(what_is_no_socket, place_make, place_remove),
		cmocka_unit_test_setup_teardown(folders, place_make, place_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
