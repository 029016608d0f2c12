// SPDX-License-Identifier: BSD-2-Clause
#include "milter/adapters/metrics_endpoint.hh"
#include "milter/adapters/metrics_prometheus.hh"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace sluice;
using namespace std::chrono_literals;

namespace {

MetricsSnapshot::Zone zoneOf(const std::string& name, std::uint64_t listed) {
    MetricsSnapshot::Zone zone;
    zone.name = name;
    zone.listed = listed;
    return zone;
}

std::size_t countOf(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++count;
    return count;
}

} // namespace

TEST_CASE("durations: each falls into the first bucket that takes it") {
    DurationHistogram histogram;
    histogram.observe(-1s);
    histogram.observe(50us);
    histogram.observe(51us);
    histogram.observe(10s);
    histogram.observe(1h);
    const auto totals = histogram.totals();
    CHECK(totals.counts.front() == 2);
    CHECK(totals.counts[1] == 1);
    CHECK(totals.counts[DurationHistogram::bounds.size() - 1] == 1);
    CHECK(totals.counts.back() == 1);
    CHECK(totals.count() == 5);
    CHECK(totals.sum == 101us + 10s + 1h);
}

TEST_CASE("durations: the bounds rise") {
    CHECK(std::is_sorted(DurationHistogram::bounds.begin(), DurationHistogram::bounds.end()));
}

TEST_CASE("durations: none is lost when many threads measure") {
    DurationHistogram histogram;
    constexpr int each = 2000;
    std::vector<std::thread> threads;
    for (int i = 0; i < 12; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < each; ++n)
                histogram.observe(1ms);
        });
    for (std::thread& thread : threads)
        thread.join();
    CHECK(histogram.totals().count() == 12 * each);
    CHECK(histogram.totals().sum == 12 * each * 1ms);
}

TEST_CASE("metrics: the number of series is bounded") {
    PrometheusMetrics metrics("1", [] { return MetricsSnapshot(); });
    for (std::size_t i = 0; i < PrometheusMetrics::maxSeries + 500; ++i)
        metrics.countDecision("mail", "refuse", "rule" + std::to_string(i));
    const std::string text = metrics.text();
    CHECK(countOf(text, "sluice_decisions_total{") == PrometheusMetrics::maxSeries + 1);
    CHECK(text.find(R"(rule="other",stage="mail"} 500)") != std::string::npos);
}

TEST_CASE("metrics: zones and nodes of the same name become one") {
    PrometheusMetrics metrics("1", [] {
        MetricsSnapshot snapshot;
        snapshot.zones = {zoneOf("a", 3), zoneOf("b", 1), zoneOf("a", 4)};
        snapshot.storeNodes = {{"n", true}, {"n", false}};
        return snapshot;
    });
    const std::string text = metrics.text();
    CHECK(text.find("sluice_dnsbl_listed_total{zone=\"a\"} 7\n") != std::string::npos);
    CHECK(text.find("sluice_store_node_available{node=\"n\"} 0\n") != std::string::npos);
    CHECK(countOf(text, "sluice_dnsbl_listed_total{") == 2);
}

TEST_CASE("metrics: what cannot be read is no answer") {
    const PrometheusMetrics metrics(
        "1", []() -> MetricsSnapshot { throw std::runtime_error("no memory"); });
    CHECK_THROWS_AS(static_cast<void>(metrics.text()), std::runtime_error);
}

TEST_CASE("metrics: an address that cannot be had is an error") {
    CHECK(MetricsEndpoint::open({"host.invalid", 9790, false}).error().message != "");
    CHECK(MetricsEndpoint::open({"192.0.2.1", 9790, false}).error().message ==
          "Cannot assign requested address");
    CHECK(MetricsEndpoint::open({"127.0.0.1", 9790, true}).error().message != "");
}
