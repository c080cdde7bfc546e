/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a directory, as a page and as JSON.
 *
 * The page needs no script: its columns are sorted by links, and it reads well in a terminal. Its only style is inline, and its policy
 * lets just that one pass, by its hash: who changes the style writes its new hash below, which the unit test names. The little pictures are
 * shapes of CSS, so that a hundred thousand rows stay short and nothing else need be fetched. Links are relative, so that a listing works
 * behind a proxy that serves it beneath a path of its own. */
#include "http/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/unit.h"
#include "wire/httppath.h"

/* The words of the page, in English and in Indonesian. */
static const struct {
	const char *lang, *title, *name, *size, *time, *up, *empty, *choose, *upload;
} listing_words[2] = {
	{ "en", "Index of", "Name", "Size", "Changed", "one up", "This directory is empty.", "Files to upload", "Upload" },
	{ "id", "Isi dari", "Nama", "Ukuran", "Diubah", "naik satu tingkat", "Direktori ini kosong.",
	  "Berkas untuk diunggah", "Unggah" },
};

#define LISTING_STYLE                                                                                                       \
	":root{color-scheme:light dark;--ground:#f4f6f9;--card:#fff;--text:#1c2430;--dim:#5d6877;--line:#dfe4ea;"           \
	"--link:#0b57d0;--row:#f0f5fd;--folder:#e0a526;--file:#a9b4c2}"                                                     \
	"@media(prefers-color-scheme:dark){:root{--ground:#12161c;--card:#1a2028;--text:#e4e9ef;--dim:#9aa6b4;"             \
	"--line:#2c3540;--link:#8ab4f8;--row:#222b36;--folder:#d9a441;--file:#5f6c7b}}"                                     \
	"body{font:16px/1.5 system-ui,sans-serif;background:var(--ground);color:var(--text);margin:0 auto;max-width:62rem;" \
	"padding:1.75rem 1rem 3rem}"                                                                                        \
	"h1{font-size:1.2rem;font-weight:500;margin:0 .25rem 1.25rem;color:var(--dim);overflow-wrap:anywhere}"              \
	"h1 b{color:var(--text);font-weight:600}"                                                                           \
	"a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}"                                       \
	"a:focus-visible,button:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:2px}"          \
	"form,.l{background:var(--card);border:1px solid var(--line);border-radius:.75rem}"                                 \
	"form{margin:0 0 1rem;padding:.75rem 1rem;display:flex;gap:.5rem 1rem;flex-wrap:wrap;align-items:center;"           \
	"justify-content:space-between}"                                                                                    \
	"label{color:var(--dim);flex:1;min-width:0}input{font:inherit;color:var(--text);width:18rem;max-width:100%}"        \
	"button{font:inherit;font-weight:600;padding:.35rem 1.1rem;border:0;border-radius:.5rem;background:var(--link);"    \
	"color:var(--card);cursor:pointer}"                                                                                 \
	".l{overflow:auto}table{border-collapse:collapse;width:100%}"                                                       \
	"th,td{padding:.5rem .75rem;text-align:left;vertical-align:baseline}"                                               \
	"th{font-weight:600;font-size:.875rem}td{border-top:1px solid var(--line);color:var(--dim)}"                        \
	"tbody tr:hover{background:var(--row)}td:first-child{overflow-wrap:anywhere;padding-left:2.5rem}"                   \
	".n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}.t{width:9.5rem}"                         \
	"td:first-child a::before{content:\"\";float:left;width:.8rem;height:1rem;margin:.25rem 0 0 -1.55rem;"              \
	"background:var(--file);clip-path:polygon(0 0,62% 0,100% 32%,100% 100%,0 100%)}"                                    \
	"td.d a{font-weight:600}td.d a::before{width:1.1rem;height:.9rem;margin-left:-1.7rem;background:var(--folder);"     \
	"clip-path:polygon(0 0,40% 0,52% 18%,100% 18%,100% 100%,0 100%)}"                                                   \
	"td.o a::before{clip-path:circle(.3rem)}"                                                                           \
	"p{color:var(--dim);text-align:center;margin:0;padding:2rem 1rem;border-top:1px solid var(--line)}"                 \
	"@media(max-width:36rem){body{padding:1rem .75rem 2rem}th,td{padding:.5rem}td:first-child{padding-left:2.25rem}"    \
	".t{width:auto}td.n{font-size:.75rem;padding-left:0}}"
/* Columns stay one line each, in a terminal too. */
#define LISTING_BLANK "\xc2\xa0"
#define LISTING_STYLE_HASH "sha256-hL8THw8HTrxnTm9AOKyyeM8GA4oevvJLzyUtj4Ofkgw="

const char *skt_listing_policy(void)
{
	return "default-src 'none'; style-src '" LISTING_STYLE_HASH
	       "'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'";
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
	if (by == 0 && l->key != SKT_LISTING_NAME)
		return strcmp(x->name, y->name);
	by = by ? by : strcmp(x->name, y->name);
	return l->descends ? -by : by;
}

void skt_listing_sort(struct skt_listing *l)
{
	if (l->n)
		qsort_r(l->entry, l->n, sizeof(*l->entry), listing_compare, l);
}

/* A link that many levels up; 0 is here. */
static void listing_up(size_t levels, struct skt_text *t)
{
	skt_text_add(t, levels ? "<a href=\"" : "<a href=\"./");
	while (levels--)
		skt_text_add(t, "../");
	skt_text_add(t, "\">");
}

/* The way here from the root, each part a link; where we are is none. */
static void listing_crumbs(const struct skt_listing *l, struct skt_text *t)
{
	const char *s = l->path;
	struct skt_text name = { 0 };
	size_t depth = *s != '\0';

	for (const char *p = s; *p; p++)
		depth += *p == '/';
	listing_up(depth, t);
	skt_text_add(t, "/</a>");
	while (*s) {
		size_t n = strcspn(s, "/");

		skt_text_clear(&name);
		skt_text_addn(&name, s, n);
		s += n + (s[n] == '/');
		depth--;
		if (depth)
			listing_up(depth, t);
		else
			skt_text_add(t, "<b>");
		skt_httppath_escape(skt_text_get(&name), t);
		skt_text_add(t, depth ? "</a>/" : "</b>/");
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

/* For a person; for those who count, exactly in its title. */
static void listing_size(int64_t size, struct skt_text *t)
{
	char text[SKT_UNIT_LENGTH];
	size_t n = strcspn(skt_size_print(size, text), " ");

	skt_text_addf(t, "<td class=\"n\" title=\"%lld B\">%.*s" LISTING_BLANK "%s</td>", (long long)size, (int)n, text,
		      text + n + (text[n] == ' '));
}

static void listing_row(const struct skt_listing_entry *e, struct skt_text *t)
{
	char time[SKT_UNIT_LENGTH];
	const char *slash = e->is_directory ? "/" : "";

	skt_text_addf(t, "<tr><td%s><a href=\"./",
		      e->is_directory ? " class=\"d\""
		      : e->is_other   ? " class=\"o\""
				      : "");
	skt_httppath_encode(e->name, t);
	skt_text_addf(t, "%s\">", slash);
	skt_httppath_escape(e->name, t);
	skt_text_addf(t, "%s</a></td>", slash);
	if (e->is_directory || e->is_other)
		skt_text_add(t, "<td class=\"n\">-</td>");
	else
		listing_size(e->size, t);
	(void)skt_second_print(e->mtime, time);
	skt_text_addf(t, "<td class=\"n t\">%.10s" LISTING_BLANK "%.5s</td></tr>\n", time, time + 11);
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
	skt_text_add(ret, "<div class=\"l\"><table><thead><tr>");
	listing_column(l, SKT_LISTING_NAME, "name", listing_words[lang].name, "", ret);
	listing_column(l, SKT_LISTING_SIZE, "size", listing_words[lang].size, " class=\"n\"", ret);
	listing_column(l, SKT_LISTING_TIME, "time", listing_words[lang].time, " class=\"n t\"", ret);
	skt_text_add(ret, "</tr></thead>\n<tbody>\n");
	if (*l->path)
		skt_text_addf(ret, "<tr><td class=\"d\"><a href=\"../\">../</a> (%s)</td><td></td><td></td></tr>\n",
			      listing_words[lang].up);
	for (size_t i = 0; i < l->n; i++)
		listing_row(&l->entry[i], ret);
	skt_text_add(ret, "</tbody></table>\n");
	if (l->n == 0)
		skt_text_addf(ret, "<p>%s</p>\n", listing_words[lang].empty);
	skt_text_add(ret, "</div></body></html>\n");
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
		skt_json_string(&j, "mtime", skt_second_print(e->mtime, time));
		skt_json_end_object(&j);
	}
	skt_json_end_array(&j);
	j.text.failed |= url.failed;
	skt_text_release(&url);
	skt_text_release(ret);
	*ret = j.text;
	skt_text_addc(ret, '\n');
}
