// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "milter/policy/header_list.hh"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// One leaf of the tree of MIME parts (RFC 2045, RFC 2046). An attached message is a leaf.
struct MimePart {
    enum class Encoding : std::uint8_t { none, quotedPrintable, base64 };

    std::string type = "text/plain"; ///< lower case
    Encoding encoding = Encoding::none;
    bool attachment = false;  ///< Content-Disposition: attachment
    std::string_view content; ///< of the body, still encoded

    /// At most `limit` octets. Lines end as they were sent.
    [[nodiscard]] std::string decoded(std::size_t limit) const;
};

/// The leaves in their order, at most maxMimeParts. The views are of `body`, the beginning of the
/// body as sent. Tolerant as mail programs are, since many reports are not by the rules: boundaries
/// other than announced, no blank line behind a part's header or one too many, no closing boundary.
/// Multiparts deeper than maxMimeDepth are leaves. Time is linear. Threads: any.
std::vector<MimePart> mimeParts(const HeaderList& headers, std::string_view body);

inline constexpr std::size_t maxMimeParts = 100;
inline constexpr std::size_t maxMimeDepth = 16;

} // namespace sluice
