/* SPDX-License-Identifier: BSD-3-Clause */
/* The lock of a socket: one owner, however the path is spelled, and whatever other users
 * put there. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vionet/error.h>

#include "base/lock.h"

#define NOBODY 65534

static char folder[32], path[64], beside[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/vionet-lock-XXXXXX");
	assert_non_null(mkdtemp(folder));
	chmod(folder, 0755);
	snprintf(path, sizeof(path), "%s/socket", folder);
	snprintf(beside, sizeof(beside), "%s/.socket.vionet", folder);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void make_socket(mode_t mode)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(chmod(path, mode), 0);
	close(fd);
}

static void excludes(const char *first, const char *second)
{
	struct vn_lock one, other;

	assert_int_equal(vn_lock_take(first, &one), 0);
	assert_true(one.fd >= 0);
	assert_int_equal(vn_lock_take(second, &other), -EBUSY);
	assert_text("this process has it");
	vn_lock_release(&other);
	vn_lock_release(&one);
	assert_int_equal(vn_lock_take(second, &other), 0);
	vn_lock_release(&other);
}

static void spellings(void **state)
{
	char other[256];

	(void)state;
	excludes(path, path); /* before there is a socket */
	make_socket(0755);
	excludes(path, path);
	snprintf(other, sizeof(other), "%s//./socket", folder);
	excludes(path, other);
	snprintf(other, sizeof(other), "%s/link", folder);
	assert_int_equal(symlink("socket", other), 0);
	excludes(path, other);
	excludes(other, path);
	assert_int_equal(chdir(folder), 0);
	excludes("socket", path);
	assert_int_equal(chdir("/"), 0);
	/* Nothing is left behind. */
	assert_int_equal(access(beside, F_OK), -1);
}

/* A lock of one name would be none of the other. */
static void several_names(void **state)
{
	struct vn_lock lock;
	char other[256];

	(void)state;
	make_socket(0755);
	snprintf(other, sizeof(other), "%s/other", folder);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(vn_lock_take(path, &lock), -EBUSY);
	assert_text("2 names");
	assert_int_equal(vn_lock_take(other, &lock), -EBUSY);
	assert_int_equal(lock.fd, -1);
	assert_int_equal(unlink(other), 0);
	excludes(path, path);
}

/* Another socket is another device. */
static void others_are_free(void **state)
{
	struct vn_lock one, other;
	char next[256];

	(void)state;
	snprintf(next, sizeof(next), "%s/socket2", folder);
	assert_int_equal(vn_lock_take(path, &one), 0);
	assert_int_equal(vn_lock_take(next, &other), 0);
	vn_lock_release(&other);
	vn_lock_release(&one);
}

/* A child that inherits the lock does not keep it; nor does an owner that dies. */
static void processes(void **state)
{
	struct vn_lock lock, other;
	int pipes[2], status;
	char byte;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(vn_lock_take(path, &lock), 0);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	vn_lock_release(&lock);
	assert_int_equal(vn_lock_take(path, &lock), 0);
	vn_lock_release(&lock);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);

	child = fork();
	if (child == 0) {
		(void)!write(pipes[1], vn_lock_take(path, &lock) ? "n" : "y", 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(vn_lock_take(path, &other), -EBUSY);
	assert_text("has it; end that first");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	assert_int_equal(vn_lock_take(path, &other), 0);
	vn_lock_release(&other);
	close(pipes[0]);
	close(pipes[1]);
}

/* A file that is not a lock file is left alone; the lock is then taken in another place. */
static void strange_files(void **state)
{
	struct stat before, after;
	int fd;

	(void)state;
	make_socket(0755);
	alarm(60);
	assert_int_equal(mkfifo(beside, 0666), 0);
	excludes(path, path);
	assert_int_equal(unlink(beside), 0);

	assert_int_equal(symlink("/etc/passwd", beside), 0);
	excludes(path, path);
	assert_int_equal(unlink(beside), 0);

	assert_int_equal(symlink("not-there", beside), 0);
	excludes(path, path);
	assert_int_equal(unlink(beside), 0);

	fd = open(beside, O_CREAT | O_WRONLY, 0644);
	assert_int_equal(write(fd, "data", 4), 4);
	close(fd);
	assert_int_equal(stat(beside, &before), 0);
	excludes(path, path);
	assert_int_equal(stat(beside, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(after.st_size, 4);
	assert_int_equal(unlink(beside), 0);

	assert_int_equal(mkdir(beside, 0755), 0);
	excludes(path, path);
	assert_int_equal(rmdir(beside), 0);
	alarm(0);
}

/* A user who may not connect cannot hold the lock; one who may, can. Needs root, to act
 * as several users. */
static void another_user(void **state)
{
	struct vn_lock lock, other;
	int fd;

	(void)state;
	if (geteuid() != 0)
		return; /* what follows is about other users' files that root finds */
	make_socket(0755);
	fd = open(beside, O_CREAT | O_RDONLY, 0666);
	assert_int_equal(fchown(fd, NOBODY, NOBODY), 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(vn_lock_take(path, &lock), 0);
	assert_int_equal(vn_lock_take(path, &other), -EBUSY);
	vn_lock_release(&lock);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(vn_lock_take(path, &lock), -EBUSY);
	close(fd);
	assert_int_equal(vn_lock_take(path, &lock), 0);
	vn_lock_release(&lock);
}

/* In a child, as another user: 0 taken, 1 busy. */
static int as_nobody(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct vn_lock lock, again;
		int result;

		if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
			_exit(99);
		result = vn_lock_take(path, &lock);
		/* And it is a lock. */
		if (result == 0 && vn_lock_take(path, &again) != -EBUSY)
			_exit(98);
		vn_lock_release(&lock);
		_exit(result == 0 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A user who may connect sees root's lock, and can take a lock where he may create no
 * file. */
static void of_root(void **state)
{
	struct vn_lock lock;

	(void)state;
	if (geteuid() != 0)
		return;
	make_socket(0777);
	assert_int_equal(vn_lock_take(path, &lock), 0);
	assert_int_equal(as_nobody(), 1);
	vn_lock_release(&lock);
	assert_int_equal(as_nobody(), 0);
	/* A user who may not connect cannot open it. */
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(vn_lock_take(path, &lock), 0);
	assert_int_equal(as_nobody(), 0);
	/* A user who was allowed in later sees only that it is locked. */
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(as_nobody(), 1);
	vn_lock_release(&lock);
	assert_int_equal(as_nobody(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(spellings),
		TEST(several_names),
		TEST(others_are_free),
		TEST(processes),
		TEST(strange_files),
		TEST(another_user),
		TEST(of_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
