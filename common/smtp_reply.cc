// SPDX-License-Identifier: BSD-2-Clause
#include "common/smtp_reply.hh"

#include <fmt/format.h>

namespace sluice {

namespace {

/// Every octet that is not printable ASCII replaced, so that no text can end the reply or add a
/// line.
std::string printable(std::string_view text) {
    std::string clean(text);
    for (char& c : clean) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet < 0x20)
            c = ' ';
        else if (octet > 0x7E)
            c = '?';
    }
    return clean;
}

/// The front of the text that is no longer than maxText once each `%` is doubled.
std::string_view fitting(std::string_view text) {
    std::size_t octets = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        octets += text[at] == '%' ? 2U : 1U;
        if (octets > SmtpReply::maxText)
            return text.substr(0, at);
    }
    return text;
}

} // namespace

SmtpReply::SmtpReply(int code, int klass, int subject, int detail, std::string_view text)
    : code_(code),
      enhanced_(fmt::format("{}.{}.{}", klass, subject, detail)),
      text_(printable(fitting(text))) {}

std::string SmtpReply::codeText() const {
    return fmt::format("{}", code_);
}

std::string SmtpReply::libmilterText() const {
    std::string doubled;
    doubled.reserve(text_.size());
    for (const char c : text_)
        doubled.append(c == '%' ? 2 : 1, c);
    return doubled;
}

std::string SmtpReply::line() const {
    return fmt::format("{} {} {}", code_, enhanced_, text_);
}

} // namespace sluice
