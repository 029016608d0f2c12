// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/metrics_prometheus.hh"

#include "common/locked.hh"
#include "milter/adapters/metrics_families.hh"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <iterator>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

namespace sluice {
namespace {

using prometheus::MetricFamily;
using Labels = std::map<std::string, std::string>;

constexpr std::array<const char*, callbackCount> callbackNames{
    "negotiate", "connect", "helo",           "mail", "rcpt",
    "data",      "header",  "end_of_headers", "body", "end_of_message"};

constexpr std::array<const char*, outcomeCount> outcomeNames{"accepted", "refused", "discarded",
                                                             "badmail",  "held",    "put_off"};

prometheus::Family<prometheus::Counter>&
counters(prometheus::Registry& registry, const std::string& name, const std::string& help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

/// What happens to be counted must not disturb what is counted.
template<typename Work>
void quietly(Work work) noexcept {
    try {
        work();
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): no memory to count it
    }
}

} // namespace

const char* callbackName(Callback callback) {
    return callbackNames.at(static_cast<std::size_t>(callback));
}

class PrometheusMetrics::Impl {
public:
    /// What is usual is there from the beginning: growth from nothing would be no growth.
    Impl(std::shared_ptr<const Durations> durations, std::string_view version, ReadSnapshot read)
        : durations_(std::move(durations)), version_(version), read_(std::move(read)) {
        for (std::size_t i = 0; i < outcomeCount; ++i)
            messages_[i] = &messageFamily_.Add({{"outcome", outcomeNames[i]}});
        for (const char* const action : {"mark", "hold", "discard", "refuse"})
            loopFamily_.Add({{"action", action}});
        for (const char* const action : {"discard", "alert"})
            duplicateFamily_.Add({{"action", action}});
        for (const char* const kind : {"null-sender", "report", "auto-reply", "receipt"})
            expansionFamily_.Add({{"class", kind}});
    }

    void countMessage(MessageOutcome outcome) {
        messages_.at(static_cast<std::size_t>(outcome))->Increment();
    }
    void countDecision(std::string_view stage, std::string_view action, std::string_view rule) {
        Labels labels{{"stage", std::string(stage)},
                      {"action", std::string(action)},
                      {"rule", std::string(rule)}};
        auto known = decisions_.lock();
        auto found = known->find(labels);
        if (found == known->end()) {
            if (known->size() >= maxSeries)
                labels["rule"] = "other";
            found = known->emplace(labels, &decisionFamily_.Add(labels)).first;
        }
        found->second->Increment();
    }
    void countLoop(std::string_view action) {
        loopFamily_.Add({{"action", std::string(action)}}).Increment();
    }
    void countDuplicate(std::string_view action) {
        duplicateFamily_.Add({{"action", std::string(action)}}).Increment();
    }
    void countRefusedExpansion(std::string_view messageClass) {
        expansionFamily_.Add({{"class", std::string(messageClass)}}).Increment();
    }

    [[nodiscard]] std::vector<MetricFamily> collect() const {
        auto families = registry_.Collect();
        MetricFamily stages{"sluice_stage_duration_seconds",
                            "How long the mail server waited for an answer",
                            prometheus::MetricType::Histogram,
                            {}};
        for (std::size_t i = 0; i < callbackCount; ++i)
            stages.metric.push_back(
                histogramOf((*durations_)[i].totals(), {{"stage", callbackNames[i]}}));
        families.push_back(std::move(stages));
        families.push_back(gauge("sluice_build_info", "The version that runs; always 1", 1,
                                 {{"version", version_}}));
        families.push_back(
            gauge("process_start_time_seconds", "When the process began, in seconds since 1970",
                  std::chrono::duration<double>(started_.time_since_epoch()).count()));
        auto others = familiesOf(read_());
        families.insert(families.end(), std::make_move_iterator(others.begin()),
                        std::make_move_iterator(others.end()));
        return families;
    }

private:
    using Counters = prometheus::Family<prometheus::Counter>;

    const std::shared_ptr<const Durations> durations_;
    const std::string version_;
    const ReadSnapshot read_;
    const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    prometheus::Registry registry_;
    Counters& decisionFamily_ = counters(registry_, "sluice_decisions_total",
                                         "What rules decided, by the kind of the rule");
    Counters& messageFamily_ =
        counters(registry_, "sluice_messages_total", "What became of messages");
    Counters& loopFamily_ =
        counters(registry_, "sluice_loops_total", "Messages found in a mail loop");
    Counters& duplicateFamily_ =
        counters(registry_, "sluice_duplicates_total", "Messages found to be copies");
    Counters& expansionFamily_ =
        counters(registry_, "sluice_list_expansions_refused_total",
                 "Messages that a list or a robot was not given, by their class");
    std::array<prometheus::Counter*, outcomeCount> messages_{};
    Locked<std::map<Labels, prometheus::Counter*>> decisions_;
};

PrometheusMetrics::PrometheusMetrics(std::string_view version, ReadSnapshot read)
    : durations_(std::make_shared<Durations>()),
      impl_(std::make_shared<Impl>(durations_, version, std::move(read))) {}

PrometheusMetrics::~PrometheusMetrics() = default;

void PrometheusMetrics::countDecision(std::string_view stage, std::string_view action,
                                      std::string_view rule) noexcept {
    quietly([&] { impl_->countDecision(stage, action, rule); });
}

void PrometheusMetrics::countMessage(MessageOutcome outcome) noexcept {
    quietly([&] { impl_->countMessage(outcome); });
}

void PrometheusMetrics::countLoop(std::string_view action) noexcept {
    quietly([&] { impl_->countLoop(action); });
}

void PrometheusMetrics::countDuplicate(std::string_view action) noexcept {
    quietly([&] { impl_->countDuplicate(action); });
}

void PrometheusMetrics::countRefusedExpansion(std::string_view messageClass) noexcept {
    quietly([&] { impl_->countRefusedExpansion(messageClass); });
}

std::string PrometheusMetrics::text() const {
    std::ostringstream text;
    text.exceptions(std::ios::badbit); // or what there is no memory for would be left out unseen
    prometheus::TextSerializer().Serialize(text, impl_->collect());
    return text.str();
}

} // namespace sluice
