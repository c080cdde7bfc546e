/* SPDX-License-Identifier: Apache-2.0 */
/* QR codes for a terminal. */
#ifndef SKT_CLI_QR_H
#define SKT_CLI_QR_H

#include "base/error.h"
#include "base/text.h"

/* Add the code of a text, drawn so that a phone reads it from a dark and from a light terminal: half blocks where the locale is UTF-8, else
 * blanks in two colours. libqrencode is loaded for it. Returns 0, -SKT_E_USAGE where it is not installed or the text is too long, or
 * -SKT_E_LIMIT. */
int skt_qr_print(const char *text, struct skt_text *ret, struct skt_error *err);

#endif
