// The executable: parse, run, return.
#include "cordlesion/cli/application.hpp"

int main(int argc, char** argv) {
  return cordlesion::cli::run_application(argc, argv);
}
