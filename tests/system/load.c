// SPDX-License-Identifier: GPL-2.0-only
#include "load.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

/* Shared with the process that connects. */
struct tw_load {
	atomic_bool stop;
	atomic_ulong connections;
	atomic_ulong with_second;
	atomic_ullong pause_us; /* the longest between two of them */
	struct tw_values first, second;
	const char *address;
	int listener;
	pid_t pid;
};

static void check_one(struct tw_load *load)
{
	int client = tw_connect(NULL, load->address);
	int server = tw_accept(load->listener);
	struct tw_values values = tw_values(client);

	if (tw_values_equal(&values, &load->second))
		atomic_fetch_add(&load->with_second, 1);
	else if (!tw_values_equal(&values, &load->first))
		FAIL("connection %lu has %d,%d,%d,%d,%d, which no policy asks",
		     atomic_load(&load->connections), values.keepalive, values.idle,
		     values.interval, values.probes, values.user_timeout);
	tw_close_reset(client);
	close(server);
	atomic_fetch_add(&load->connections, 1);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void connect_on_and_on(void *arg)
{
	struct tw_load *load = arg;
	uint64_t last = now_us(), now;

	while (!atomic_load(&load->stop)) {
		check_one(load);
		now = now_us();
		if (now - last > atomic_load(&load->pause_us))
			atomic_store(&load->pause_us, now - last);
		last = now;
	}
}

struct tw_load *tw_load_start(const char *address, struct tw_values first, struct tw_values second)
{
	struct tw_load *load = mmap(NULL, sizeof(*load), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(load != MAP_FAILED);
	load->address = address;
	load->first = first;
	load->second = second;
	load->listener = tw_listen(NULL, address);
	load->pid = tw_fork(tw_node, connect_on_and_on, load);
	return load;
}

void tw_load_wait(struct tw_load *load, unsigned long more)
{
	unsigned long enough = atomic_load(&load->connections) + more;

	WAIT_FOR(atomic_load(&load->connections) >= enough);
}

unsigned long tw_load_count(struct tw_load *load)
{
	return atomic_load(&load->connections);
}

unsigned long tw_load_second(struct tw_load *load)
{
	return atomic_load(&load->with_second);
}

double tw_load_pause_ms(struct tw_load *load)
{
	return (double)atomic_load(&load->pause_us) / 1000;
}

void tw_load_end(struct tw_load *load)
{
	tw_load_wait(load, 50);
	atomic_store(&load->stop, true);
	tw_join_child(load->pid);
}
