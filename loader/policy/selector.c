// SPDX-License-Identifier: GPL-2.0-only
#include "policy/selector.h"

#include <errno.h>
#include <string.h>

/* Copy with one slash before each component and none at the end; "/" stays. */
static char *normal_path(const char *text, size_t *ret_depth)
{
	char *path = malloc(strlen(text) + 2);
	size_t depth = 0, len = 0;

	if (!path)
		return NULL;
	while (*(text += strspn(text, "/"))) {
		size_t part = strcspn(text, "/");

		path[len++] = '/';
		memcpy(path + len, text, part);
		len += part;
		text += part;
		depth++;
	}
	if (!depth)
		path[len++] = '/';
	path[len] = '\0';
	*ret_depth = depth;
	return path;
}

/* The "." or ".." component of a path, or NULL. */
static const char *dot_component(const char *path)
{
	for (; *path; path += strcspn(path, "/")) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 1 && path[0] == '.')
			return ".";
		if (len == 2 && path[0] == '.' && path[1] == '.')
			return "..";
	}
	return NULL;
}

static bool check_cgroup(struct tw_reader *reader, const struct tw_node *value, const char *path,
			 size_t depth)
{
	const char *dots = dot_component(path);
	char shown[TW_SHOWN_LEN];

	tw_shown(value, shown);
	if (value->text[0] != '/')
		tw_read_error(reader, value->mark,
			      "cgroup must be an absolute path such as /system.slice, got %s",
			      shown);
	else if (dots)
		tw_read_error(reader, value->mark, "cgroup must have no \"%s\" component, got %s",
			      dots, shown);
	else if (depth > TW_MAX_CGROUP_DEPTH)
		tw_read_error(reader, value->mark,
			      "cgroup must have at most %d components, got %zu",
			      TW_MAX_CGROUP_DEPTH, depth);
	else if (strlen(path) >= TW_PATH_LEN)
		tw_read_error(reader, value->mark, "cgroup must be shorter than %d bytes, got %zu",
			      TW_PATH_LEN, strlen(path));
	else
		return true;
	return false;
}

static int read_cgroup(struct tw_reader *reader, const struct tw_node *value)
{
	struct tw_model_policy *policy = reader->policy;
	_cleanup_free_ char *path = NULL;
	size_t depth;

	if (!tw_read_text(reader, value, "cgroup"))
		return 0;
	path = normal_path(value->text, &depth);
	if (!path)
		return -ENOMEM;
	if (check_cgroup(reader, value, path, depth))
		policy->cgroups[policy->cgroup_count++] = TAKE_PTR(path);
	return 0;
}

static int read_cgroups(struct tw_reader *reader, const struct tw_node *value)
{
	return tw_read_items(reader, value, "cgroup", TW_MAX_CGROUP_PATTERNS,
			     sizeof(*reader->policy->cgroups), (void **)&reader->policy->cgroups,
			     read_cgroup);
}

/* What Kubernetes lets names consist of, and what patterns are made of. */
static bool is_pod_pattern(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-.*?[]!^";

	return strspn(text, allowed) == strlen(text) && strlen(text) <= TW_MAX_POD_PATTERN_LEN;
}

static int read_pod_pattern(struct tw_reader *reader, const struct tw_node *value, const char *what,
			    char **patterns, size_t *count)
{
	const char *text = tw_read_text(reader, value, what);
	char shown[TW_SHOWN_LEN];

	if (!text)
		return 0;
	if (!is_pod_pattern(text)) {
		tw_read_error(reader, value->mark,
			      "%s must be a name as Kubernetes has them, of a-z, 0-9, \"-\" and "
			      "\".\", or "
			      "a shell pattern of at most %d bytes for such names, got %s",
			      what, TW_MAX_POD_PATTERN_LEN, tw_shown(value, shown));
		return 0;
	}
	patterns[*count] = strdup(text);
	return patterns[*count] ? ((*count)++, 0) : -ENOMEM;
}

static int read_namespace(struct tw_reader *reader, const struct tw_node *value)
{
	struct tw_model_policy *policy = reader->policy;

	return read_pod_pattern(reader, value, "namespace", policy->namespaces,
				&policy->namespace_count);
}

static int read_namespaces(struct tw_reader *reader, const struct tw_node *value)
{
	return tw_read_items(reader, value, "namespace", TW_MAX_POD_PATTERNS,
			     sizeof(*reader->policy->namespaces),
			     (void **)&reader->policy->namespaces, read_namespace);
}

static int read_pod(struct tw_reader *reader, const struct tw_node *value)
{
	struct tw_model_policy *policy = reader->policy;

	return read_pod_pattern(reader, value, "pod", policy->pods, &policy->pod_count);
}

static int read_pods(struct tw_reader *reader, const struct tw_node *value)
{
	return tw_read_items(reader, value, "pod", TW_MAX_POD_PATTERNS,
			     sizeof(*reader->policy->pods), (void **)&reader->policy->pods,
			     read_pod);
}

static int read_remote(struct tw_reader *reader, const struct tw_node *value)
{
	struct tw_model_policy *policy = reader->policy;
	const char *text = tw_read_text(reader, value, "remote");
	char shown[TW_SHOWN_LEN], meant[TW_CIDR_LEN];
	struct tw_cidr cidr;

	if (!text)
		return 0;
	switch (tw_cidr_parse(text, &cidr)) {
	case 0:
		policy->remotes[policy->remote_count++] = cidr;
		break;
	case -EDOM:
		tw_read_error(reader, value->mark, "%s has host bits set; did you mean %s?", text,
			      tw_cidr_format(&cidr, meant));
		break;
	case -ERANGE:
		tw_read_error(reader, value->mark, "the prefix length must be 0..%d, got %.16s",
			      strchr(text, ':') ? 128 : 32, strchr(text, '/') + 1);
		break;
	default:
		tw_read_error(reader, value->mark,
			      "remote must be an address or a prefix such as 10.0.0.0/8, got %s",
			      tw_shown(value, shown));
	}
	return 0;
}

static int read_remotes(struct tw_reader *reader, const struct tw_node *value)
{
	return tw_read_items(reader, value, "remote", TW_MAX_PREFIXES,
			     sizeof(*reader->policy->remotes), (void **)&reader->policy->remotes,
			     read_remote);
}

static int read_port(struct tw_reader *reader, const struct tw_node *value)
{
	struct tw_model_policy *policy = reader->policy;
	const char *text = tw_read_text(reader, value, "port");
	struct tw_port_range range;
	char shown[TW_SHOWN_LEN];

	if (!text)
		return 0;
	tw_shown(value, shown);
	switch (tw_port_range_parse(text, &range)) {
	case 0:
		policy->ports[policy->port_count++] = range;
		break;
	case -EDOM:
		tw_read_error(reader, value->mark, "the port range %s ends before it starts", text);
		break;
	case -ERANGE:
		tw_read_error(reader, value->mark, "port must be 1..65535, got %s", shown);
		break;
	default:
		tw_read_error(reader, value->mark,
			      "port must be a port or a range such as 9000-9099, got %s", shown);
	}
	return 0;
}

static int read_ports(struct tw_reader *reader, const struct tw_node *value)
{
	return tw_read_items(reader, value, "port", TW_MAX_PORT_RANGES,
			     sizeof(*reader->policy->ports), (void **)&reader->policy->ports,
			     read_port);
}

static int read_node(struct tw_reader *reader, const struct tw_node *value)
{
	struct tw_model_policy *policy = reader->policy;
	const char *text = tw_read_text(reader, value, "node");
	char *pattern;

	if (!text)
		return 0;
	if (strlen(text) >= TW_NODE_LEN) {
		tw_read_error(reader, value->mark, "node must be shorter than %d bytes, got %zu",
			      TW_NODE_LEN, strlen(text));
		return 0;
	}
	pattern = strdup(text);
	if (!pattern)
		return -ENOMEM;
	policy->nodes[policy->node_count++] = pattern;
	return 0;
}

static int read_nodes(struct tw_reader *reader, const struct tw_node *value)
{
	return tw_read_items(reader, value, "node", TW_MAX_NODE_PATTERNS,
			     sizeof(*reader->policy->nodes), (void **)&reader->policy->nodes,
			     read_node);
}

static int read_direction(struct tw_reader *reader, const struct tw_node *value)
{
	static const struct {
		const char *name;
		unsigned directions;
	} words[] = {
		{ "out", 1u << TW_OUT },
		{ "in", 1u << TW_IN },
		{ "any", TW_ANY_DIRECTION },
	};
	const char *text = tw_read_text(reader, value, "direction");
	char shown[TW_SHOWN_LEN];

	if (!text)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(text, words[i].name)) {
			reader->policy->directions = words[i].directions;
			return 0;
		}
	}
	tw_read_error(reader, value->mark, "direction must be out, in or any, got %s",
		      tw_shown(value, shown));
	return 0;
}

int tw_selector_read(struct tw_reader *reader, const struct tw_node *value)
{
	static const struct tw_key keys[] = {
		{ .name = "cgroup", .read = read_cgroups },
		{ .name = "namespace", .read = read_namespaces },
		{ .name = "pod", .read = read_pods },
		{ .name = "direction", .read = read_direction },
		{ .name = "remote", .read = read_remotes },
		{ .name = "port", .read = read_ports },
		{ .name = "node", .read = read_nodes },
	};

	reader->policy->match_mark = value->mark;
	return tw_read_map(reader, value, "match", keys, ARRAY_SIZE(keys));
}
