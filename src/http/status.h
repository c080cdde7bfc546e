/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes and their phrases (RFC 9110, section 15). */
#ifndef SKT_HTTP_STATUS_H
#define SKT_HTTP_STATUS_H

/* "Not Found"; of an unknown one "Unknown". */
const char *skt_status_phrase(int status);

#endif
