// The isolated workers: whatever happens in one, the program goes on.
#include "../../../src/io/worker_process.hpp"
#include "test_files.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>
#include <thread>

using namespace cordlesion;
using namespace cordlesion::io;
using namespace cordlesion::io::test;

namespace {

void play(const std::string& request, Reply& reply) {
  reply.note_file("folder/file.dcm");
  if (request == "abort") {
    std::abort();
  }
  if (request == "assert") {
    std::fputs("Smith^John: Assertion `length <= limit' failed.\n", stderr);
    std::abort();
  }
  if (request == "hang") {
    std::this_thread::sleep_for(std::chrono::hours(1));
  }
  if (request == "memory") {
    const std::vector<char> much(std::size_t{3} << 30, 'x');
    reply.append(much.data(), 1);
  }
  if (request == "pid") {
    reply.append(std::to_string(::getpid()));
    return;
  }
  reply.append("answer to " + request);
}

LoaderLimits small_limits() {
  return {0.5, std::size_t{1} << 30};
}

/// The process that `parent` started, which has no other.
pid_t child_of(pid_t parent) {
  const std::string process = std::to_string(parent);
  pid_t child = -1;
  std::ifstream("/proc/" + process + "/task/" + process + "/children") >> child;
  return child;
}

bool is_alive(pid_t pid) {
  return ::kill(pid, 0) == 0;
}

bool is_gone_soon(pid_t pid) {
  for (int i = 0; i < 200 && is_alive(pid); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return !is_alive(pid);
}

} // namespace

TEST(WorkerServer, ReturnsWhatTheWorkerWrote) {
  WorkerServer server(play);
  const WorkResult result = server.start("question", small_limits()).wait();
  EXPECT_EQ(result.end(), WorkerEnd::done);
  EXPECT_EQ(result.bytes(), "answer to question");
}

TEST(WorkerServer, ReportsACrashWithTheFileAndGoesOn) {
  WorkerServer server(play);
  const WorkResult crashed = server.start("abort", small_limits()).wait();
  EXPECT_EQ(crashed.end(), WorkerEnd::crashed);
  EXPECT_EQ(crashed.file(), "folder/file.dcm");
  EXPECT_EQ(server.start("again", small_limits()).wait().bytes(), "answer to again");
}

TEST(WorkerServer, KeepsOnlyTheAssertionOfWhatALibraryPrints) {
  WorkerServer server(play);
  EXPECT_EQ(server.start("assert", small_limits()).wait().assertion(), "length <= limit");
}

TEST(WorkerServer, StopsAWorkerThatHangs) {
  WorkerServer server(play);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(server.start("hang", small_limits()).wait().end(), WorkerEnd::timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(WorkerServer, LetsAWorkerGoOnWhileItsReplyGrows) {
  WorkerServer server([](const std::string&, Reply& reply) {
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
      reply.append("x");
    }
  });
  EXPECT_EQ(server.start("", small_limits()).wait().bytes(), "xxxxxxxxxx");
}

TEST(WorkerServer, LimitsTheMemoryOfAWorker) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer needs the address space";
#endif
  WorkerServer server(play);
  EXPECT_EQ(server.start("memory", small_limits()).wait().end(), WorkerEnd::out_of_memory);
}

TEST(WorkerServer, RunsSeveralRequestsAtOnce) {
  WorkerServer server(play);
  PendingWork slow = server.start("hang", small_limits());
  EXPECT_EQ(server.start("quick", small_limits()).wait().bytes(), "answer to quick");
  EXPECT_EQ(std::move(slow).wait().end(), WorkerEnd::timed_out);
}

TEST(WorkerServer, DiesWithTheProgramTogetherWithItsWorkers) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t program = ::fork();
  if (program == 0) {
    WorkerServer server([&](const std::string&, Reply&) {
      const pid_t pids[2] = {::getppid(), ::getpid()}; // server and worker
      [[maybe_unused]] const auto written = ::write(pipe_ends[1], pids, sizeof pids);
      std::this_thread::sleep_for(std::chrono::hours(1));
    });
    const PendingWork work = server.start("x", {60, std::size_t{1} << 30});
    std::this_thread::sleep_for(std::chrono::hours(1));
  }
  pid_t pids[2] = {0, 0};
  ASSERT_EQ(::read(pipe_ends[0], pids, sizeof pids), static_cast<ssize_t>(sizeof pids));
  ::kill(program, SIGKILL);
  ::waitpid(program, nullptr, 0);
  EXPECT_TRUE(is_gone_soon(pids[0]));
  EXPECT_TRUE(is_gone_soon(pids[1]));
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST(WorkerServer, IgnoresTheTerminalsInterrupt) {
  WorkerServer server([](const std::string&, Reply& reply) {
    ::kill(::getppid(), SIGINT);
    ::kill(::getppid(), SIGTERM);
    ::raise(SIGINT);
    reply.append("alive");
  });
  EXPECT_EQ(server.start("x", small_limits()).wait().bytes(), "alive");
  EXPECT_EQ(server.start("x", small_limits()).wait().bytes(), "alive");
}

TEST(WorkerServer, MakesARequestOnceMoreIfTheServerIsKilled) {
  TempFolder folder;
  WorkerServer server([&](const std::string& request, Reply& reply) {
    if (request == "always" || !fs::exists(folder / "killed")) {
      write_bytes(folder / "killed", "once");
      ::kill(::getppid(), SIGKILL);
      std::this_thread::sleep_for(std::chrono::hours(1));
    }
    reply.append("answer");
  });
  EXPECT_EQ(server.start("x", {60, std::size_t{1} << 30}).wait().bytes(), "answer");
  EXPECT_EQ(server.start("always", {60, std::size_t{1} << 30}).wait().end(), WorkerEnd::crashed);
  EXPECT_EQ(server.start("x", small_limits()).wait().bytes(), "answer");
}

TEST(WorkerServer, SaysThatNoServerCanBeHad) {
  const pid_t program = ::getpid();
  WorkerServer server([=](const std::string&, Reply&) {
    const pid_t keeper = child_of(program);
    if (keeper > 0) { // -1 would be every process
      ::kill(keeper, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::hours(1));
  });
  const Error during = error_from([&] { server.start("x", {60, std::size_t{1} << 30}).wait(); });
  EXPECT_EQ(during.code(), "loader_gone");
  EXPECT_EQ(error_from([&] { server.start("x", small_limits()).wait(); }).code(), "loader_gone");
}
