// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/session.hh"

#include <libmilter/mfapi.h>

namespace sluice {

/// The callbacks that libmilter calls, each a few lines that hand C arguments to the Session kept
/// as the connection's private data. No exception leaves them: it becomes 451 4.3.0. `services` is
/// used by all of them and is set before smfi_main().
smfiDesc milterCallbacks(SessionServices& services);

} // namespace sluice
