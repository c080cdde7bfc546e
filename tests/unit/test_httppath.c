/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of requests, and names in URLs and pages. */
#include "support.h"

#include <string.h>

#include "wire/httppath.h"

static enum skt_pathfault decode(const char *path, char *ret, struct skt_httppath *facts)
{
	return skt_httppath_decode((struct skt_span){ path, strlen(path) }, ret, 64, facts);
}

static void paths_become_relative(void **state)
{
	static const struct {
		const char *path, *relative;
		bool ends, empty, hidden;
	} rows[] = {
		{ "/", "", true, false, false },
		{ "/a", "a", false, false, false },
		{ "/a/", "a", true, false, false },
		{ "/a%20b/%C3%BC", "a b/\xc3\xbc", false, false, false },
		{ "/%ff%FE", "\xff\xfe", false, false, false },
		{ "/a/./b/../c", "a/c", false, false, false },
		{ "/a/..", "", true, false, false },
		{ "/a/../", "", true, false, false },
		{ "/a/.", "a", true, false, false },
		{ "/%2e/a/%2E%2e/b", "b", false, false, false },
		{ "//a///b//", "a/b", true, true, false },
		{ "/.git/x", ".git/x", false, false, true },
		{ "/a/..b", "a/..b", false, false, true },
		{ "/a/...", "a/...", false, false, true },
		{ "/a\\b", "a\\b", false, false, false },
		{ "/%25%32%65", "%2e", false, false, false },
	};
	struct skt_httppath facts;
	char got[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(decode(rows[i].path, got, &facts), SKT_PATH_GOOD);
		assert_string_equal(got, rows[i].relative);
		assert_int_equal(facts.ends_in_slash, rows[i].ends);
		assert_int_equal(facts.has_empty, rows[i].empty);
		assert_int_equal(facts.is_hidden, rows[i].hidden);
	}
}

static void paths_that_lead_out_or_are_malformed_are_refused(void **state)
{
	static const struct {
		const char *path;
		enum skt_pathfault fault;
	} rows[] = {
		{ "", SKT_PATH_MALFORMED },       { "a", SKT_PATH_MALFORMED },      { "/%", SKT_PATH_MALFORMED },
		{ "/%4", SKT_PATH_MALFORMED },    { "/%4g", SKT_PATH_MALFORMED },   { "/%00", SKT_PATH_MALFORMED },
		{ "/a%2fb", SKT_PATH_MALFORMED }, { "/a%2Fb", SKT_PATH_MALFORMED }, { "/..", SKT_PATH_CLIMBS },
		{ "/a/../..", SKT_PATH_CLIMBS },  { "/%2e%2e/x", SKT_PATH_CLIMBS }, { "/.%2e", SKT_PATH_CLIMBS },
		{ "/..%2f", SKT_PATH_MALFORMED }, { "//..", SKT_PATH_CLIMBS },
	};
	struct skt_httppath facts;
	char got[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(decode(rows[i].path, got, &facts), rows[i].fault);
}

static void there_is_room_or_it_is_said(void **state)
{
	char path[80], got[64];
	struct skt_httppath facts;

	(void)state;
	for (size_t n = 1; n < sizeof(path) - 1; n++) {
		memset(path, 'a', sizeof(path));
		path[0] = '/';
		path[n + 1] = '\0';
		assert_int_equal(decode(path, got, &facts), n < sizeof(got) ? SKT_PATH_GOOD : SKT_PATH_LONG);
		if (n < sizeof(got))
			assert_int_equal(strlen(got), n);
	}
}

static void names_come_back_from_urls(void **state)
{
	struct skt_text url = { 0 };
	struct skt_httppath facts;
	char name[4] = "a", got[64];

	(void)state;
	for (int c = 1; c < 256; c++) {
		if (c == '/' || c == '.')
			continue;
		name[0] = (char)c;
		skt_text_clear(&url);
		skt_text_addc(&url, '/');
		skt_httppath_encode(name, &url);
		assert_int_equal(decode(skt_text_get(&url), got, &facts), SKT_PATH_GOOD);
		assert_string_equal(got, name);
	}
	skt_text_release(&url);
}

static void markup_is_escaped(void **state)
{
	struct skt_text t = { 0 };

	(void)state;
	skt_httppath_escape("<a href=\"x\">&'\n\xff\xc3\xbc\xed\xa0\x80", &t);
	assert_string_equal(
		skt_text_get(&t),
		"&lt;a href=&quot;x&quot;&gt;&amp;&#39;\xef\xbf\xbd\xef\xbf\xbd\xc3\xbc\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	skt_text_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_become_relative),
		cmocka_unit_test(paths_that_lead_out_or_are_malformed_are_refused),
		cmocka_unit_test(there_is_room_or_it_is_said),
		cmocka_unit_test(names_come_back_from_urls),
		cmocka_unit_test(markup_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
