// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

/// A reply to an SMTP command (RFC 5321 section 4.2, RFC 3463): code, enhanced code and text, which
/// agree by construction. The text is sanitised: printable ASCII only (a blank stands for each
/// control character, `?` for any other octet), no line break, and cut to what libmilter takes.
class SmtpReply {
public:
    /// The longest text in octets, as libmilter takes it (each `%` counts twice there).
    static constexpr std::size_t maxText = 980;

    template<int code, int klass, int subject, int detail>
    static SmtpReply make(std::string_view text) {
        static_assert(code / 100 == klass && (klass == 4 || klass == 5) && code < 600);
        static_assert(subject >= 0 && subject < 10 && detail >= 0 && detail < 100);
        return SmtpReply(code, klass, subject, detail, text);
    }

    [[nodiscard]] int code() const { return code_; }
    [[nodiscard]] bool permanent() const { return code_ >= 500; }
    [[nodiscard]] std::string codeText() const;
    /// "5.7.1"
    [[nodiscard]] const std::string& enhancedCode() const { return enhanced_; }
    [[nodiscard]] const std::string& text() const { return text_; }
    /// The text as smfi_setreply() wants it: `%` doubled, no longer than maxText.
    [[nodiscard]] std::string libmilterText() const;
    /// "550 5.7.1 Text", for logs.
    [[nodiscard]] std::string line() const;

    friend bool operator==(const SmtpReply&, const SmtpReply&) = default;

private:
    SmtpReply(int code, int klass, int subject, int detail, std::string_view text);

    int code_;
    std::string enhanced_;
    std::string text_;
};

} // namespace sluice
