/* SPDX-License-Identifier: Apache-2.0 */
/* Signals that ask the process to stop, seen by every loop. */
#ifndef SKT_LOOP_SIGNAL_H
#define SKT_LOOP_SIGNAL_H

#include "loop/loop.h"

/* From now on SIGINT, SIGTERM and SIGHUP are counted and poke every loop that was added, SIGWINCH pokes them, and SIGPIPE is
 * ignored. SIGHUP stays ignored where it was (nohup). Returns 0 or -1 with errno. */
int skt_signals_catch(void);
/* Loops are poked from then on; at most 64. */
void skt_signals_add(struct skt_loop *loop);
void skt_signals_remove(struct skt_loop *loop);
/* How often we were asked to stop. */
int skt_signals_stops(void);
/* SIGHUP asks to read files again, not to stop, also where it was ignored. To be called before skt_signals_catch(). */
void skt_signals_hup_reloads(void);
/* How often we were asked to. */
int skt_signals_reloads(void);
/* As if a signal had come: for a thread that asks all others to end. */
void skt_signals_stop(void);

#endif
