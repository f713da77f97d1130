// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/maps.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "kernel/pins.h"
#include "lib/cleanup.h"

/* What says whose a value is: by the version of the record alone, whatever the ABI's. */
static const struct {
	const char *name;
	const char *path;
} kept[] = {
	{ "tw_records", TW_PIN_RECORDS },
	{ "tw_seats", TW_PIN_SEATS },
};

/* The names in struct tw_maps, and where its fields are. */
static const struct {
	const char *name;
	size_t offset;
} shared[] = {
	{ "tw_current", offsetof(struct tw_maps, current) },
	{ "tw_generations", offsetof(struct tw_maps, generations) },
	{ "tw_cgroups", offsetof(struct tw_maps, cgroups) },
	{ "tw_prefixes", offsetof(struct tw_maps, prefixes) },
	{ "tw_port_sets", offsetof(struct tw_maps, port_sets) },
	{ "tw_counters", offsetof(struct tw_maps, counters) },
	{ "tw_swept", offsetof(struct tw_maps, swept) },
	{ "tw_tallies", offsetof(struct tw_maps, tallies) },
	{ "tw_events_lost", offsetof(struct tw_maps, events_lost) },
	{ "tw_wanted", offsetof(struct tw_maps, wanted) },
	{ "tw_errors", offsetof(struct tw_maps, errors) },
	{ "tw_watches", offsetof(struct tw_maps, watches) },
	{ "tw_loaded", offsetof(struct tw_maps, loaded) },
	{ "tw_texts", offsetof(struct tw_maps, texts) },
	{ "tw_state", offsetof(struct tw_maps, state) },
};

static int pin(struct bpf_object *object, const char *name, const char *path,
	       struct tw_fault *fault)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	int error = bpf_map__set_pin_path(map, path);

	if (error)
		return tw_fault(fault, error, "cannot name the pin %s: %m", path);
	return 0;
}

int tw_maps_pin(struct bpf_object *object, bool pinned, struct tw_fault *fault)
{
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(shared) && pinned && !error; i++) {
		char path[64];

		snprintf(path, sizeof(path), TW_PIN_DIR "/%s", shared[i].name);
		error = pin(object, shared[i].name, path, fault);
	}
	for (size_t i = 0; i < ARRAY_SIZE(kept) && !error; i++)
		if (pinned || access(kept[i].path, F_OK) == 0)
			error = pin(object, kept[i].name, kept[i].path, fault);
	return error;
}

static int *field_of(struct tw_maps *maps, size_t i)
{
	return (int *)(void *)((char *)maps + shared[i].offset);
}

int tw_descriptor_take(int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return own < 0 ? -errno : own;
}

int tw_maps_take(const struct bpf_object *object, struct tw_maps *ret_maps)
{
	struct tw_maps maps;
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		*field_of(&maps, i) = -1;
	for (size_t i = 0; i < ARRAY_SIZE(shared) && !error; i++) {
		int fd = bpf_object__find_map_fd_by_name(object, shared[i].name);

		fd = fd < 0 ? fd : tw_descriptor_take(fd);
		if (fd < 0)
			error = fd;
		else
			*field_of(&maps, i) = fd;
	}
	if (error)
		tw_maps_close(&maps);
	else
		*ret_maps = maps;
	return error;
}

void tw_maps_close(struct tw_maps *maps)
{
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		tw_closep(field_of(maps, i));
}
