/* SPDX-License-Identifier: Apache-2.0 */
/* The user's language. */
#ifndef SKT_CLI_LOCALE_H
#define SKT_CLI_LOCALE_H

/* Set the process up for the language of the environment: LANGUAGE, LC_ALL, LC_MESSAGES, LANG, as gettext reads them; numbers
 * stay as in C. Where that locale is not installed, characters are those of C.UTF-8, and the texts are translated all the same.
 * The environment is not changed. Call once, before there are threads. */
void skt_locale_init(void);

#endif
