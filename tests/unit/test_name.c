// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"

#include <unistd.h>

#include "node/name.h"

static void name__is_the_one_given_then_the_environment_s_then_the_host_s(void **state)
{
	struct tw_fault fault = TW_FAULT_INIT;
	char name[TW_NODE_LEN], host[256] = "";

	(void)state;
	setenv("NODE_NAME", "of-the-environment", 1);
	assert_int_equal(tw_node_name("given", name, &fault), 0);
	assert_string_equal(name, "given");
	assert_int_equal(tw_node_name(NULL, name, &fault), 0);
	assert_string_equal(name, "of-the-environment");
	unsetenv("NODE_NAME");
	assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
	assert_int_equal(tw_node_name(NULL, name, &fault), 0);
	assert_string_equal(name, host);
}

static void name__is_not_guessed_where_it_is_empty_or_none(void **state)
{
	struct tw_fault fault = TW_FAULT_INIT;
	char name[TW_NODE_LEN] = "untouched";

	(void)state;
	setenv("NODE_NAME", "", 1);
	assert_int_equal(tw_node_name(NULL, name, &fault), -EINVAL);
	assert_string_equal(fault.text,
			    "cannot tell this node's name: NODE_NAME is empty; give one "
			    "with --node-name NAME or in the environment's NODE_NAME");
	setenv("NODE_NAME", "a/b", 1);
	assert_int_equal(tw_node_name(NULL, name, &fault), -EINVAL);
	assert_non_null(strstr(fault.text, "cannot take NODE_NAME for this node's name"));
	unsetenv("NODE_NAME");
	assert_int_equal(tw_node_name("", name, &fault), -EINVAL);
	assert_non_null(strstr(fault.text, "--node-name is empty"));
	assert_string_equal(name, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name__is_the_one_given_then_the_environment_s_then_the_host_s),
		cmocka_unit_test(name__is_not_guessed_where_it_is_empty_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
