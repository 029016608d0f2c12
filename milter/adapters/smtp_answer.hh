// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// What a server says at once (RFC 5321 section 4.2): its greeting, or the reply to a command.
struct SmtpAnswer {
    int code = 0;                   ///< of its last line; 0 before there is one
    std::vector<std::string> lines; ///< behind the code, as they came: not to be trusted

    friend bool operator==(const SmtpAnswer&, const SmtpAnswer&) = default;
};

/// Makes an answer of what comes over a connection, however it is cut into pieces. Lines may end in
/// a bare LF.
class SmtpAnswerReader {
public:
    static constexpr std::size_t longestLine = 1024; ///< octets; RFC 5321 allows 512
    static constexpr std::size_t mostLines = 100;

    enum class State : std::uint8_t {
        incomplete,
        complete,
        noSmtp,  ///< a line without a code, which stands last in the answer
        tooLong, ///< more than the limits above
    };

    /// The next octets. What stands behind a complete answer is dropped; after any state but
    /// incomplete nothing more is taken.
    State take(std::string_view octets);

    /// Has anything come yet?
    [[nodiscard]] bool begun() const { return begun_; }
    /// The whole lines so far.
    [[nodiscard]] const SmtpAnswer& answer() const { return answer_; }

private:
    State takeLine(std::string_view line);

    SmtpAnswer answer_;
    std::string line_;
    State state_ = State::incomplete;
    bool begun_ = false;
};

} // namespace sluice
