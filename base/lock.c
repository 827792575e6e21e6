/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/lock.h"

/* A process that was killed gives its memory back before its locks. Looks are counted: who gets no processor has not
 * waited. */
#define DYING (300 * VN_MS)
#define LOCK_RETRY (10 * VN_MS)

/* Who may use a device: what is known of its socket. */
struct owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* ---- where ---- */

/* Split the real path into its folder and the name there; a socket that is not there
 * yet has its folder at least. */
static bool lock_resolve(const char *path, char folder[PATH_MAX],
			 char name[NAME_MAX + 1])
{
	char whole[PATH_MAX];
	char *slash;

	if (!realpath(path, whole)) {
		const char *last = strrchr(path, '/');

		if (errno != ENOENT)
			return false;
		snprintf(whole, sizeof(whole), "%.*s", last ? (int)(last - path) + 1 : 2,
			 last ? path : "./");
		if (!realpath(whole, folder))
			return false;
		return snprintf(name, NAME_MAX + 1, "%s", last ? last + 1 : path) <=
		       NAME_MAX;
	}
	slash = strrchr(whole, '/');
	*slash = '\0';
	snprintf(folder, PATH_MAX, "%s", whole[0] ? whole : "/");
	return snprintf(name, NAME_MAX + 1, "%s", slash + 1) <= NAME_MAX;
}

/* A folder of ours that no other user can write to. */
static int lock_own_folder(const char *path, mode_t mode)
{
	struct stat found;
	int fd;

	(void)mkdir(path, mode);
	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && (fstat(fd, &found) != 0 || found.st_uid != geteuid() ||
			(found.st_mode & (S_IWGRP | S_IWOTH)) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int lock_runtime_folder(void)
{
	char path[64];
	int fd;

	if (geteuid() == 0)
		return lock_own_folder("/run/vionet", 0755);
	snprintf(path, sizeof(path), "/run/user/%u/vionet", (unsigned int)geteuid());
	fd = lock_own_folder(path, 0700);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/tmp/vionet-%u", (unsigned int)geteuid());
	return lock_own_folder(path, 0700);
}

/* ---- the file ---- */

/* Who may connect can lock: the file is readable for those who may write to the
 * socket. */
static int lock_make_file(int folder, const char *name, const struct owner *owner)
{
	int fd = openat(folder, name,
			O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	(void)!fchown(fd, geteuid() == 0 ? owner->uid : (uid_t)-1, owner->gid);
	(void)!fchmod(fd, S_IRUSR | (owner->mode & (S_IWUSR | S_IWGRP | S_IWOTH)) << 1);
	return fd;
}

/* Another user may have put something there: it is not waited for, and counts only if it is
 * what we make, and of a user who may use the device. */
static bool lock_is_lock(const struct stat *found, const struct owner *owner)
{
	return S_ISREG(found->st_mode) && found->st_size == 0 && found->st_nlink == 1 &&
	       (found->st_uid == 0 || found->st_uid == geteuid() ||
		found->st_uid == owner->uid || (owner->mode & S_IWOTH) != 0);
}

static int lock_open_file(int folder, const char *name, const struct owner *owner)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
					      O_CLOEXEC);
	struct stat found;

	if (fd < 0 && errno == ENOENT)
		return lock_make_file(folder, name, owner);
	if (fd >= 0 && fstat(fd, &found) != 0)
		found = (struct stat){ .st_nlink = 1 };
	/* It went away while we looked: another look is to come. */
	if (fd >= 0 && !lock_is_lock(&found, owner)) {
		bool removed = found.st_nlink == 0;

		close(fd);
		errno = removed ? EEXIST : EPERM;
		return -1;
	}
	return fd;
}

/* Is the file that is locked still the one that others find? */
static bool lock_is_current(int folder, const char *name, int fd)
{
	struct stat ours, found;

	return fstat(fd, &ours) == 0 &&
	       fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == found.st_dev && ours.st_ino == found.st_ino;
}

/* The process that has it, if the kernel says so. */
static int lock_process_of(const struct stat *file)
{
	FILE *locks = fopen("/proc/locks", "re");
	unsigned int high, low;
	unsigned long inode;
	char line[256];
	int pid, found = 0;

	if (!locks)
		return 0;
	while (found == 0 && fgets(line, sizeof(line), locks))
		if (sscanf(line, "%*d: FLOCK ADVISORY WRITE %d %x:%x:%lu", &pid, &high,
			   &low, &inode) == 4 &&
		    inode == file->st_ino && high == major(file->st_dev) &&
		    low == minor(file->st_dev))
			found = pid;
	fclose(locks);
	return found > 0 ? found : 0;
}

static int lock_taken(const struct stat *file)
{
	int pid = lock_process_of(file);

	if (pid == getpid())
		return vn_error(EBUSY, "this process has it open already; close it "
				"first");
	if (pid != 0)
		return vn_error(EBUSY, "process %d has it; end that first: kill %d", pid,
				pid);
	return vn_error(EBUSY, "another process has it; end that first");
}

/* 0; -EBUSY; -EPERM: not here. */
static int lock_take_file(struct vn_lock *lock, const struct owner *owner)
{
	for (uint64_t waited = 0;; waited += LOCK_RETRY) {
		int fd = lock_open_file(lock->folder, lock->name, owner);

		if (fd < 0 && errno != EEXIST)
			return -EPERM;
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
			if (lock_is_current(lock->folder, lock->name, fd)) {
				lock->fd = fd;
				return 0;
			}
		} else if (fd >= 0 && errno != EWOULDBLOCK && errno != EINTR) {
			close(fd); /* a file system without locks */
			return -EPERM;
		}
		if (waited >= DYING) {
			struct stat file;
			int result = fd >= 0 && fstat(fd, &file) == 0 ?
					     lock_taken(&file) :
					     -EPERM;

			if (fd >= 0)
				close(fd);
			return result;
		}
		if (fd >= 0)
			close(fd);
		vn_sleep(LOCK_RETRY);
	}
}

/* ---- taking ---- */

static struct owner lock_owner_of(int folder, const char *socket)
{
	struct owner owner = { geteuid(), (gid_t)-1, S_IWUSR };
	struct stat found;

	if (fstatat(folder, socket, &found, 0) == 0 && S_ISSOCK(found.st_mode))
		owner = (struct owner){ found.st_uid, found.st_gid, found.st_mode };
	return owner;
}

/* Made when the socket was not open to us yet: we cannot read it, but see it locked. */
static int lock_look_at_closed(const struct vn_lock *lock, const struct owner *owner,
			       const char *socket)
{
	struct stat found;

	if (fstatat(lock->folder, lock->name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
	    lock_is_lock(&found, owner) && lock_process_of(&found) != 0 &&
	    faccessat(lock->folder, socket, W_OK, AT_EACCESS) == 0)
		return lock_taken(&found);
	return -EPERM;
}

static int lock_take_beside(const char *folder, const char *socket,
			    struct vn_lock *lock)
{
	struct owner owner;
	int result;

	lock->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (lock->folder < 0)
		return -EPERM;
	owner = lock_owner_of(lock->folder, socket);
	if (snprintf(lock->name, sizeof(lock->name), ".%.*s.vionet", NAME_MAX - 8,
		     socket) > NAME_MAX)
		return -EPERM;
	result = lock_take_file(lock, &owner);
	return result == -EPERM ? lock_look_at_closed(lock, &owner, socket) : result;
}

/* Named after the folder and the socket's name there, by their FNV-1a hash. */
static int lock_take_apart(const char *folder, const char *socket, struct vn_lock *lock)
{
	const struct owner owner = { geteuid(), (gid_t)-1, S_IWUSR };
	uint64_t hash = 0xcbf29ce484222325ull;
	char text[NAME_MAX + 64];
	struct stat found;

	if (stat(folder, &found) != 0)
		return -EPERM;
	lock->folder = lock_runtime_folder();
	if (lock->folder < 0)
		return -EPERM;
	snprintf(text, sizeof(text), "%jx:%jx/%s", (uintmax_t)found.st_dev,
		 (uintmax_t)found.st_ino, socket);
	for (const char *at = text; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3ull;
	snprintf(lock->name, sizeof(lock->name), "lock-%016" PRIx64, hash);
	return lock_take_file(lock, &owner);
}

static void lock_drop(struct vn_lock *lock)
{
	if (lock->folder >= 0)
		close(lock->folder);
	*lock = VN_LOCK_NONE;
}

/* A process that has the socket by another name has a lock of another name. */
static int lock_check_names(const char *path)
{
	struct stat found;

	if (stat(path, &found) != 0 || !S_ISSOCK(found.st_mode) || found.st_nlink == 1)
		return 0;
	return vn_error(EBUSY, "its socket has %ju names (hard links), and another process may have it by "
			       "another one; remove all but one",
			(uintmax_t)found.st_nlink);
}

int vn_lock_take(const char *path, struct vn_lock *lock)
{
	char folder[PATH_MAX], name[NAME_MAX + 1];
	int result;

	*lock = VN_LOCK_NONE;
	if (!lock_resolve(path, folder, name))
		return 0;
	result = lock_check_names(path);
	if (result == 0)
		result = lock_take_beside(folder, name, lock);
	if (result == -EPERM) {
		lock_drop(lock);
		result = lock_take_apart(folder, name, lock);
	}
	if (result)
		lock_drop(lock);
	return result == -EPERM ? 0 : result;
}

/* Removed while it is still ours: a process that has opened it meanwhile finds that it is not
 * the one any more. */
void vn_lock_release(struct vn_lock *lock)
{
	if (lock->fd >= 0) {
		if (lock_is_current(lock->folder, lock->name, lock->fd))
			(void)unlinkat(lock->folder, lock->name, 0);
		(void)flock(lock->fd, LOCK_UN);
		close(lock->fd);
	}
	lock_drop(lock);
}
