// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "common/tracking_record.hh"
#include "milter/ctl/mta_log.hh"

#include <cstddef>
#include <iosfwd>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sluice::ctl {

/// The messages that a search has found, each with all that happened to it. Bounded by the number
/// of messages. One thread.
class TrackStory {
public:
    explicit TrackStory(std::size_t mostMessages) : most_(mostMessages) {}

    /// A record that was looked for: its message is to be told.
    void want(const TrackingRecord& record);
    [[nodiscard]] bool overflowed() const { return overflowed_; }
    [[nodiscard]] bool empty() const { return wanted_.empty() && lonely_.empty(); }

    /// Whether a line may be about a wanted message, without parsing it.
    [[nodiscard]] bool mayBelong(std::string_view line) const;
    /// A record of a wanted message is kept.
    void add(TrackingRecord&& record);

    /// Queue ids of the messages, and of what became of them in the mail server.
    [[nodiscard]] std::set<std::string> queueIds() const;
    /// A line of the mail server about one of these ids. True: it names a new one.
    bool addChild(const MtaLine& line);
    void add(MtaLine&& line);

    /// A paragraph a message, oldest first.
    void print(std::ostream& out) const;
    /// An event a line, as the tracking log has it; those of the mail server are EXPAND and SEND.
    void printJson(std::ostream& out) const;
    [[nodiscard]] std::size_t messages() const { return messages_.size(); }

private:
    struct Message {
        std::vector<TrackingRecord> records;
        std::vector<MtaLine> lines;
    };
    using Key = std::pair<std::string, std::string>; ///< node, and queue id or Message-ID

    static Key keyOf(const TrackingRecord& record);

    std::size_t most_;
    bool overflowed_ = false;
    std::set<Key> wanted_;
    std::set<std::string> searched_;     ///< what lines of wanted messages have in them
    std::set<std::string> wantedIds_;    ///< Message-IDs
    std::vector<TrackingRecord> lonely_; ///< of no message: a refused connection
    std::map<Key, Message> messages_;
    std::map<std::string, Key> byQueueId_;
};

} // namespace sluice::ctl
