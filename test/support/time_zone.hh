// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <stdlib.h>
#include <time.h>

#include <optional>
#include <string>

namespace sluice::test {

/// The time zone of the process while this exists.
class TimeZone {
public:
    explicit TimeZone(const char* name) {
        if (const char* const before = getenv("TZ"))
            before_ = before;
        setenv("TZ", name, 1);
        tzset();
    }
    TimeZone(const TimeZone&) = delete;
    TimeZone& operator=(const TimeZone&) = delete;
    ~TimeZone() {
        if (before_)
            setenv("TZ", before_->c_str(), 1);
        else
            unsetenv("TZ");
        tzset();
    }

private:
    std::optional<std::string> before_;
};

} // namespace sluice::test
