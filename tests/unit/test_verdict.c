// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include "policy/verdict.h"

#define WINNER 3

static struct tw_options options(__u32 on, __u32 idle, __u32 interval, __u32 probes, __u32 timeout)
{
	return (struct tw_options){ .value = {
					    [TW_KEEPALIVE] = on,
					    [TW_IDLE] = idle,
					    [TW_INTERVAL] = interval,
					    [TW_PROBES] = probes,
					    [TW_USER_TIMEOUT] = timeout,
				    } };
}

/* Policy 3 asks for 100s:10s:5 and `auto`, which is 157.5 s. */
static const struct tw_generation *generation(void)
{
	static struct tw_generation generation;

	generation.policy[WINNER] = (struct tw_policy){
		.want = options(1, 100, 10, 5, 0),
		.fields = TW_TIMERS | TW_BIT(TW_KEEPALIVE) | TW_BIT(TW_USER_TIMEOUT),
		.flags = TW_POLICY_AUTO,
	};
	return &generation;
}

/* A fresh connection that policy 3 matches. */
static struct tw_socket fresh(void)
{
	return (struct tw_socket){
		.winner = WINNER,
		.flags = TW_SOCKET_MATCHED,
		.now = options(0, 7200, 75, 9, 0),
		.sysctl = options(0, 7200, 75, 9, 0),
	};
}

/* The same after we came. */
static struct tw_socket written(void)
{
	struct tw_socket socket = fresh();

	socket.now = options(1, 100, 10, 5, 157500);
	socket.flags |= TW_SOCKET_RECORD;
	socket.record = (struct tw_record){
		.written = generation()->policy[WINNER].fields,
		.original = socket.sysctl,
		.ours = socket.now,
	};
	return socket;
}

static void assert_verdict(const struct tw_socket *socket, enum tw_socket_verdict expected)
{
	assert_string_equal(tw_verdict_names[tw_verdict_of(socket, generation())],
			    tw_verdict_names[expected]);
}

static void verdict__none_without_a_winner(void **state)
{
	struct tw_socket socket = fresh();

	(void)state;
	socket.winner = TW_MAX_POLICIES;
	socket.observers.word[0] = 1;
	assert_verdict(&socket, TW_VERDICT_NONE);
	socket.direction = TW_DIRECTIONS;
	assert_verdict(&socket, TW_VERDICT_NONE);
}

static void verdict__pending(void **state)
{
	struct tw_socket socket = written();

	(void)state;
	socket.flags |= TW_SOCKET_PENDING;
	assert_verdict(&socket, TW_VERDICT_PENDING);
	socket = fresh();
	socket.flags |= TW_SOCKET_PENDING;
	assert_verdict(&socket, TW_VERDICT_PENDING);
}

static void verdict__exempt(void **state)
{
	struct tw_socket socket = fresh();

	(void)state;
	socket.winner = WINNER + 1;
	assert_verdict(&socket, TW_VERDICT_EXEMPT);
}

static void verdict__differs_while_unset(void **state)
{
	struct tw_socket socket = fresh();

	(void)state;
	assert_verdict(&socket, TW_VERDICT_DIFFERS);
	socket.now.value[TW_IDLE] = 50;
	assert_verdict(&socket, TW_VERDICT_DIFFERS);
}

static void verdict__ok_once_written(void **state)
{
	struct tw_socket socket = written();

	(void)state;
	assert_verdict(&socket, TW_VERDICT_OK);
}

/* The application chose all that the policy asks. */
static void verdict__ok_without_us(void **state)
{
	struct tw_socket socket = fresh();

	(void)state;
	socket.now = options(1, 100, 10, 5, 157500);
	assert_verdict(&socket, TW_VERDICT_OK);
}

static void verdict__app_where_it_chose_otherwise(void **state)
{
	struct tw_socket socket = written();

	(void)state;
	socket.now.value[TW_USER_TIMEOUT] = 3000;
	assert_verdict(&socket, TW_VERDICT_APP);
	socket = fresh();
	socket.now = options(1, 50, 60, 3, 3000);
	assert_verdict(&socket, TW_VERDICT_APP);
}

/* It changed a timer after us: `auto` would follow. */
static void verdict__differs_where_auto_would_follow(void **state)
{
	struct tw_socket socket = written();

	(void)state;
	socket.now.value[TW_IDLE] = 50;
	assert_verdict(&socket, TW_VERDICT_DIFFERS);
	/* L = 50 + 4 x 10 = 90 s, and an eighth. */
	socket.now.value[TW_USER_TIMEOUT] = 101250;
	socket.record.ours.value[TW_USER_TIMEOUT] = 101250;
	assert_verdict(&socket, TW_VERDICT_APP);
}

/* What we wrote for an older policy is ours to move; without the record it would be `app`. */
static void verdict__differs_where_ours_are_old(void **state)
{
	struct tw_socket socket = written();

	(void)state;
	socket.now = options(1, 200, 20, 6, 30000);
	socket.record.ours = socket.now;
	assert_verdict(&socket, TW_VERDICT_DIFFERS);
	memset(&socket.record, 0, sizeof(socket.record));
	assert_verdict(&socket, TW_VERDICT_APP);
}

/* Where the application is the stricter, the policy has what it asks. */
static void verdict__app_only_under_app(void **state)
{
	struct tw_generation *held = calloc(1, sizeof(*held));
	struct tw_socket socket = fresh();

	(void)state;
	assert_non_null(held);
	held->policy[WINNER] = generation()->policy[WINNER];
	socket.now = options(1, 50, 10, 3, 3000);
	assert_verdict(&socket, TW_VERDICT_APP);
	held->policy[WINNER].precedence = TW_PRECEDENCE_STRICTEST;
	assert_int_equal(tw_verdict_of(&socket, held), TW_VERDICT_OK);
	socket.now.value[TW_IDLE] = 200;
	assert_int_equal(tw_verdict_of(&socket, held), TW_VERDICT_DIFFERS);
	held->policy[WINNER].precedence = TW_PRECEDENCE_POLICY;
	assert_int_equal(tw_verdict_of(&socket, held), TW_VERDICT_DIFFERS);
	socket.now = options(1, 100, 10, 5, 157500);
	assert_int_equal(tw_verdict_of(&socket, held), TW_VERDICT_OK);
	free(held);
}

static void verdict__names(void **state)
{
	static const char *const names[] = { "ok", "app", "differs", "exempt", "pending", "none" };

	(void)state;
	assert_int_equal(ARRAY_SIZE(names), TW_VERDICTS);
	for (unsigned v = 0; v < TW_VERDICTS; v++)
		assert_string_equal(tw_verdict_names[v], names[v]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdict__none_without_a_winner),
		cmocka_unit_test(verdict__pending),
		cmocka_unit_test(verdict__exempt),
		cmocka_unit_test(verdict__differs_while_unset),
		cmocka_unit_test(verdict__ok_once_written),
		cmocka_unit_test(verdict__ok_without_us),
		cmocka_unit_test(verdict__app_where_it_chose_otherwise),
		cmocka_unit_test(verdict__differs_where_auto_would_follow),
		cmocka_unit_test(verdict__differs_where_ours_are_old),
		cmocka_unit_test(verdict__app_only_under_app),
		cmocka_unit_test(verdict__names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
