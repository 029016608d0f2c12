// SPDX-License-Identifier: BSD-2-Clause
#include "milter/ctl/usual_line.hh"

#include "common/text.hh"
#include "common/timestamp.hh"

#include <algorithm>
#include <string>

namespace sluice::ctl {
namespace {

bool isPlain(char c) {
    return c >= ' ' && c <= '~' && c != '\\';
}

class Reader {
public:
    explicit Reader(std::string_view line) : rest_(line) {}

    bool object() {
        if (!skip('{'))
            return false;
        do {
            if (!text(name_) || !skip(':') || !value())
                return false;
        } while (skip(','));
        return skip('}') && rest_.empty() && hasEvent_ && hasTime_;
    }

    TrackingRecord record;

private:
    bool skip(char c) {
        if (!rest_.starts_with(c))
            return false;
        rest_.remove_prefix(1);
        return true;
    }

    bool text(std::string_view& found) {
        if (!skip('"'))
            return false;
        const std::size_t end = rest_.find('"');
        if (end == std::string_view::npos)
            return false;
        found = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return true;
    }

    bool value() {
        if (rest_.starts_with('"'))
            return textValue();
        if (name_ == "recipients")
            return recipients();
        if (name_ == "observed") {
            constexpr std::string_view yes = "true";
            record.observed = rest_.starts_with(yes);
            rest_.remove_prefix(record.observed ? yes.size() : 0);
            return record.observed;
        }
        return number();
    }

    bool number() {
        const std::size_t size = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        const auto found =
            rest_.starts_with('0') ? std::nullopt : parseUnsigned(rest_.substr(0, size));
        if (!found || (name_ != "session" && name_ != "octets"))
            return false;
        (name_ == "session" ? record.session : record.octets) = *found;
        rest_.remove_prefix(size);
        return true;
    }

    bool recipients() {
        if (!skip('['))
            return false;
        do {
            std::string_view recipient;
            if (!text(recipient))
                return false;
            record.recipients.emplace_back(recipient);
        } while (skip(','));
        return skip(']');
    }

    bool textValue() {
        std::string_view value;
        if (!text(value))
            return false;
        if (name_ == "time") {
            const auto time = parseTimestamp(value);
            hasTime_ = time.has_value();
            record.time = time.value_or(record.time);
        } else if (name_ == "event") {
            const auto event = trackingEventFromName(value);
            hasEvent_ = event.has_value();
            record.event = event.value_or(TrackingEvent::receive);
        } else if (name_ == "return_path") {
            record.returnPath = value;
        } else if (name_ == "return_path_before") {
            record.returnPathBefore = value;
        } else {
            const auto member = trackingText(name_);
            if (member != nullptr)
                record.*member = value;
        }
        return true;
    }

    std::string_view rest_;
    std::string_view name_;
    bool hasEvent_ = false;
    bool hasTime_ = false;
};

} // namespace

std::optional<TrackingRecord> parseUsualLine(std::string_view line) {
    if (!std::all_of(line.begin(), line.end(), isPlain))
        return std::nullopt;
    Reader reader(line);
    if (!reader.object())
        return std::nullopt;
    return std::move(reader.record);
}

} // namespace sluice::ctl
