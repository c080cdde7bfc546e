/* SPDX-License-Identifier: Apache-2.0 */
/* User-visible text: the look-up of translations.
 *
 * How it works: gettext translates only under a locale that is installed on the system, and many small machines have none
 * but C and C.UTF-8. For them the command line loads the .mo file of the user's language itself and hands it over here;
 * the format is the one of the GNU gettext manual, "The Format of GNU MO Files": two tables of (length, offset), the
 * original texts sorted as strcmp(3) does, and the translations in the same order. Setting LANGUAGE instead was rejected:
 * child processes would inherit it, and glibc 2.41 stopped looking at it under C.UTF-8. */
#include "base/message.h"

#include <byteswap.h>
#include <libintl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

#define MO_MAGIC 0x950412deU
enum { MO_HEADER = 20 };

struct catalogue {
	const char *mo; /* NULL: none, ask gettext */
	size_t n_bytes;
	bool is_swapped; /* made on a machine of the other byte order */
	uint32_t n, originals, translations;
	bool has_plural; /* two forms, one for n == 1 and one for the rest; else one for all */
};

static struct catalogue catalogue;

static uint32_t catalogue_number(const struct catalogue *c, size_t at)
{
	uint32_t ret;

	memcpy(&ret, c->mo + at, sizeof(ret));
	return c->is_swapped ? bswap_32(ret) : ret;
}

/* Text i of the table at `table`. */
static const char *catalogue_text(const struct catalogue *c, uint32_t table, uint32_t i)
{
	return c->mo + catalogue_number(c, table + (size_t)i * 8 + 4);
}

/* Whether the whole table, and each text with its NUL, lies inside the file. */
static bool catalogue_table_is_sound(const struct catalogue *c, uint32_t table)
{
	if (table > c->n_bytes || c->n > (c->n_bytes - table) / 8)
		return false;
	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t len = catalogue_number(c, table + (size_t)i * 8);
		uint32_t at = catalogue_number(c, table + (size_t)i * 8 + 4);

		if (at >= c->n_bytes || len >= c->n_bytes - at || c->mo[(size_t)at + len] != '\0')
			return false;
	}
	return true;
}

/* Translation i, its second form where that is asked for and there is one; NULL where it is empty. The forms follow each
 * other, a NUL behind each. */
static const char *catalogue_form(const struct catalogue *c, uint32_t i, bool second)
{
	const char *s = catalogue_text(c, c->translations, i);
	size_t n = strlen(s);

	if (second && n < catalogue_number(c, c->translations + (size_t)i * 8))
		s += n + 1;
	return *s ? s : NULL;
}

/* The translation of `text`, or NULL. */
static const char *catalogue_find(const struct catalogue *c, const char *text, bool second)
{
	uint32_t low = 0, high = c->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(text, catalogue_text(c, c->originals, middle));

		if (order == 0)
			return catalogue_form(c, middle, second);
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

int skt_message_catalogue(const void *mo, size_t n_bytes)
{
	struct catalogue c = { .mo = mo, .n_bytes = n_bytes };
	const char *header;
	uint32_t magic;

	if (n_bytes < MO_HEADER)
		return -SKT_E_USAGE;
	magic = catalogue_number(&c, 0);
	c.is_swapped = magic == bswap_32(MO_MAGIC);
	if (magic != MO_MAGIC && !c.is_swapped)
		return -SKT_E_USAGE;
	c.n = catalogue_number(&c, 8);
	c.originals = catalogue_number(&c, 12);
	c.translations = catalogue_number(&c, 16);
	if (!catalogue_table_is_sound(&c, c.originals) || !catalogue_table_is_sound(&c, c.translations))
		return -SKT_E_USAGE;
	header = catalogue_find(&c, "", false);
	c.has_plural = !header || !strstr(header, "nplurals=1;");
	catalogue = c;
	return 0;
}

const char *skt_message(const char *text)
{
	const char *found;

	if (!*text)
		return text;
	if (!catalogue.mo)
		return dgettext(SKT_DOMAIN, text);
	found = catalogue_find(&catalogue, text, false);
	return found ? found : text;
}

const char *skt_message_plural(const char *one, const char *many, unsigned long n)
{
	const char *found;

	if (!catalogue.mo)
		return dngettext(SKT_DOMAIN, one, many, n);
	found = catalogue_find(&catalogue, one, catalogue.has_plural && n != 1);
	if (found)
		return found;
	return n == 1 ? one : many;
}
