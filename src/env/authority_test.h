// Certificates for tests.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include "env/transport.h"

namespace tidemark {

/// An authority, and whom it signs; in files of a folder that goes with it.
class Authority {
 public:
  explicit Authority(std::string name) : name_{std::move(name)}, key_{EVP_EC_gen("P-256")} {
    folder_ = (std::filesystem::temp_directory_path() / "tidemark-authority-XXXXXX").string();
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    certificate_ = make(key_, name_, "", false);
    write(name_ + ".crt", [&](FILE* file) { PEM_write_X509(file, certificate_); });
  }
  ~Authority() {
    std::filesystem::remove_all(folder_);
    ::X509_free(certificate_);
    ::EVP_PKEY_free(key_);
  }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  /// In these names, as of subjectAltName: "DNS:localhost,IP:127.0.0.1".
  Tls issue(const std::string& whom, const std::string& names, bool expired = false) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = make(key, whom, names, expired);
    write(whom + ".key", [&](FILE* file) { PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
    write(whom + ".crt", [&](FILE* file) { PEM_write_X509(file, certificate); });
    ::X509_free(certificate);
    ::EVP_PKEY_free(key);
    return {.certificate = path(whom + ".crt"),
            .key = path(whom + ".key"),
            .authority = path(name_ + ".crt"),
            .peer_name = {}};
  }

 private:
  std::string path(const std::string& file) const { return folder_ + "/" + file; }
  template <class Write>
  void write(const std::string& file, Write&& how) {
    FILE* to = std::fopen(path(file).c_str(), "w");
    how(to);
    std::fclose(to);
  }
  X509* make(EVP_PKEY* key, const std::string& whom, const std::string& names, bool expired) {
    X509* x = ::X509_new();
    ::X509_set_version(x, 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(x), ++serial_);
    ::X509_gmtime_adj(X509_getm_notBefore(x), -7200);
    ::X509_gmtime_adj(X509_getm_notAfter(x), expired ? -3600 : 3600);
    ::X509_set_pubkey(x, key);
    X509_NAME* subject = ::X509_get_subject_name(x);
    ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(whom.c_str()), -1,
                                 -1, 0);
    ::X509_set_issuer_name(x, certificate_ == nullptr ? subject : ::X509_get_subject_name(certificate_));
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate_ == nullptr ? x : certificate_, x, nullptr, nullptr, 0);
    add(x, context, NID_basic_constraints, names.empty() ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!names.empty()) add(x, context, NID_subject_alt_name, names);
    ::X509_sign(x, key_, ::EVP_sha256());
    return x;
  }
  static void add(X509* x, X509V3_CTX& context, int what, const std::string& value) {
    X509_EXTENSION* extension = ::X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
    ASSERT_NE(extension, nullptr);
    ::X509_add_ext(x, extension, -1);
    ::X509_EXTENSION_free(extension);
  }

  std::string folder_;
  const std::string name_;
  EVP_PKEY* const key_;
  X509* certificate_ = nullptr;
  long serial_ = 0;
};

}  // namespace tidemark
