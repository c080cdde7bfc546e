/* SPDX-License-Identifier: Apache-2.0 */
/* A session as a row of the roster. */
#ifndef SKT_RELAY_ROSTERROW_H
#define SKT_RELAY_ROSTERROW_H

#include "relay/roster.h"
#include "relay/session.h"

/* Of a session that has a record; on its own thread. */
void skt_roster_row_write(const struct skt_session *s, struct skt_roster_row *ret);

#endif
