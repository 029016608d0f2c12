// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/header_list.hh"

#include "common/text.hh"

namespace sluice {
namespace {

/// What is kept between messages of a connection; a larger buffer is given back.
constexpr std::size_t keptCapacity = 16UL * 1024;

/// Room for most header sections at once.
constexpr std::size_t usualOctets = 2048;

std::size_t lineFeedsWithoutReturn(std::string_view value) {
    std::size_t count = 0;
    for (std::size_t at = value.find('\n'); at != std::string_view::npos;
         at = value.find('\n', at + 1))
        count += at == 0 || value[at - 1] != '\r' ? 1U : 0U;
    return count;
}

void appendWithReturns(std::string& text, std::string_view value) {
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '\n' && (i == 0 || value[i - 1] != '\r'))
            text += '\r';
        text += value[i];
    }
}

} // namespace

void HeaderList::add(std::string_view name, std::string_view value) {
    const std::size_t bareFeeds = lineFeedsWithoutReturn(value);
    const std::size_t octets = name.size() + 1 + value.size() + bareFeeds + 2;
    octets_ += octets;
    receivedCount_ += equalsIgnoringCase(name, "Received") ? 1U : 0U;
    truncated_ = truncated_ || text_.size() + octets > maxOctets || fields_.size() >= maxFields;
    // the author cannot hide behind a heap of other fields
    const bool author = equalsIgnoringCase(name, "From") || equalsIgnoringCase(name, "Sender");
    if (truncated_ && (!author || text_.size() + octets > maxOctets + authorOctets ||
                       fields_.size() >= maxFields + authorFields))
        return;
    if (text_.capacity() < usualOctets)
        text_.reserve(usualOctets);
    const std::size_t start = text_.size();
    text_.append(name).push_back(':');
    if (bareFeeds == 0)
        text_.append(value);
    else
        appendWithReturns(text_, value);
    fields_.push_back({start, name.size(), text_.size()});
    text_.append("\r\n");
}

HeaderList::Field HeaderList::field(std::size_t index) const {
    const Place& place = fields_.at(index);
    const std::string_view all = text_;
    const std::size_t valueStart = place.start + place.nameLength + 1;
    return {all.substr(place.start, place.nameLength),
            all.substr(valueStart, place.end - valueStart)};
}

bool HeaderList::has(std::string_view name) const {
    for (std::size_t i = 0; i < fieldsKept(); ++i)
        if (equalsIgnoringCase(field(i).name, name))
            return true;
    return false;
}

std::string_view HeaderList::first(std::string_view name) const {
    for (std::size_t i = 0; i < fieldsKept(); ++i)
        if (const Field each = field(i); equalsIgnoringCase(each.name, name))
            return each.value;
    return {};
}

std::string HeaderList::all(std::string_view name) const {
    std::string values;
    for (std::size_t i = 0; i < fieldsKept(); ++i)
        if (const Field each = field(i); equalsIgnoringCase(each.name, name))
            values.append(each.value).append(" ");
    return values;
}

void HeaderList::clear() {
    text_.clear();
    fields_.clear();
    if (text_.capacity() > keptCapacity)
        text_.shrink_to_fit();
    if (fields_.capacity() * sizeof(Place) > keptCapacity)
        fields_.shrink_to_fit();
    octets_ = 0;
    receivedCount_ = 0;
    truncated_ = false;
}

} // namespace sluice
