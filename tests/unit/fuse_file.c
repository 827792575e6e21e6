/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: linux/fuse.h; fuse(4). */
#include "tests/unit/fuse_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stream.h"

enum { ROOT = FUSE_ROOT_ID,
       FILE_NODE = 2,
       FILE_SIZE = 1 << 20 };

union fuse_answer {
	struct fuse_init_out init;
	struct fuse_entry_out entry;
	struct fuse_attr_out attr;
	struct fuse_open_out open;
	struct fuse_statfs_out statfs;
};

static void fuse_describe(struct fuse_attr *attr, uint64_t node)
{
	attr->ino = node;
	attr->uid = geteuid();
	attr->gid = getegid();
	attr->nlink = 1;
	attr->mode = node == ROOT ? S_IFDIR | 0755 : S_IFREG | 0666;
	attr->size = FILE_SIZE;
	attr->blksize = 4096;
}

/* What is known is never valid for longer. Returns the answer's length; -1: there is none. */
static int fuse_fill(const struct fuse_in_header *in, union fuse_answer *answer)
{
	switch (in->opcode) {
	case FUSE_INIT:
		answer->init.major = FUSE_KERNEL_VERSION;
		answer->init.minor = 31;
		answer->init.max_write = 4096;
		return sizeof(answer->init);
	case FUSE_LOOKUP:
		answer->entry.nodeid = FILE_NODE;
		fuse_describe(&answer->entry.attr, FILE_NODE);
		return sizeof(answer->entry);
	case FUSE_GETATTR:
		fuse_describe(&answer->attr.attr, in->nodeid);
		return sizeof(answer->attr);
	case FUSE_OPEN:
		return sizeof(answer->open);
	case FUSE_STATFS:
		return sizeof(answer->statfs);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return -1;
	default:
		return 0;
	}
}

static void fuse_note(struct fuse_count *count, const struct fuse_in_header *in, pid_t main_thread)
{
	if (in->opcode == FUSE_FLUSH)
		__atomic_fetch_add(&count->closed, 1, __ATOMIC_SEQ_CST);
	if (in->opcode == FUSE_RELEASE || in->opcode == FUSE_INIT)
		return; /* nobody waits */
	__atomic_fetch_add((pid_t)in->pid == main_thread ? &count->main_waits : &count->others_wait,
			   1, __ATOMIC_SEQ_CST);
}

static void fuse_serve(int fuse, struct fuse_count *count, pid_t main_thread)
{
	static char request[1 << 16];
	ssize_t got;

	while ((got = read(fuse, request, sizeof(request))) > 0 || errno == EINTR) {
		const struct fuse_in_header *in = (const void *)request;
		struct {
			struct fuse_out_header head;
			union fuse_answer body;
		} out;
		int length;

		memset(&out, 0, sizeof(out));
		length = fuse_fill(in, &out.body);
		if (length < 0)
			continue;
		fuse_note(count, in, main_thread);
		out.head.unique = in->unique;
		out.head.len = (uint32_t)(sizeof(out.head) + (size_t)length);
		(void)!write(fuse, &out, out.head.len);
	}
}

static bool fuse_write(const char *path, const char *format, unsigned int id)
{
	FILE *to = fopen(path, "we");
	bool done = to && fprintf(to, format, id, id) > 0;

	return to && fclose(to) == 0 && done;
}

/* A mount that nobody else sees; who is not root may have one as the root of a namespace. */
static bool fuse_namespace(unsigned int user, unsigned int group)
{
	if (user == 0)
		return unshare(CLONE_NEWNS) == 0;
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
	       fuse_write("/proc/self/setgroups", "deny", 0) &&
	       fuse_write("/proc/self/uid_map", "%u %u 1", user) &&
	       fuse_write("/proc/self/gid_map", "%u %u 1", group);
}

/* The descriptor of the device. */
static int fuse_mount(const struct fuse_file *file)
{
	unsigned int user = geteuid(), group = getegid();
	char options[100];
	int fuse;

	if (!fuse_namespace(user, group))
		return -1;
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC); /* from inside of it */
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fuse,
		 user, group);
	(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	return mount("test", file->folder, "fuse", MS_NOSUID | MS_NODEV, options) == 0 ? fuse : -1;
}

/* In a process of its own: the server could not answer itself. */
static void fuse_pass(const struct fuse_file *file, int channel)
{
	struct iovec byte = { (void *)"", 1 };
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/file", file->folder);
	fd = open(path, O_RDWR | O_CLOEXEC);
	_exit(fd < 0 || vn_stream_send(channel, &byte, 1, &fd, 1, UINT64_MAX) != 0);
}

static void fuse_be_server(struct fuse_file *file, int channel, pid_t main_thread)
{
	int fuse = fuse_mount(file);

	if (fuse < 0)
		_exit(1);
	if (fork() == 0)
		fuse_pass(file, channel);
	close(channel);
	fuse_serve(fuse, file->count, main_thread);
	_exit(0);
}

bool fuse_file_open(struct fuse_file *file)
{
	struct vn_stream_fds fds = { &file->fd, 1, 0 };
	char byte;
	int pair[2];

	*file = (struct fuse_file){ .fd = -1, .folder = "/tmp/vionet-fuse-XXXXXX" };
	if (!mkdtemp(file->folder) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	file->count = mmap(NULL, sizeof(*file->count), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	file->server = fork();
	if (file->server == 0) {
		close(pair[0]);
		fuse_be_server(file, pair[1], getppid());
	}
	close(pair[1]);
	if (vn_stream_wait(pair[0], POLLIN, UINT64_MAX) == 0)
		(void)vn_stream_receive(pair[0], &byte, 1, &fds);
	close(pair[0]);
	if (file->fd < 0)
		fuse_file_close(file);
	return file->fd >= 0;
}

void fuse_file_close(struct fuse_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	kill(file->server, SIGKILL);
	waitpid(file->server, NULL, 0);
	munmap(file->count, sizeof(*file->count));
	rmdir(file->folder);
}
