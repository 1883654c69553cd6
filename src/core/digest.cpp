// SHA-256 through OpenSSL's libcrypto, which uses the CPU's own instructions for it.
#include "cordlesion/core/digest.hpp"

#include "cordlesion/core/error.hpp"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <vector>

namespace cordlesion {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr);
}

Sha256::~Sha256() = default;

void Sha256::update(const void* data, std::size_t bytes) {
  EVP_DigestUpdate(state_->context, data, bytes);
}

void Sha256::update_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> buffer(std::size_t{1} << 18);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    update(buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (!file.eof()) {
    throw case_error(Stage::read, "file_unreadable",
                     "cannot read " + path.filename().string() + " to its end",
                     "Check the file's permissions and the disk.");
  }
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_DigestFinal_ex(state_->context, digest.data(), &length);
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    text += digits[digest[i] >> 4U];
    text += digits[digest[i] & 0xFU];
  }
  return text;
}

std::string sha256_of_file(const std::filesystem::path& path) {
  Sha256 sha;
  sha.update_file(path);
  return sha.hex();
}

std::string sha256_of_text(const std::string& text) {
  Sha256 sha;
  sha.update(text.data(), text.size());
  return sha.hex();
}

} // namespace cordlesion
