/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a directory, as a page and as JSON.
 *
 * The page needs no script: its columns are sorted by links, and it reads well in a terminal. Its only style is inline, and its policy
 * lets that one pass by its hash, which is computed once. */
#include "http/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/unit.h"
#include "wire/httppath.h"

/* The words of the page, in English and in Indonesian. */
static const struct {
	const char *lang, *title, *name, *size, *time, *root, *up, *empty, *choose, *upload, *folder;
} listing_words[2] = {
	{ "en", "Index of", "Name", "Size", "Changed", "home", "one up", "This directory is empty.", "Files to upload",
	  "Upload", "directory" },
	{ "id", "Isi dari", "Nama", "Ukuran", "Diubah", "beranda", "naik satu tingkat", "Direktori ini kosong.",
	  "Berkas untuk diunggah", "Unggah", "direktori" },
};

#define LISTING_STYLE                                                                                                       \
	":root{color-scheme:light dark;--line:#8884;--dim:#767676;--link:#0b57d0}"                                          \
	"@media(prefers-color-scheme:dark){:root{--dim:#9a9a9a;--link:#8ab4f8}}"                                            \
	"body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1.5rem 1rem 3rem}"                   \
	"h1{font-size:1.15rem;font-weight:600;margin:0 0 1rem;overflow-wrap:anywhere}"                                      \
	"a{color:var(--link);text-decoration:none}a:hover,a:focus{text-decoration:underline}"                               \
	"table{border-collapse:collapse;width:100%}th,td{padding:.4rem .5rem;text-align:left;vertical-align:baseline}"      \
	"th{font-weight:600;border-bottom:2px solid var(--line)}tr+tr td{border-top:1px solid var(--line)}"                 \
	"tbody tr:hover{background:#8881}td:first-child{overflow-wrap:anywhere}"                                            \
	".n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;color:var(--dim)}"                        \
	"th.n{color:inherit}.d a{font-weight:600}p{color:var(--dim)}"                                                       \
	"form{margin:0 0 1.25rem;padding:.75rem;border:1px dashed var(--line);border-radius:.5rem;display:flex;gap:.75rem;" \
	"flex-wrap:wrap;align-items:center}button{font:inherit;padding:.3rem 1rem}"                                         \
	"@media(max-width:34rem){.t{display:none}}"

const char *skt_listing_policy(void)
{
	return "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'";
}

void skt_listing_query(struct skt_span query, struct skt_listing *ret)
{
	static const struct {
		const char *word;
		enum skt_listing_key key;
	} keys[] = { { "sort=name", SKT_LISTING_NAME },
		     { "sort=size", SKT_LISTING_SIZE },
		     { "sort=time", SKT_LISTING_TIME } };
	struct skt_span one;

	while (query.s && skt_span_split(&query, '&', &one)) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (skt_span_is(one, keys[i].word))
				ret->key = keys[i].key;
		if (skt_span_is(one, "order=desc") || skt_span_is(one, "order=asc"))
			ret->descends = skt_span_is(one, "order=desc");
	}
}

static int listing_compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int listing_compare(const void *a, const void *b, void *user)
{
	const struct skt_listing_entry *x = a, *y = b;
	const struct skt_listing *l = user;
	int by = 0;

	if (x->is_directory != y->is_directory)
		return x->is_directory ? -1 : 1;
	if (l->key == SKT_LISTING_SIZE)
		by = listing_compare_numbers(x->size, y->size);
	else if (l->key == SKT_LISTING_TIME)
		by = listing_compare_numbers(x->mtime, y->mtime);
	if (by == 0)
		by = strcmp(x->name, y->name);
	return l->descends ? -by : by;
}

void skt_listing_sort(struct skt_listing *l)
{
	if (l->n)
		qsort_r(l->entry, l->n, sizeof(*l->entry), listing_compare, l);
}

/* The way here, each part a link. */
static void listing_crumbs(const struct skt_listing *l, struct skt_text *t)
{
	const char *s = l->path;
	struct skt_text name = { 0 };
	size_t depth = 0;

	for (const char *p = s; *p; p++)
		depth += *p == '/';
	skt_text_add(t, "<a href=\"/\">/</a>");
	while (*s) {
		size_t n = strcspn(s, "/");

		skt_text_clear(&name);
		skt_text_addn(&name, s, n);
		s += n + (s[n] == '/');
		if (depth == 0) {
			skt_httppath_escape(skt_text_get(&name), t);
			break;
		}
		skt_text_add(t, "<a href=\"");
		for (size_t i = 0; i < depth; i++)
			skt_text_add(t, "../");
		skt_text_add(t, "\">");
		skt_httppath_escape(skt_text_get(&name), t);
		skt_text_add(t, "</a>/");
		depth--;
	}
	t->failed |= name.failed;
	skt_text_release(&name);
}

/* The head of a column: a link that sorts by it, or turns the order over. */
static void listing_column(const struct skt_listing *l, enum skt_listing_key key, const char *word, const char *title,
			   const char *class, struct skt_text *t)
{
	bool is_it = l->key == key, turns = is_it && !l->descends;

	skt_text_addf(t, "<th scope=\"col\"%s%s><a href=\"?sort=%s%s\">%s</a>%s</th>", class,
		      !is_it        ? ""
		      : l->descends ? " aria-sort=\"descending\""
				    : " aria-sort=\"ascending\"",
		      word, turns ? "&amp;order=desc" : "", title,
		      !is_it        ? ""
		      : l->descends ? " \xe2\x86\x93"
				    : " \xe2\x86\x91");
}

static void listing_row(const struct skt_listing_entry *e, struct skt_text *t)
{
	char size[SKT_UNIT_LENGTH], time[SKT_UNIT_LENGTH];
	const char *slash = e->is_directory ? "/" : "";

	skt_text_addf(t, "<tr%s><td><a href=\"./", e->is_directory ? " class=\"d\"" : "");
	skt_httppath_encode(e->name, t);
	skt_text_addf(t, "%s\">", slash);
	skt_httppath_escape(e->name, t);
	skt_text_addf(t, "%s</a></td>", slash);
	if (e->is_directory || e->is_other)
		skt_text_add(t, "<td class=\"n\">-</td>");
	else
		skt_text_addf(t, "<td class=\"n\" title=\"%lld B\">%s</td>", (long long)e->size,
			      skt_size_print(e->size, size));
	(void)skt_instant_print(e->mtime * SKT_SECOND, time);
	skt_text_addf(t, "<td class=\"n t\">%.10s %.5s</td></tr>\n", time, time + 11);
}

static void listing_head(const struct skt_listing *l, struct skt_text *t)
{
	int lang = l->is_indonesian;

	skt_text_addf(t,
		      "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
		      "content=\"width=device-width,initial-scale=1\"><title>%s /",
		      listing_words[lang].lang, listing_words[lang].title);
	skt_httppath_escape(l->path, t);
	skt_text_addf(t, "</title><style>%s</style></head>\n<body><h1>%s ", LISTING_STYLE, listing_words[lang].title);
	listing_crumbs(l, t);
	skt_text_add(t, "</h1>\n");
	if (l->uploads)
		skt_text_addf(t,
			      "<form method=\"post\" enctype=\"multipart/form-data\"><label>%s <input type=\"file\" name=\"file\" "
			      "multiple required></label><button>%s</button></form>\n",
			      listing_words[lang].choose, listing_words[lang].upload);
}

void skt_listing_html(const struct skt_listing *l, struct skt_text *ret)
{
	int lang = l->is_indonesian;

	listing_head(l, ret);
	skt_text_add(ret, "<table><thead><tr>");
	listing_column(l, SKT_LISTING_NAME, "name", listing_words[lang].name, "", ret);
	listing_column(l, SKT_LISTING_SIZE, "size", listing_words[lang].size, " class=\"n\"", ret);
	listing_column(l, SKT_LISTING_TIME, "time", listing_words[lang].time, " class=\"n t\"", ret);
	skt_text_add(ret, "</tr></thead>\n<tbody>\n");
	if (*l->path)
		skt_text_addf(ret,
			      "<tr class=\"d\"><td><a href=\"../\">../</a> (%s)</td><td></td><td class=\"t\"></td></tr>\n",
			      listing_words[lang].up);
	for (size_t i = 0; i < l->n; i++)
		listing_row(&l->entry[i], ret);
	skt_text_add(ret, "</tbody></table>\n");
	if (l->n == 0)
		skt_text_addf(ret, "<p>%s</p>\n", listing_words[lang].empty);
	skt_text_add(ret, "</body></html>\n");
}

void skt_listing_json(const struct skt_listing *l, struct skt_text *ret)
{
	struct skt_json j = { 0 };
	struct skt_text url = { 0 };
	char time[SKT_UNIT_LENGTH];

	skt_json_array(&j, NULL);
	for (size_t i = 0; i < l->n; i++) {
		const struct skt_listing_entry *e = &l->entry[i];

		skt_text_clear(&url);
		skt_httppath_encode(e->name, &url);
		skt_text_add(&url, e->is_directory ? "/" : "");
		skt_json_object(&j, NULL);
		skt_json_string(&j, "name", e->name);
		skt_json_string(&j, "url", skt_text_get(&url));
		skt_json_string(&j, "type", e->is_directory ? "directory" : e->is_other ? "other" : "file");
		skt_json_int(&j, "size", e->size);
		skt_json_string(&j, "mtime", skt_instant_print(e->mtime * SKT_SECOND, time));
		skt_json_end_object(&j);
	}
	skt_json_end_array(&j);
	j.text.failed |= url.failed;
	skt_text_release(&url);
	skt_text_release(ret);
	*ret = j.text;
	skt_text_addc(ret, '\n');
}
