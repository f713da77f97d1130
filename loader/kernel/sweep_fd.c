// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/sweep_fd.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <tcpwarden/match.h>

#include "kernel/descriptor.h"
#include "kernel/generation.h"
#include "kernel/records.h"
#include "lib/cleanup.h"
#include "lib/grow.h"

#define TCP_LISTEN_STATE 10

/* What the iterator told of a socket that a descriptor may lead to. */
struct found {
	__u64 inode;
	__u32 winner;
	__u8 direction;
	bool done;
	struct tw_options sysctl;
	struct tw_set observers;
};

struct tw_sweep_fd {
	struct tw_iterator *iterator;
	struct tw_generation *generation; /* the policies in force; all zeros to restore */
	struct tw_sweep_counts counts;
	bool restore;
	bool first;
	ino_t netns;
	struct found *list; /* of this namespace, sorted by inode */
	size_t count;
	size_t size;
	size_t left;	/* of them, not met yet */
	bool elsewhere; /* among processes of other namespaces now */
	DIR *proc;	/* where the pass is */
	DIR *fds;
	int pidfd;
};

/* --- one socket -------------------------------------------------------------------- */

/* All or nothing, in the order of enum tw_field: see tw_write() in bpf/apply.bpf.h. */
static int write_options(int fd, const struct tw_options *want, const struct tw_options *now,
			 __u32 write)
{
	int error = 0, f;

	for (f = 0; f < TW_FIELDS && !error; f++)
		if (write & TW_BIT(f))
			error = tw_descriptor_write(fd, (enum tw_field)f, want->value[f]);
	for (f -= 2; error && f >= 0; f--)
		if (write & TW_BIT(f))
			tw_descriptor_write(fd, (enum tw_field)f, now->value[f]);
	return error;
}

static void count(struct tw_sweep_fd *sweep, const struct tw_policy *policy, __u8 direction,
		  enum tw_outcome outcome)
{
	__u32 key = (__u32)policy->counter * TW_DIRECTIONS + direction;
	struct tw_counts counts;

	if (bpf_map_lookup_elem(sweep->iterator->maps.swept, &key, &counts) < 0)
		return;
	counts.sockets[outcome]++;
	bpf_map_update_elem(sweep->iterator->maps.swept, &key, &counts, BPF_ANY);
}

/* Count what the observers would do. */
static void observe(struct tw_sweep_fd *sweep, const struct found *found,
		    const struct tw_options *now, const struct tw_options *base, __u32 app)
{
	for (__u32 i = 0; i < TW_MAX_POLICIES; i++) {
		const struct tw_policy *policy = &sweep->generation->policy[i];
		struct tw_plan plan;

		if (!(found->observers.word[i / 64] >> i % 64 & 1))
			continue;
		tw_plan(policy, now, base, app, &plan);
		count(sweep, policy, found->direction, tw_plan_outcome(&plan, 1));
	}
}

/*
 * Our own setsockopt() is not an application's: for the setsockopt hook a
 * record whose precedence is app is none, and nobody watches.
 */
static void put_aside(const struct tw_records *records, int fd, const struct tw_record *record)
{
	struct tw_record aside = *record;

	aside.precedence = TW_PRECEDENCE_APP;
	tw_records_write(records, fd, &aside);
}

/*
 * Carry out a plan that writes, so that whose a value is can be told at each moment, should we be
 * killed: what is ours goes back first, which the old record knows; then the new one is
 * there; then what it says is written.
 */
static int write_plan(const struct tw_records *records, int fd, const struct tw_options *now,
		      const struct tw_options *base, const struct tw_plan *plan,
		      const struct tw_record *next)
{
	__u32 back = plan->write & tw_differing(now, base);
	int error = write_options(fd, base, now, back);

	if (error)
		return error;
	if (next->written)
		put_aside(records, fd, next);
	error = write_options(fd, &plan->want, base, plan->write & plan->impose);
	if (error)
		write_options(fd, now, base, back);
	return error;
}

/* See tw_watch() in bpf/apply.bpf.h. */
static void watch(struct tw_sweep_fd *sweep, const struct found *found, int fd)
{
	const struct tw_generation *generation = sweep->generation;
	struct tw_watch watch = { .generation = generation->number };
	__u64 any = 0;

	for (int i = 0; i < TW_SET_WORDS; i++)
		any |= watch.observers.word[i] = found->observers.word[i] &
						 generation->watch.word[i];
	if (any)
		bpf_map_update_elem(sweep->iterator->maps.watches, &fd, &watch, BPF_ANY);
}

static enum tw_outcome settle(struct tw_sweep_fd *sweep, const struct found *found, int fd,
			      const struct tw_policy *policy)
{
	struct tw_options now, base;
	struct tw_record record = { 0 }, next;
	const struct tw_records *records = &sweep->iterator->records;
	bool recorded = tw_records_read(records, fd, &record) == 0;
	struct tw_plan plan;
	__u32 app;
	int error;

	if (tw_descriptor_read(fd, &now))
		return TW_FAILED;
	app = tw_base(&now, &found->sysctl, &record, &base);
	if (sweep->first)
		observe(sweep, found, &now, &base, app);
	tw_plan(policy, &now, &base, app, &plan);
	next = record;
	next.direction = found->direction;
	next.original = base;
	tw_record_fill(&next, policy, &plan, app, &found->sysctl);
	bpf_map_delete_elem(sweep->iterator->maps.watches, &fd);
	if (record.precedence)
		put_aside(records, fd, &record);
	error = plan.write ? write_plan(records, fd, &now, &base, &plan, &next) : 0;
	if (error)
		next = record;
	if (tw_record_needed(&next))
		tw_records_write(records, fd, &next);
	else if (recorded || error)
		tw_records_remove(records, fd);
	watch(sweep, found, fd);
	return error ? TW_FAILED : tw_plan_outcome(&plan, 0);
}

/* Its pod is not known yet. */
static void leave(struct tw_sweep_fd *sweep, const struct tw_socket *socket)
{
	if (!sweep->first)
		return;
	sweep->counts.seen++;
	count(sweep, &sweep->generation->policy[socket->winner], socket->direction, TW_PENDING);
}

static bool settle_found(struct tw_sweep_fd *sweep, struct found *found, int fd)
{
	static const struct tw_policy nobody = { 0 };
	bool matched = found->winner < TW_MAX_POLICIES && !sweep->restore;
	const struct tw_policy *policy = matched ? &sweep->generation->policy[found->winner]
						 : &nobody;
	enum tw_outcome outcome = settle(sweep, found, fd, policy);

	found->done = true;
	sweep->left--;
	sweep->counts.seen += sweep->first;
	sweep->counts.written += outcome == TW_SET;
	sweep->counts.failed += sweep->first && outcome == TW_FAILED;
	if (matched && (sweep->first || outcome == TW_SET))
		count(sweep, policy, found->direction, outcome);
	return outcome == TW_SET;
}

/* --- a pass -------------------------------------------------------------------------- */

static int collect(const struct tw_socket *socket, void *data)
{
	struct tw_sweep_fd *sweep = data;

	if (socket->state == TCP_LISTEN_STATE)
		return 0;
	if (socket->flags & TW_SOCKET_ORPHAN) {
		sweep->counts.orphans += sweep->first;
		return 0;
	}
	if (socket->flags & TW_SOCKET_PENDING && !sweep->restore) {
		leave(sweep, socket);
		return 0;
	}
	if (!socket->inode)
		return 0;
	if (TW_GROW(sweep->list, sweep->count, sweep->size))
		return -ENOMEM;
	sweep->list[sweep->count++] = (struct found){
		.inode = socket->inode,
		.winner = socket->winner,
		.direction = socket->direction,
		.sysctl = socket->sysctl,
		.observers = socket->observers,
	};
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static void end_pass(struct tw_sweep_fd *sweep)
{
	tw_closedirp(&sweep->fds);
	tw_closedirp(&sweep->proc);
	tw_closep(&sweep->pidfd);
	sweep->fds = sweep->proc = NULL;
	sweep->pidfd = -1;
	sweep->count = sweep->left = 0;
	sweep->elsewhere = false;
}

int tw_sweep_fd_begin(struct tw_sweep_fd *sweep, const struct tw_netns *ns, bool first)
{
	int error;

	end_pass(sweep);
	sweep->netns = ns->inode;
	sweep->first = first;
	/* A switch during the pass is followed by another sweep. */
	error = sweep->restore ? 0 : tw_generation_read(&sweep->iterator->maps, sweep->generation);
	if (!error)
		error = tw_iterator_list(sweep->iterator, ns, collect, sweep);
	if (error || !sweep->count)
		return error ?: 1;
	qsort(sweep->list, sweep->count, sizeof(*sweep->list), by_inode);
	sweep->left = sweep->count;
	sweep->proc = opendir("/proc");
	return sweep->proc ? 0 : -errno;
}

/* The next process of this namespace, then of the others where that did not bring all. */
static const struct dirent *next_entry(struct tw_sweep_fd *sweep)
{
	const struct dirent *entry = sweep->left ? readdir(sweep->proc) : NULL;

	if (entry || !sweep->left || sweep->elsewhere)
		return entry;
	sweep->elsewhere = true;
	rewinddir(sweep->proc);
	return readdir(sweep->proc);
}

/* Open the next process; 0: there is none. */
static int next_process(struct tw_sweep_fd *sweep)
{
	const struct dirent *entry;

	tw_closedirp(&sweep->fds);
	tw_closep(&sweep->pidfd);
	sweep->fds = NULL;
	sweep->pidfd = -1;
	while ((entry = next_entry(sweep))) {
		char path[NAME_MAX + sizeof("/proc//ns/net")];
		struct stat st;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/ns/net", entry->d_name);
		if (stat(path, &st) < 0 || (st.st_ino == sweep->netns) == sweep->elsewhere)
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fd", entry->d_name);
		sweep->fds = opendir(path);
		sweep->pidfd = (int)syscall(SYS_pidfd_open, atoi(entry->d_name), 0);
		if (sweep->fds && sweep->pidfd >= 0)
			return 1;
		tw_closedirp(&sweep->fds);
		tw_closep(&sweep->pidfd);
		sweep->fds = NULL;
		sweep->pidfd = -1;
	}
	return 0;
}

/* The socket that an entry of /proc/PID/fd is, if it is one of ours to settle. */
static struct found *find(struct tw_sweep_fd *sweep, const char *name)
{
	struct found *found, key = { .inode = tw_descriptor_inode(dirfd(sweep->fds), name) };

	if (!key.inode)
		return NULL;
	found = bsearch(&key, sweep->list, sweep->count, sizeof(key), by_inode);
	return found && !found->done ? found : NULL;
}

/* Whether it was written. */
static bool settle_entry(struct tw_sweep_fd *sweep, const char *name)
{
	struct found *found = find(sweep, name);
	_cleanup_close_ int fd = found ? (int)syscall(SYS_pidfd_getfd, sweep->pidfd, atoi(name), 0)
				       : -1;

	return fd >= 0 && settle_found(sweep, found, fd);
}

int tw_sweep_fd_step(struct tw_sweep_fd *sweep, unsigned writes, unsigned *ret_written)
{
	unsigned written = 0;
	struct dirent *entry;

	while (written < writes) {
		entry = sweep->fds ? readdir(sweep->fds) : NULL;
		if (!entry) {
			if (!next_process(sweep)) {
				*ret_written = written;
				end_pass(sweep);
				return 0;
			}
			continue;
		}
		written += settle_entry(sweep, entry->d_name);
	}
	*ret_written = written;
	return 1;
}

int tw_sweep_fd_open(struct tw_iterator *iterator, bool restore, struct tw_sweep_fd **ret_sweep,
		     struct tw_fault *fault)
{
	struct tw_sweep_fd *sweep = calloc(1, sizeof(*sweep));

	if (!sweep)
		return tw_fault(fault, -ENOMEM, "cannot sweep: %m");
	*sweep = (struct tw_sweep_fd){ .iterator = iterator, .restore = restore, .pidfd = -1 };
	sweep->generation = calloc(1, sizeof(*sweep->generation));
	if (!sweep->generation) {
		tw_sweep_fd_close(sweep);
		return tw_fault(fault, -ENOMEM, "cannot sweep: %m");
	}
	*ret_sweep = sweep;
	return 0;
}

void tw_sweep_fd_close(struct tw_sweep_fd *sweep)
{
	if (!sweep)
		return;
	end_pass(sweep);
	free(sweep->list);
	free(sweep->generation);
	free(sweep);
}

struct tw_sweep_counts tw_sweep_fd_counts(const struct tw_sweep_fd *sweep)
{
	return sweep->counts;
}
