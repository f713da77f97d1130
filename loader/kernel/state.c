// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/state.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "kernel/current.h"
#include "kernel/owner.h"
#include "kernel/pins.h"
#include "kernel/program.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "policy/canon.h"
#include "version.h"

#define TEXT_TRIES 8 /* a text that changes under each of so many readings is not one */

static int lookup(int map, const void *key, void *ret_value)
{
	return bpf_map_lookup_elem(map, key, ret_value) < 0 ? -errno : 0;
}

const char *tw_outcome_name(enum tw_outcome outcome)
{
	static const char *const names[TW_OUTCOMES] = {
		[TW_SET] = "set",	    [TW_ALREADY] = "already",
		[TW_KEPT_APP] = "kept_app", [TW_WOULD_SET] = "would_set",
		[TW_FAILED] = "failed",	    [TW_PENDING] = "pending",
	};

	return names[outcome];
}

const char *tw_reason_name(enum tw_reason reason)
{
	static const char *const names[TW_REASONS] = {
		[TW_DEAD_KEEPALIVE] = "keepalive",
		[TW_DEAD_UNACKED] = "unacked",
		[TW_DEAD_ZERO_WINDOW] = "zero_window",
		[TW_DEAD_CONNECT] = "connect",
	};

	return names[reason];
}

const char *tw_app_action_name(enum tw_app_action action)
{
	static const char *const names[TW_APP_ACTIONS] = {
		[TW_APP_ALLOWED] = "allowed",
		[TW_APP_LIMITED] = "limited",
		[TW_APP_REPLACED] = "replaced",
		[TW_APP_WOULD_LIMIT] = "would_limit",
		[TW_APP_WOULD_REPLACE] = "would_replace",
	};

	return names[action];
}

/* An element of a per-CPU map whose values are `count` counters of 64 bits, summed. */
static int lookup_sum(int map, uint32_t key, size_t count, __u64 *ret_sum)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ __u64 *values = NULL;
	int error;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus * count, sizeof(*values));
	if (!values)
		return -ENOMEM;
	error = lookup(map, &key, values);
	if (error)
		return error;
	memset(ret_sum, 0, count * sizeof(*ret_sum));
	for (size_t i = 0; i < (size_t)cpus * count; i++)
		ret_sum[i % count] += values[i];
	return 0;
}

int tw_tally_read(const struct tw_maps *maps, uint32_t counter, struct tw_tally *ret_tally)
{
	return lookup_sum(maps->tallies, counter, sizeof(*ret_tally) / sizeof(__u64),
			  (__u64 *)ret_tally);
}

int tw_events_lost_read(const struct tw_maps *maps, __u64 *ret_lost)
{
	__u64 total = 0, lost = 0;
	int error = 0;

	for (uint32_t loss = 0; loss < TW_LOSSES && !error; loss++) {
		error = lookup_sum(maps->events_lost, loss, 1, &lost);
		total += lost;
	}
	if (!error)
		*ret_lost = total;
	return error;
}

static int read_direction(const struct tw_maps *maps, uint32_t key, struct tw_counts *ret_counts)
{
	struct tw_counts by_fds;
	int error = lookup_sum(maps->counters, key, TW_OUTCOMES, ret_counts->sockets);

	if (!error)
		error = lookup(maps->swept, &key, &by_fds);
	for (int o = 0; o < TW_OUTCOMES && !error; o++)
		ret_counts->sockets[o] += by_fds.sockets[o];
	return error;
}

int tw_counts_read(const struct tw_maps *maps, const struct tw_loaded *loaded,
		   struct tw_policy_counts *ret_counts)
{
	int error = 0;

	memset(ret_counts, 0, TW_MAX_POLICIES * sizeof(*ret_counts));
	for (uint32_t i = 0; i < loaded->policies && !error; i++) {
		uint32_t counter = loaded->policy[i].counter;

		for (uint32_t d = 0; d < TW_DIRECTIONS && !error; d++)
			error = read_direction(maps, counter * TW_DIRECTIONS + d,
					       &ret_counts[i].direction[d]);
		error = error ?: tw_tally_read(maps, counter, &ret_counts[i].tally);
	}
	return error;
}

int tw_loaded_read(int current, int loaded, struct tw_loaded *ret_loaded)
{
	uint64_t number = 0, before;
	uint32_t slot;
	int error;

	/* Once more where a switch came between the two look-ups. */
	do {
		before = number;
		error = tw_current_number(current, &number);
		if (error)
			return error;
		/* None yet; or, where none came in between, what was known of it is lost. */
		if (!number || number == before)
			return -ENOENT;
		slot = (uint32_t)(number % TW_SLOTS);
		error = lookup(loaded, &slot, ret_loaded);
		if (error)
			return error;
	} while (ret_loaded->number != number);
	return 0;
}

/* A pinned map; a lack of privilege is told from a lack of the pin. */
static int open_pin(const char *path, int *ret_fd, struct tw_fault *fault)
{
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return tw_fault(fault, -errno, "cannot open %s: %m%s", path,
				errno == EACCES || errno == EPERM ? "; run as root" : "");
	*ret_fd = fd;
	return 0;
}

int tw_state_open(int *ret_current, int *ret_loaded, struct tw_fault *fault)
{
	_cleanup_close_ int current = -1;
	int error = open_pin(TW_PIN_DIR "/tw_current", &current, fault);

	if (!error)
		error = open_pin(TW_PIN_DIR "/tw_loaded", ret_loaded, fault);
	if (!error)
		*ret_current = TAKE_FD(current);
	return error;
}

static int read_maps(struct tw_snapshot *snapshot, struct tw_fault *fault)
{
	_cleanup_close_ int current = -1, loaded = -1, counters = -1, swept = -1, tallies = -1,
			    errors = -1, lost = -1, state = -1;
	const struct {
		const char *path;
		int *fd;
	} pins[] = {
		{ TW_PIN_DIR "/tw_current", &current },	  { TW_PIN_DIR "/tw_loaded", &loaded },
		{ TW_PIN_DIR "/tw_counters", &counters }, { TW_PIN_DIR "/tw_swept", &swept },
		{ TW_PIN_DIR "/tw_tallies", &tallies },	  { TW_PIN_DIR "/tw_errors", &errors },
		{ TW_PIN_DIR "/tw_events_lost", &lost },  { TW_PIN_DIR "/tw_state", &state },
	};
	struct tw_maps maps;
	uint32_t zero = 0;
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(pins) && !error; i++)
		error = open_pin(pins[i].path, pins[i].fd, fault);
	if (error)
		return error;
	maps = (struct tw_maps){
		.counters = counters, .swept = swept, .tallies = tallies, .events_lost = lost
	};
	error = lookup(state, &zero, &snapshot->state);
	if (!error)
		error = tw_loaded_read(current, loaded, &snapshot->loaded);
	if (!error)
		error = tw_counts_read(&maps, &snapshot->loaded, snapshot->counts);
	if (!error)
		error = tw_events_lost_read(&maps, &snapshot->events_lost);
	if (!error)
		error = tw_errors_read(errors, &snapshot->errors);
	if (error && error != -ENOENT)
		return tw_fault(fault, error, "cannot read the maps below " TW_PIN_DIR ": %m");
	snapshot->number = snapshot->loaded.number;
	return 0;
}

int tw_snapshot_read(struct tw_snapshot *ret_snapshot, struct tw_fault *fault)
{
	_cleanup_free_ struct tw_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	uint64_t cgroup = 0;
	int error;

	if (!snapshot)
		return tw_fault(fault, -ENOMEM, "cannot read the state: %m");
	error = tw_owner_pid(&snapshot->daemon_pid);
	snapshot->daemon = snapshot->daemon_pid || error == -ESRCH;
	error = tw_link_cgroup(&cgroup);
	if (error && error != -ENOENT)
		return tw_fault(fault, error, "cannot read the link at " TW_PIN_LINK ": %m%s",
				error == -EACCES || error == -EPERM ? "; run as root" : "");
	snapshot->attached = !error && cgroup;
	if (!error) {
		error = read_maps(snapshot, fault);
		if (error)
			return error;
	}
	*ret_snapshot = *snapshot;
	return 0;
}

/* The text of one generation as it stands in its slot: whole only where the digest says so. */
static int read_chunks(int texts, const struct tw_loaded *loaded, struct tw_buf *buf)
{
	uint32_t slot = (uint32_t)(loaded->number % TW_SLOTS);
	char chunk[TW_TEXT_CHUNK];

	for (size_t from = 0; from < loaded->text_len; from += sizeof(chunk)) {
		uint32_t key = slot * TW_MAX_TEXT_CHUNKS + (uint32_t)(from / sizeof(chunk));
		size_t left = loaded->text_len - from;
		int error = lookup(texts, &key, chunk);

		if (!error)
			error = tw_buf_add(buf, chunk, left < sizeof(chunk) ? left : sizeof(chunk));
		if (error)
			return error;
	}
	return 0;
}

static bool is_whole(const struct tw_loaded *loaded, const char *text, size_t len)
{
	__u64 digest[2];

	tw_canon_digest(text, len, digest);
	return !memcmp(digest, loaded->digest, sizeof(digest));
}

/* Two switches during one reading put another text into the slot that is read: read again. */
static int read_text(int current, int map, int texts, struct tw_buf *buf)
{
	_cleanup_free_ struct tw_loaded *loaded = calloc(1, sizeof(*loaded));
	size_t start = buf->len;

	if (!loaded)
		return -ENOMEM;
	for (int i = 0; i < TEXT_TRIES; i++) {
		int error = tw_loaded_read(current, map, loaded);

		if (error)
			return error;
		error = read_chunks(texts, loaded, buf);
		if (!error && is_whole(loaded, tw_buf_string(buf) + start, buf->len - start))
			return 0;
		tw_buf_truncate(buf, start);
		if (error && error != -ENOENT)
			return error;
	}
	return -EAGAIN;
}

int tw_text_read(struct tw_buf *buf, struct tw_fault *fault)
{
	_cleanup_close_ int current = -1, loaded = -1, texts = -1;
	int error = open_pin(TW_PIN_DIR "/tw_current", &current, fault);

	if (!error)
		error = open_pin(TW_PIN_DIR "/tw_loaded", &loaded, fault);
	if (!error)
		error = open_pin(TW_PIN_DIR "/tw_texts", &texts, fault);
	if (error)
		return error;
	error = read_text(current, loaded, texts, buf);
	if (error)
		return tw_fault(fault, error,
				"cannot read the policy in force below " TW_PIN_DIR ": %m");
	return 0;
}

static int change(const struct tw_maps *maps, struct tw_state *state)
{
	uint32_t zero = 0;

	return bpf_map_update_elem(maps->state, &zero, state, BPF_ANY) < 0 ? -errno : 0;
}

int tw_state_attached(const struct tw_maps *maps, const char *path, uint64_t cgroup,
		      const char *node)
{
	struct tw_state state;
	uint32_t zero = 0;
	int error = lookup(maps->state, &zero, &state);

	if (error)
		return error;
	state.attach_cgroup = cgroup;
	snprintf(state.version, sizeof(state.version), "%s", TW_VERSION);
	snprintf(state.attached_to, sizeof(state.attached_to), "%s", path);
	snprintf(state.node, sizeof(state.node), "%s", node);
	return change(maps, &state);
}

int tw_state_refused(const struct tw_maps *maps, const char *text)
{
	struct tw_state state;
	uint32_t zero = 0;
	int error = lookup(maps->state, &zero, &state);

	if (error)
		return error;
	state.refused_at_ns = text ? tw_clock_now() : 0;
	snprintf(state.refusal, sizeof(state.refusal), "%s", text ?: "");
	return change(maps, &state);
}
