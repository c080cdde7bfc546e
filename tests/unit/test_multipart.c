/* SPDX-License-Identifier: Apache-2.0 */
/* Forms with files, in pieces of every size. */
#include "support.h"

#include <string.h>

#include "base/text.h"
#include "wire/multipart.h"

/* What was found, as a text: name(file)=content; */
static int on_begin(void *user, const char *name, const char *file)
{
	skt_text_addf(user, "%s(%s)=", name, file ? file : "-");
	return 0;
}

static int on_bytes(void *user, const char *bytes, size_t n)
{
	skt_text_addn(user, bytes, n);
	return 0;
}

static int on_end(void *user)
{
	skt_text_addc(user, ';');
	return 0;
}

static const struct skt_multipart_ops ops = { on_begin, on_bytes, on_end };

static int feed(const char *body, size_t n, size_t piece, struct skt_text *found, bool *is_done)
{
	static const char type[] = "multipart/form-data; boundary=\"xy\"";
	struct skt_multipart m;
	int status = 0;

	skt_text_clear(found);
	assert_true(skt_multipart_init(&m, (struct skt_span){ type, sizeof(type) - 1 }, &ops, found));
	for (size_t i = 0; i < n && status == 0; i += piece)
		status = skt_multipart_feed(&m, body + i, n - i < piece ? n - i : piece);
	*is_done = skt_multipart_is_done(&m);
	return status;
}

#define PART(name) "Content-Disposition: form-data; name=\"" name "\""

static void parts_are_found_whatever_the_pieces(void **state)
{
	static const char body[] = "a preamble\r\n--x\r\n--xy\r\n" PART(
		"f") "; filename=\"a%22b.txt\"\r\nContent-Type: text/plain\r\n\r\n"
		     "one\r\n--x\r\r\n--\r\n--xz\r\n--xy  \r\n" PART(
			     "g") "\r\n\r\n\r\n--xy\r\n"
				  "content-disposition: form-data; filename=\"\\\"c\\\\\"; name=h\r\nX: y\r\n"
				  "Content-Disposition: form-data; filename=\"c\"; name=\"h\"\r\n\r\ntwo\r\n--xy--\r\nan epilogue";
	struct skt_text found = { 0 };
	bool is_done;

	(void)state;
	for (size_t piece = 1; piece <= sizeof(body); piece++) {
		assert_int_equal(feed(body, sizeof(body) - 1, piece, &found, &is_done), 0);
		assert_true(is_done);
		assert_string_equal(skt_text_get(&found), "f(a\"b.txt)=one\r\n--x\r\r\n--\r\n--xz;g(-)=;h(c)=two;");
	}
	skt_text_release(&found);
}

static void malformed_forms_are_refused_and_short_ones_are_not_done(void **state)
{
	static const struct {
		const char *body;
		int status;
	} rows[] = {
		{ "", 0 },
		{ "--xy", 0 },
		{ "--xy\r\n" PART("f") "\r\n\r\nhalf", 0 },
		{ "--xy\r\n\r\nno head\r\n--xy--", 400 },
		{ "--xyz\r\n", 400 },
		{ "--xy\n" PART("f") "\n\n", 400 },
		{ "--xy\r\nContent-Disposition: form-data\r\n\r\n", 400 },
		{ "--xy\r\nContent-Disposition: form-data; name=\"f\r\n\r\n", 400 },
	};
	struct skt_text found = { 0 };
	bool is_done;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(feed(rows[i].body, strlen(rows[i].body), 3, &found, &is_done), rows[i].status);
		assert_false(is_done);
	}
	skt_text_release(&found);
}

static void names_are_read_as_clients_write_them(void **state)
{
	static const char *const rows[][2] = {
		{ "name=\"f\"; filename=\"a.txt\"", "f(a.txt)" },
		/* HttpClient of .NET */
		{ "name=f; filename=a.txt; filename*=utf-8''a.txt", "f(a.txt)" },
		{ "name=f; filename=\"=?utf-8?B?w6Q=?=\"; filename*=utf-8''%C3%A4%20b", "f(\xc3\xa4 b)" },
		{ "filename*=UTF-8'de'%c3%a4;name=f ; filename=worse", "f(\xc3\xa4)" },
		/* one that cannot be read does not count */
		{ "name=f; filename=a; filename*=utf-8''%zz", "f(a)" },
		{ "name=f; filename=a; filename*=utf-8''a%00b", "f(a)" },
		{ "name=f; filename=a; filename*=utf-8''%4", "f(a)" },
		{ "name=f; filename=a; filename*=latin1''b", "f(a)" },
		{ "name=f; filename=a; filename*=b", "f(a)" },
		{ "name=f; filename=a; filename*=utf-8''", "f(a)" },
		/* what is in quotes is no parameter */
		{ "x=\"; name=g; filename=g\"; name=\"f;=\"", "f;=(-)" },
		{ "name; =; filename ;name=f", "f(-)" },
		{ "NAME=\"a\\\"b\\\\\"; FileName=\"%22%0D%0a%41\"", "a\"b\\(\"\r\n%41)" },
		{ "name=\"\"; filename=\"\"", "()" },
	};
	struct skt_text found = { 0 }, body = { 0 }, want = { 0 };
	bool is_done;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		skt_text_clear(&body);
		skt_text_clear(&want);
		skt_text_addf(&body, "--xy\r\nContent-Disposition: form-data; %s\r\n\r\nz\r\n--xy--", rows[i][0]);
		skt_text_addf(&want, "%s=z;", rows[i][1]);
		assert_int_equal(feed(body.s, body.len, 7, &found, &is_done), 0);
		assert_string_equal(skt_text_get(&found), skt_text_get(&want));
	}
	skt_text_release(&found);
	skt_text_release(&body);
	skt_text_release(&want);
}

static void heads_and_names_have_limits(void **state)
{
	struct skt_text found = { 0 }, body = { 0 };
	bool is_done;

	(void)state;
	for (int n = SKT_MULTIPART_NAME - 2; n <= SKT_MULTIPART_NAME; n++) {
		skt_text_clear(&body);
		skt_text_addf(&body, "--xy\r\nContent-Disposition: form-data; name=f; filename=%0*d\r\n\r\n", n, 0);
		assert_int_equal(feed(body.s, body.len, 100, &found, &is_done), n < SKT_MULTIPART_NAME ? 0 : 400);
	}
	skt_text_clear(&body);
	skt_text_addf(&body, "--xy\r\n" PART("f") "\r\nX: %0*d", SKT_MULTIPART_HEAD, 0);
	assert_int_equal(feed(body.s, body.len, 100, &found, &is_done), 413);
	skt_text_clear(&body);
	for (int i = 0; i <= SKT_MULTIPART_PARTS; i++)
		skt_text_add(&body, "\r\n--xy\r\n" PART("f") "\r\n\r\n");
	assert_int_equal(feed(body.s, body.len, 100, &found, &is_done), 413);
	skt_text_release(&found);
	skt_text_release(&body);
}

static void boundaries_have_limits(void **state)
{
	struct skt_multipart m;
	struct skt_text t = { 0 };

	(void)state;
	for (int n = 0; n <= 72; n++) {
		skt_text_clear(&t);
		skt_text_add(&t, "Multipart/Form-Data;charset=utf-8; Boundary=");
		for (int i = 0; i < n; i++)
			skt_text_addc(&t, 'b');
		assert_int_equal(skt_multipart_init(&m, (struct skt_span){ t.s, t.len }, &ops, &t),
				 n >= 1 && n <= SKT_MULTIPART_BOUNDARY);
	}
	skt_text_release(&t);
}

static void names_are_reduced_to_their_last_part(void **state)
{
	(void)state;
	assert_string_equal(skt_multipart_file_name("a.txt"), "a.txt");
	assert_string_equal(skt_multipart_file_name("/etc/passwd"), "passwd");
	assert_string_equal(skt_multipart_file_name("C:\\x\\y.z"), "y.z");
	assert_string_equal(skt_multipart_file_name("..a"), "..a");
	assert_null(skt_multipart_file_name(""));
	assert_null(skt_multipart_file_name("a/"));
	assert_null(skt_multipart_file_name("a/.."));
	assert_null(skt_multipart_file_name("."));
	assert_null(skt_multipart_file_name("a\nb"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_found_whatever_the_pieces),
		cmocka_unit_test(malformed_forms_are_refused_and_short_ones_are_not_done),
		cmocka_unit_test(names_are_read_as_clients_write_them),
		cmocka_unit_test(heads_and_names_have_limits),
		cmocka_unit_test(boundaries_have_limits),
		cmocka_unit_test(names_are_reduced_to_their_last_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
