/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps that all programs share; abi.h says how they hang together. All are
 * pinned, so a second object finds the ones that are there.
 */
#ifndef TW_MAPS_BPF_H
#define TW_MAPS_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include <tcpwarden/abi.h>

/* Key: enum tw_current. The loader writes through memory, each number at once. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TW_CURRENTS);
	__type(key, __u32);
	__type(value, __u64);
} tw_current SEC(".maps");

/*
 * One inner map a slot. Sizes rather than types inside: clang 14 leaves the
 * value type of an inner map incomplete in BTF.
 */
struct tw_generation_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct tw_generation));
};

struct tw_cgroup_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u64));
	__uint(value_size, sizeof(struct tw_cgroup_sets));
};

struct tw_prefix_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct tw_prefix));
	__uint(value_size, sizeof(struct tw_set));
};

struct tw_port_set_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct tw_set));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TW_SLOTS);
	__type(key, __u32);
	__array(values, struct tw_generation_map);
} tw_generations SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TW_SLOTS);
	__type(key, __u32);
	__array(values, struct tw_cgroup_map);
} tw_cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TW_SLOTS);
	__type(key, __u32);
	__array(values, struct tw_prefix_map);
} tw_prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TW_SLOTS);
	__type(key, __u32);
	__array(values, struct tw_port_set_map);
} tw_port_sets SEC(".maps");

/* See tw_counts for the key. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TW_MAX_COUNTERS *TW_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct tw_counts);
} tw_counters SEC(".maps");

/* The same for sockets that user space settled (kernel/sweep_fd.h), its only writer. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TW_MAX_COUNTERS *TW_DIRECTIONS);
	__type(key, __u32);
	__type(value, struct tw_counts);
} tw_swept SEC(".maps");

/* Key: a counter, or TW_NO_COUNTER. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TW_MAX_COUNTERS + 1);
	__type(key, __u32);
	__type(value, struct tw_tally);
} tw_tallies SEC(".maps");

/* Key: enum tw_event_loss. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TW_LOSSES);
	__type(key, __u32);
	__type(value, __u64);
} tw_events_lost SEC(".maps");

/* enum tw_want */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} tw_wanted SEC(".maps");

/* How often each helper failed, by errno. Not per CPU: a failure is rare. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TW_MAX_ERRORS);
	__type(key, struct tw_error);
	__type(value, __u64);
} tw_errors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tw_record);
} tw_records SEC(".maps");

/* Key: a socket's cookie % TW_SEATS. See record.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TW_SEATS);
	__type(key, __u32);
	__type(value, struct tw_seat);
} tw_seats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tw_watch);
} tw_watches SEC(".maps");

/* For people; no program reads these. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TW_SLOTS);
	__type(key, __u32);
	__type(value, struct tw_loaded);
} tw_loaded SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, TW_SLOTS *TW_MAX_TEXT_CHUNKS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, TW_TEXT_CHUNK);
} tw_texts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tw_state);
} tw_state SEC(".maps");

#endif
