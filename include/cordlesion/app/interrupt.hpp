// Ctrl-C and SIGTERM: finish what is being written, keep what is complete, leave with exit 130.
#pragma once

namespace cordlesion::app {

/// From now on the first SIGINT or SIGTERM asks the run to stop; a second ends the process at once.
void watch_for_interrupts();

bool interrupted();

/// Throws an Error with ExitCode::interrupted if a stop was asked for.
void stop_if_interrupted();

} // namespace cordlesion::app
