// SPDX-License-Identifier: GPL-2.0-only
#include "daemon/cgroups.h"

#include <errno.h>
#include <string.h>

#include "daemon/identity.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "node/cgroup_watch.h"

struct tw_cgroups {
	struct tw_enforcer *enforcer;
	struct tw_sweeper *sweeper;
	struct tw_cgroup_watch *watch; /* NULL: they cannot be followed */
	struct tw_identity *identity;  /* NULL: pods are not followed */
	struct tw_histogram ready;
	bool failed; /* said once, until it works again */
};

static void sync_tree(struct tw_cgroups *cgroups)
{
	struct tw_cgroup_scope scope = tw_enforcer_scope(cgroups->enforcer);
	int error = tw_cgroup_sets_sync(&cgroups->enforcer->live.cgroups, &scope);

	if (error && !cgroups->failed)
		tw_error("cannot follow the cgroup tree: %s; new cgroups have their ancestors' "
			 "policies",
			 strerror(-error));
	cgroups->failed = error;
}

static void sweep_all(const struct tw_cgroups *cgroups)
{
	if (cgroups->sweeper)
		tw_sweeper_all(cgroups->sweeper);
}

/* Which cgroups are new is not known, nor where the sockets are that they opened meanwhile. */
static void on_lost(void *data)
{
	struct tw_cgroups *cgroups = data;

	tw_pods_ask_again(cgroups->enforcer->pods);
	sync_tree(cgroups);
	sweep_all(cgroups);
}

static void note_ready(struct tw_cgroups *cgroups, __u64 at_ns)
{
	if (at_ns)
		tw_histogram_add(&cgroups->ready, tw_clock_monotonic() - at_ns);
}

/* False: it went, or another has its path by now. One that we may not open is there. */
static bool is_there(const struct tw_cgroup_scope *scope, const char *path, uint64_t id)
{
	_cleanup_close_ int fd = -1;
	uint64_t now;
	int error = tw_cgroup_open(scope->tree, path, &fd);

	if (error)
		return error != -ENOENT && error != -ENOTDIR;
	return tw_cgroup_id(fd, &now) || now == id;
}

/*
 * Sockets that it opened before we knew it met its ancestor's policies. Where
 * events are lost, one that tells of a cgroup may be read after the tree was
 * read again, with its removal among the lost ones: nobody would come to forget
 * it. One that goes from here on is told of later.
 */
static int add(struct tw_cgroups *cgroups, const struct tw_cgroup_scope *scope, const char *path,
	       __u64 id, __u64 at_ns)
{
	int error;

	if (!is_there(scope, path, id))
		return 0;
	if (cgroups->identity && tw_pods_of(scope->pods, path).state == TW_POD_UNKNOWN)
		tw_identity_look(cgroups->identity);
	error = tw_cgroup_sets_put(&cgroups->enforcer->live.cgroups, scope, path, id);
	if (error >= 0)
		note_ready(cgroups, at_ns);
	if (error == 1 && cgroups->sweeper)
		tw_sweeper_cgroup(cgroups->sweeper, path);
	return error < 0 ? error : 0;
}

/* Its path is too long for the event: look for it in the tree. */
static int sync_and_sweep(struct tw_cgroups *cgroups, const struct tw_cgroup_scope *scope)
{
	int error = tw_cgroup_sets_sync(&cgroups->enforcer->live.cgroups, scope);

	if (!error)
		sweep_all(cgroups);
	return error;
}

/* A removed cgroup is forgotten, and so is that its pod was waited for. */
static int forget(struct tw_cgroups *cgroups, const char *path, __u64 id)
{
	if (path)
		tw_pods_gone(cgroups->enforcer->pods, path);
	return tw_cgroup_sets_remove(&cgroups->enforcer->live.cgroups, id);
}

static void on_changed(enum tw_cgroup_event_kind kind, const char *path, __u64 id, __u64 at_ns,
		       void *data)
{
	struct tw_cgroups *cgroups = data;
	struct tw_cgroup_scope scope = tw_enforcer_scope(cgroups->enforcer);
	int error;

	if (kind == TW_CGROUP_REMOVED)
		error = forget(cgroups, path, id);
	else if (path)
		error = add(cgroups, &scope, path, id, at_ns);
	else
		error = sync_and_sweep(cgroups, &scope);
	if (error && !cgroups->failed)
		tw_error("cannot give the cgroup %s its own policies: %s; it has its ancestor's",
			 path ?: "with a long path",
			 error == -E2BIG ? "more cgroups have some than there is room for"
					 : strerror(-error));
	cgroups->failed = error;
}

int tw_cgroups_open(struct event_base *base, struct tw_enforcer *enforcer,
		    struct tw_sweeper *sweeper, struct tw_cgroups **ret_cgroups,
		    struct tw_fault *fault)
{
	struct tw_cgroups *cgroups = calloc(1, sizeof(*cgroups));
	const struct tw_cgroup_watch_calls calls = { on_changed, on_lost, cgroups };

	if (!cgroups)
		return tw_fault(fault, -ENOMEM, "cannot follow cgroups: %m");
	cgroups->enforcer = enforcer;
	cgroups->sweeper = sweeper;
	if (tw_cgroup_watch_start(base, &enforcer->tree, enforcer->attach_path, &calls,
				  &cgroups->watch, fault))
		tw_error("%s; new cgroups have their ancestors' policies until the next reload",
			 fault->text);
	else
		sync_tree(cgroups);
	if (tw_identity_start(base, enforcer, sweeper, &cgroups->identity, fault))
		tw_error("%s; pods that come are not known", fault->text);
	*ret_cgroups = cgroups;
	return 0;
}

void tw_cgroups_close(struct tw_cgroups *cgroups)
{
	if (!cgroups)
		return;
	tw_identity_stop(cgroups->identity);
	tw_cgroup_watch_stop(cgroups->watch);
	free(cgroups);
}

void tw_cgroups_check(const struct tw_cgroups *cgroups)
{
	if (cgroups && cgroups->identity)
		tw_identity_check(cgroups->identity);
}

struct tw_histogram tw_cgroups_ready(const struct tw_cgroups *cgroups)
{
	return cgroups->ready;
}
