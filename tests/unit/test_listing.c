/* SPDX-License-Identifier: Apache-2.0 */
/* Directories as a page and as JSON: names of every kind, order, links, and a policy that fits the style. */
#include "support.h"

#include <string.h>

#include "base/text.h"
#include "http/listing.h"
#include "sys/ossl.h"
#include "wire/base64.h"

static struct skt_span span(const char *s)
{
	return (struct skt_span){ s, strlen(s) };
}

static bool has(const struct skt_text *t, const char *part)
{
	return memmem(t->s, t->len, part, strlen(part)) != NULL;
}

static struct skt_listing_entry file(char *name, int64_t size, int64_t mtime)
{
	return (struct skt_listing_entry){ .name = name, .size = size, .mtime = mtime };
}

static struct skt_listing_entry directory(char *name, int64_t mtime)
{
	return (struct skt_listing_entry){ .name = name, .is_directory = true, .mtime = mtime };
}

/* The names in their order. */
static void order(struct skt_listing_entry *entry, size_t n, const char *query, char *ret)
{
	struct skt_listing l = { .path = "", .entry = entry, .n = n };

	skt_listing_query(span(query), &l);
	skt_listing_sort(&l);
	for (size_t i = 0; i < n; i++)
		ret[i] = entry[i].name[0];
	ret[n] = '\0';
}

static void directories_come_first_and_equals_by_name(void **state)
{
	static const char *const rows[][2] = {
		{ "", "dezabc" },
		{ "sort=name&order=desc", "zedcba" },
		{ "sort=size", "dezacb" },
		{ "sort=size&order=desc", "dezbac" },
		{ "sort=time", "zedcab" },
		{ "order=desc&sort=time", "dezabc" }, /* a and b are as old */
		{ "sort=nothing&&order=up&x", "dezabc" },
		{ "sort=sizes", "dezabc" },
	};
	struct skt_listing_entry entry[6];
	char found[8];

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		entry[0] = file((char[]){ "b" }, 9, 300);
		entry[1] = directory((char[]){ "z" }, 100);
		entry[2] = file((char[]){ "c" }, 5, 200);
		entry[3] = directory((char[]){ "e" }, 150);
		entry[4] = file((char[]){ "a" }, 5, 300);
		entry[5] = directory((char[]){ "d" }, 400);
		order(entry, 6, rows[i][0], found);
		assert_string_equal(found, rows[i][1]);
	}
	order(entry, 0, "", found); /* nothing is no trouble */
}

/* What there is to see of one file. */
static void page_of(struct skt_listing_entry e, const char *path, struct skt_text *ret)
{
	struct skt_listing l = { .path = path, .entry = &e, .n = 1 };

	skt_text_clear(ret);
	skt_listing_html(&l, ret);
	assert_false(ret->failed);
}

static void names_are_shown_whatever_they_hold(void **state)
{
	static const struct {
		const char *name, *link, *shown;
	} rows[] = {
		{ "a b.txt", "./a%20b.txt", "a b.txt" },
		{ "<script>\"'&", "./%3Cscript%3E%22%27%26", "&lt;script&gt;&quot;&#39;&amp;" },
		{ "a\nb", "./a%0Ab",
		  "a\xef\xbf\xbd"
		  "b" },
		{ "\xff\xc3\xa4", "./%FF%C3%A4", "\xef\xbf\xbd\xc3\xa4" },
		{ "javascript:alert(1)", "./javascript%3Aalert%281%29", "javascript:alert(1)" },
		{ "?x#y", "./%3Fx%23y", "?x#y" },
	};
	struct skt_text t = { 0 };
	char row[512];

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		page_of(file((char *)rows[i].name, 1, 0), "", &t);
		(void)snprintf(row, sizeof(row), "<a href=\"%s\">%s</a></td>", rows[i].link, rows[i].shown);
		if (!has(&t, row))
			fail_msg("%s is not in %s", row, skt_text_get(&t));
	}
	skt_text_release(&t);
}

static void sizes_and_dates_of_every_age(void **state)
{
	static const struct {
		int64_t size, mtime;
		const char *size_text, *title, *date, *json;
	} rows[] = {
		{ 0, 0,
		  ">0\xc2\xa0"
		  "B<",
		  "title=\"0 B\"",
		  "1970-01-01\xc2\xa0"
		  "00:00",
		  "1970-01-01T00:00:00Z" },
		{ 1536, -1, ">1.50\xc2\xa0KiB<", "title=\"1536 B\"",
		  "1969-12-31\xc2\xa0"
		  "23:59",
		  "1969-12-31T23:59:59Z" },
		{ INT64_MAX, 13569465600, "PiB<", "title=\"9223372036854775807 B\"",
		  "2400-01-01\xc2\xa0"
		  "00:00",
		  "2400-01-01T00:00:00Z" },
		{ 1, INT64_MAX,
		  ">1\xc2\xa0"
		  "B<",
		  "title=\"1 B\"",
		  "9999-12-31\xc2\xa0"
		  "23:59",
		  "9999-12-31T23:59:59Z" },
		{ 1, INT64_MIN,
		  ">1\xc2\xa0"
		  "B<",
		  "title=\"1 B\"",
		  "0000-01-01\xc2\xa0"
		  "00:00",
		  "0000-01-01T00:00:00Z" },
	};
	struct skt_text t = { 0 };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		struct skt_listing_entry e = file((char[]){ "x" }, rows[i].size, rows[i].mtime);
		struct skt_listing l = { .path = "", .entry = &e, .n = 1 };

		page_of(e, "", &t);
		assert_true(has(&t, rows[i].size_text) && has(&t, rows[i].title) && has(&t, rows[i].date));
		skt_listing_json(&l, &t);
		assert_true(has(&t, rows[i].json));
	}
	skt_text_release(&t);
}

static void the_way_here_is_links_that_need_no_root(void **state)
{
	static const char *const rows[][2] = {
		{ "", "Index of <a href=\"./\">/</a></h1>" },
		{ "a", "Index of <a href=\"../\">/</a><b>a</b>/</h1>" },
		{ "a b/<c>/d",
		  "<a href=\"../../../\">/</a><a href=\"../../\">a b</a>/<a href=\"../\">&lt;c&gt;</a>/<b>d</b>/</h1>" },
	};
	struct skt_text t = { 0 };

	(void)state;
	for (size_t i = 0; i < SKT_LENGTH(rows); i++) {
		page_of(file((char[]){ "x" }, 0, 0), rows[i][0], &t);
		if (!has(&t, rows[i][1]))
			fail_msg("%s is not in %s", rows[i][1], skt_text_get(&t));
		assert_int_equal(has(&t, "<a href=\"../\">../</a>"), *rows[i][0] != '\0');
	}
	skt_text_release(&t);
}

static void columns_turn_the_order_over(void **state)
{
	struct skt_listing l = { .path = "", .key = SKT_LISTING_SIZE };
	struct skt_text t = { 0 };

	(void)state;
	skt_listing_html(&l, &t);
	assert_true(has(&t, "aria-sort=\"ascending\"><a href=\"?sort=size&amp;order=desc\">Size"));
	assert_true(has(&t, "<a href=\"?sort=name\">Name"));
	assert_true(has(&t, "This directory is empty.") && !has(&t, "<form"));
	skt_text_clear(&t);
	l.descends = l.uploads = l.is_indonesian = true;
	skt_listing_html(&l, &t);
	assert_true(has(&t, "aria-sort=\"descending\"><a href=\"?sort=size\">Ukuran"));
	assert_true(has(&t, "<html lang=\"id\">") && has(&t, "Direktori ini kosong."));
	assert_true(has(&t, "<form method=\"post\" enctype=\"multipart/form-data\">") && has(&t, "multiple"));
	skt_text_release(&t);
}

static void the_policy_lets_just_this_style_pass(void **state)
{
	struct skt_listing l = { .path = "" };
	struct skt_text t = { 0 }, want = { 0 };
	unsigned char digest[32];
	const char *from, *to;

	(void)state;
	skt_listing_html(&l, &t);
	from = strstr(skt_text_get(&t), "<style>") + strlen("<style>");
	to = strstr(from, "</style>");
	assert_int_equal(skt_ossl_load(NULL), 0);
	assert_int_equal(EVP_Digest(from, (size_t)(to - from), digest, NULL, EVP_sha256(), NULL), 1);
	skt_text_add(&want, "style-src 'sha256-");
	skt_base64_encode(digest, sizeof(digest), &want);
	skt_text_add(&want, "';");
	if (!strstr(skt_listing_policy(), skt_text_get(&want)))
		fail_msg("the style's hash is now %s", skt_text_get(&want));
	assert_null(strstr(skt_listing_policy(), "unsafe"));
	assert_null(strstr(to, " style=")); /* none of which would pass */
	skt_text_release(&t);
	skt_text_release(&want);
}

static void json_tells_kinds_and_how_to_ask(void **state)
{
	struct skt_listing_entry e[] = { directory((char[]){ "d e" }, 1),
					 file((char[]){ "\xff\"" }, 7, 2),
					 { .name = (char[]){ "s" }, .is_other = true } };
	struct skt_listing l = { .path = "", .entry = e, .n = 3 };
	struct skt_text t = { 0 };

	(void)state;
	skt_listing_json(&l, &t);
	assert_string_equal(
		skt_text_get(&t),
		"[{\"name\":\"d e\",\"url\":\"d%20e/\",\"type\":\"directory\",\"size\":0,\"mtime\":\"1970-01-01T00:00:01Z\"},"
		"{\"name\":\"\xef\xbf\xbd\\\"\",\"url\":\"%FF%22\",\"type\":\"file\",\"size\":7,\"mtime\":\"1970-01-01T00:00:02Z\"},"
		"{\"name\":\"s\",\"url\":\"s\",\"type\":\"other\",\"size\":0,\"mtime\":\"1970-01-01T00:00:00Z\"}]\n");
	l.n = 0;
	skt_listing_json(&l, &t);
	assert_string_equal(skt_text_get(&t), "[]\n");
	skt_text_release(&t);
}

static int allocations_left;

static bool runs_out(void)
{
	return allocations_left-- <= 0;
}

static void a_page_without_memory_says_that_it_failed(void **state)
{
	struct skt_listing_entry e = file((char[]){ "x" }, 1, 1);
	struct skt_listing l = { .path = "a/b", .entry = &e, .n = 1 };
	struct skt_text t = { 0 };
	int n_failed = 0;

	(void)state;
	skt_alloc_fails = runs_out;
	for (int n = 0; n_failed == n; n++) { /* each allocation fails in turn, until there are no more */
		allocations_left = n;
		skt_listing_html(&l, &t);
		n_failed += t.failed;
		skt_text_release(&t);
		allocations_left = n;
		skt_listing_json(&l, &t);
		skt_text_release(&t);
	}
	assert_true(n_failed > 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SUPPORT_TEST(directories_come_first_and_equals_by_name),
		SUPPORT_TEST(names_are_shown_whatever_they_hold),
		SUPPORT_TEST(sizes_and_dates_of_every_age),
		SUPPORT_TEST(the_way_here_is_links_that_need_no_root),
		SUPPORT_TEST(columns_turn_the_order_over),
		SUPPORT_TEST(the_policy_lets_just_this_style_pass),
		SUPPORT_TEST(json_tells_kinds_and_how_to_ask),
		SUPPORT_TEST(a_page_without_memory_says_that_it_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
