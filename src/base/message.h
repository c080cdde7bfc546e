/* SPDX-License-Identifier: Apache-2.0 */
/* User-visible text: marked here, translated by gettext from the project's own domain. */
#ifndef SKT_BASE_MESSAGE_H
#define SKT_BASE_MESSAGE_H

#include <stddef.h>

#define SKT_DOMAIN "soket"

/* Translate now. */
#define _(text) skt_message(text)
/* Mark for translation in a table; whoever prints it calls _(). */
#define N_(text) text
/* Translate with a plural form. */
#define NG_(one, many, n) skt_message_plural(one, many, (unsigned long)(n))

/* The translation of `text`, or `text` itself: from the catalogue below where there is one, else from gettext. The empty
 * text stays empty. Static data: never freed. */
const char *skt_message(const char *text) __attribute__((format_arg(1)));
/* The same for `n` things. */
const char *skt_message_plural(const char *one, const char *many, unsigned long n)
	__attribute__((format_arg(1), format_arg(2)));

/* From now on translate with this catalogue, the contents of a .mo file, and no longer with gettext. It must stay where it
 * is. To be called before there are threads. Returns 0, or -SKT_E_USAGE where it is not a sound .mo file: nothing changes. */
int skt_message_catalogue(const void *mo, size_t n_bytes);

#endif
