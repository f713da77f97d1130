// SPDX-License-Identifier: GPL-2.0-only
/*
 * Three passes, each on what the one before found sound: the characters; the
 * events, for what the document no longer shows (anchors, aliases, tags, depth,
 * further documents); the document, for the tree.
 */
#include "policy/tree.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "lib/utf8.h"

#define TEXT_(number) #number
#define TEXT(number)  TEXT_(number)
#define SHOWN_KEY     64 /* bytes of a key that a message quotes */

#define _cleanup_parser_   _cleanup_(yaml_parser_delete)
#define _cleanup_event_	   _cleanup_(yaml_event_delete)
#define _cleanup_document_ _cleanup_(yaml_document_delete)

struct reader {
	const char *name;
	const char *text;
	size_t len;
	struct tw_diags *diags;
	yaml_document_t *document;
};

void tw_node_free(struct tw_node *node)
{
	for (size_t i = 0; i < node->count; i++) {
		free(node->entries[i].key);
		tw_node_free(&node->entries[i].value);
	}
	free(node->entries);
	free(node->text);
	*node = TW_NODE_INIT;
}

/* libyaml counts from 0. */
static struct tw_mark make_mark(const struct reader *reader, const yaml_mark_t *mark)
{
	return (struct tw_mark){
		.file = reader->name,
		.line = (unsigned)mark->line + 1,
		.column = (unsigned)mark->column + 1,
	};
}

/* Refuse what stands at a place of the file. */
static int refuse(const struct reader *reader, const yaml_mark_t *mark, const char *why)
{
	tw_diags_add(reader->diags, TW_ERROR, make_mark(reader, mark), "%s", why);
	return -EINVAL;
}

/* The characters of YAML 1.1, section 5.1, as libyaml takes them. */
static bool is_allowed(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0x7e) || c == 0x85 ||
	       (c >= 0xa0 && c <= 0xfffd && c != 0xfeff) || c >= 0x10000;
}

static const char *character_problem(const char *text, size_t len, size_t *ret_bytes)
{
	uint32_t c;
	int n = tw_utf8_decode(text, len, &c);

	if (n < 0)
		return "not UTF-8";
	*ret_bytes = (size_t)n;
	if (!c)
		return "a NUL byte; this is no text file";
	return is_allowed(c) ? NULL : "a control character; it cannot stand in YAML";
}

/* libyaml tells no line for what it finds wrong with characters, so look here. */
static int check_characters(const struct reader *reader)
{
	yaml_mark_t mark = { 0 };
	size_t n = 0;

	for (size_t at = 0; at < reader->len; at += n) {
		size_t rest = reader->len - at;
		const char *problem = character_problem(reader->text + at, rest, &n);
		size_t line_break = tw_utf8_line_break(reader->text + at, rest);

		if (problem)
			return refuse(reader, &mark, problem);
		mark.column++;
		if (line_break) {
			n = line_break;
			mark.line++;
			mark.column = 0;
		}
	}
	return 0;
}

static int start_parser(const struct reader *reader, yaml_parser_t *parser)
{
	if (!yaml_parser_initialize(parser))
		return -ENOMEM;
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)reader->text, reader->len);
	return 0;
}

static bool colon_at(const struct reader *reader, size_t index)
{
	size_t at = 0;
	uint32_t c = 0;

	/* libyaml counts characters; that they are UTF-8 is known by now. */
	for (size_t i = 0; i <= index && at < reader->len; i++)
		at += (size_t)tw_utf8_decode(reader->text + at, reader->len - at, &c);
	return c == ':' && at < reader->len;
}

/* What people meet who write `keepalive: 60s:10s:` or `remote: [::1]`. */
static const char *problem_hint(const struct reader *reader, const yaml_parser_t *parser)
{
	return colon_at(reader, parser->problem_mark.index)
		       ? "; text that starts or ends with a colon must be quoted"
		       : "";
}

/* Say what libyaml says, where it says it. */
static int parser_failed(const struct reader *reader, const yaml_parser_t *parser)
{
	struct tw_mark mark = make_mark(reader, &parser->problem_mark);

	/* yaml_parser_load() also fails in silence, where it cannot copy a tag. */
	if (parser->error == YAML_MEMORY_ERROR || !parser->problem)
		return -ENOMEM;
	if (parser->context)
		tw_diags_add(reader->diags, TW_ERROR, mark, "not YAML: %s %s (from line %zu)%s",
			     parser->problem, parser->context, parser->context_mark.line + 1,
			     problem_hint(reader, parser));
	else
		tw_diags_add(reader->diags, TW_ERROR, mark, "not YAML: %s%s", parser->problem,
			     problem_hint(reader, parser));
	return -EINVAL;
}

/* What a node may not carry. */
static const char *properties_problem(const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		return "anchors are not supported";
	return tag ? "tags are not supported" : NULL;
}

static const char *event_problem(const yaml_event_t *event, unsigned depth, unsigned documents)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return documents > 1 ? "a second document; a policy file holds one" : NULL;
	case YAML_ALIAS_EVENT:
		return "aliases are not supported";
	case YAML_SCALAR_EVENT:
		return properties_problem(event->data.scalar.anchor, event->data.scalar.tag);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (depth > TW_MAX_TREE_DEPTH)
			return "nested more than " TEXT(TW_MAX_TREE_DEPTH) " deep";
		return event->type == YAML_MAPPING_START_EVENT
			       ? properties_problem(event->data.mapping_start.anchor,
						    event->data.mapping_start.tag)
			       : properties_problem(event->data.sequence_start.anchor,
						    event->data.sequence_start.tag);
	default:
		return NULL;
	}
}

static int depth_change(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return 1;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return -1;
	default:
		return 0;
	}
}

/* Walk the events. All that is refused is reported, but for what ends the walk. */
static int check_events(const struct reader *reader)
{
	_cleanup_parser_ yaml_parser_t parser = { 0 };
	unsigned documents = 0, depth = 0;
	bool more = true;
	int result = 0;
	int r = start_parser(reader, &parser);

	if (r < 0)
		return r;
	while (more) {
		_cleanup_event_ yaml_event_t event = { 0 };
		const char *problem;

		if (!yaml_parser_parse(&parser, &event))
			return parser_failed(reader, &parser);
		documents += event.type == YAML_DOCUMENT_START_EVENT;
		depth += (unsigned)depth_change(&event);
		problem = event_problem(&event, depth, documents);
		if (problem)
			result = refuse(reader, &event.start_mark, problem);
		more = event.type != YAML_STREAM_END_EVENT && documents <= 1 &&
		       depth <= TW_MAX_TREE_DEPTH;
	}
	return result;
}

static int read_node(const struct reader *reader, int id, struct tw_node *ret_node);

static int read_scalar(const struct reader *reader, const yaml_node_t *yaml, struct tw_node *node)
{
	const char *value = (const char *)yaml->data.scalar.value;
	size_t len = yaml->data.scalar.length;

	if (strlen(value) != len)
		return refuse(reader, &yaml->start_mark, "a NUL byte in text");
	node->absent = !len && yaml->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = strdup(value);
	return node->text ? 0 : -ENOMEM;
}

static int node_allocate(struct tw_node *node, size_t count)
{
	node->entries = calloc(count ? count : 1, sizeof(*node->entries));
	return node->entries ? 0 : -ENOMEM;
}

/* Go on after -EINVAL, so that all is reported, but remember it. */
static int read_list(const struct reader *reader, const yaml_node_t *yaml, struct tw_node *node)
{
	const yaml_node_item_t *items = yaml->data.sequence.items.start;
	size_t count = (size_t)(yaml->data.sequence.items.top - items);
	int result = node_allocate(node, count);

	for (size_t i = 0; i < count && result != -ENOMEM; i++) {
		int r = read_node(reader, items[i], &node->entries[node->count++].value);

		if (r < 0)
			result = r;
	}
	return result;
}

static const struct tw_entry *find_key(const struct tw_node *node, const char *key)
{
	for (size_t i = 0; i < node->count; i++)
		if (node->entries[i].key && !strcmp(node->entries[i].key, key))
			return &node->entries[i];
	return NULL;
}

static int read_key(const struct reader *reader, int id, const struct tw_node *node,
		    struct tw_entry *entry)
{
	const yaml_node_t *yaml = yaml_document_get_node(reader->document, id);
	_cleanup_node_ struct tw_node key = TW_NODE_INIT;
	const struct tw_entry *first;
	int r;

	entry->key_mark = make_mark(reader, &yaml->start_mark);
	if (yaml->type != YAML_SCALAR_NODE)
		return refuse(reader, &yaml->start_mark, "a key must be text");
	r = read_scalar(reader, yaml, &key);
	if (r < 0)
		return r;
	first = find_key(node, key.text);
	if (first) {
		tw_diags_add(reader->diags, TW_ERROR, entry->key_mark,
			     "duplicate key \"%.*s\" (first at %s:%u:%u)",
			     (int)tw_utf8_clip(key.text, SHOWN_KEY), key.text, first->key_mark.file,
			     first->key_mark.line, first->key_mark.column);
		return -EINVAL;
	}
	entry->key = TAKE_PTR(key.text);
	return 0;
}

static int read_pair(const struct reader *reader, const yaml_node_pair_t *pair,
		     struct tw_node *node)
{
	struct tw_entry entry = { 0 };
	int key = read_key(reader, pair->key, node, &entry);
	int value;

	if (key == -ENOMEM)
		return key;
	value = read_node(reader, pair->value, &entry.value);
	node->entries[node->count++] = entry;
	return value < 0 ? value : key;
}

static int read_map(const struct reader *reader, const yaml_node_t *yaml, struct tw_node *node)
{
	const yaml_node_pair_t *pairs = yaml->data.mapping.pairs.start;
	size_t count = (size_t)(yaml->data.mapping.pairs.top - pairs);
	int result = node_allocate(node, count);

	for (size_t i = 0; i < count && result != -ENOMEM; i++) {
		int r;

		if (i == TW_MAX_TREE_KEYS) {
			const yaml_node_t *key =
				yaml_document_get_node(reader->document, pairs[i].key);

			return refuse(reader, &key->start_mark,
				      "more than " TEXT(TW_MAX_TREE_KEYS) " keys in one map");
		}
		r = read_pair(reader, &pairs[i], node);
		if (r < 0)
			result = r;
	}
	return result;
}

/* Fills *ret_node as far as it gets, failed or not: the caller frees it. */
static int read_node(const struct reader *reader, int id, struct tw_node *ret_node)
{
	const yaml_node_t *yaml = yaml_document_get_node(reader->document, id);

	ret_node->mark = make_mark(reader, &yaml->start_mark);
	switch (yaml->type) {
	case YAML_SEQUENCE_NODE:
		ret_node->kind = TW_NODE_LIST;
		return read_list(reader, yaml, ret_node);
	case YAML_MAPPING_NODE:
		ret_node->kind = TW_NODE_MAP;
		return read_map(reader, yaml, ret_node);
	default:
		ret_node->kind = TW_NODE_SCALAR;
		return read_scalar(reader, yaml, ret_node);
	}
}

static int read_document(const struct reader *reader, struct tw_node *ret_root)
{
	_cleanup_parser_ yaml_parser_t parser = { 0 };
	_cleanup_document_ yaml_document_t document = { 0 };
	_cleanup_node_ struct tw_node root = TW_NODE_INIT;
	struct reader nodes = *reader;
	int r = start_parser(reader, &parser);

	if (r < 0)
		return r;
	if (!yaml_parser_load(&parser, &document))
		return parser_failed(reader, &parser);
	if (!yaml_document_get_root_node(&document))
		return refuse(reader, &(yaml_mark_t){ 0 },
			      "the file is empty; it needs version and policies");
	nodes.document = &document;
	r = read_node(&nodes, 1, &root);
	if (r < 0)
		return r;
	*ret_root = root;
	root = TW_NODE_INIT;
	return 0;
}

int tw_tree_parse(const char *name, const char *text, size_t len, struct tw_diags *diags,
		  struct tw_node *ret_root)
{
	size_t mark = tw_utf8_byte_order_mark(text, len);
	struct reader reader = {
		.name = name,
		.text = text + mark,
		.len = len - mark,
		.diags = diags,
	};
	int r = check_characters(&reader);

	if (r < 0)
		return r;
	r = check_events(&reader);
	if (r < 0)
		return r;
	return read_document(&reader, ret_root);
}
