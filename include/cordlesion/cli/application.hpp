// The command line as a whole: global options, the commands, and exit codes.
#pragma once

namespace cordlesion::cli {

/// Parses the arguments, runs the command and returns its exit code; every failure is explained on
/// stderr.
int run_application(int argc, char** argv);

} // namespace cordlesion::cli
