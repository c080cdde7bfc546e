/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that nobody here calls: they write without a bound, hide their state, or cannot report a failure.
 * The build includes this file before every other. The system's headers come first, because they name what they declare. */
#ifndef SKT_BASE_BANNED_H
#define SKT_BASE_BANNED_H

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Some of them are macros too, depending on the compiler and on _FORTIFY_SOURCE. */
#undef alloca
#undef sprintf
#undef vsprintf
#undef strcpy
#undef strcat

#pragma GCC poison strcpy strcat sprintf vsprintf gets /* instead: snprintf(), fgets(), struct skt_text */
#pragma GCC poison strtok                              /* instead: strcspn() and strspn() */
#pragma GCC poison atoi atol                           /* instead: skt_number_parse() */
#pragma GCC poison alloca                              /* instead: an array with a fixed maximum */

#endif
