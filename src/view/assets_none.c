/* SPDX-License-Identifier: Apache-2.0 */
/* A build without the live page. */
#include "view/assets.h"

const struct skt_asset skt_assets[1];
const int skt_n_assets = 0;
