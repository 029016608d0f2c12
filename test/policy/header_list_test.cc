// SPDX-License-Identifier: BSD-2-Clause
#include "milter/policy/header_list.hh"

#include <doctest/doctest.h>

#include <string>

using sluice::HeaderList;

TEST_CASE("fields keep their octets, and lines end in CRLF") {
    HeaderList headers;
    headers.add("Subject", " one\n two");
    headers.add("From", "  a@b.example");
    headers.add("X-Ready", " three\r\n\tfour");
    CHECK(headers.text() ==
          "Subject: one\r\n two\r\nFrom:  a@b.example\r\nX-Ready: three\r\n\tfour\r\n");
    CHECK(headers.octets() == headers.text().size());
    REQUIRE(headers.fieldsKept() == 3);
    CHECK(headers.field(0).name == "Subject");
    CHECK(headers.field(0).value == " one\r\n two");
    CHECK(headers.field(1).value == "  a@b.example");
    CHECK_FALSE(headers.truncated());
}

TEST_CASE("Received lines are counted, whatever their case, beyond the limits too") {
    HeaderList headers;
    for (std::size_t i = 0; i < HeaderList::maxFields; ++i)
        headers.add("X-Filler", "");
    headers.add("RECEIVED", " from a");
    headers.add("received", " from b");
    headers.add("X-Received", " from c");
    CHECK(headers.truncated());
    CHECK(headers.fieldsKept() == HeaderList::maxFields);
    CHECK(headers.receivedCount() == 2);
}

TEST_CASE("octets are counted and not kept beyond the limit") {
    HeaderList headers;
    const std::string large(HeaderList::maxOctets, 'x');
    headers.add("A", " 1");
    headers.add("B", large);
    headers.add("C", " 3");
    CHECK(headers.truncated());
    CHECK(headers.fieldsKept() == 1);
    CHECK(headers.text() == "A: 1\r\n");
    CHECK(headers.octets() == 6 + large.size() + 4 + 6);
}

TEST_CASE("clear() forgets everything") {
    HeaderList headers;
    headers.add("Received", std::string(HeaderList::maxOctets, 'x'));
    headers.clear();
    CHECK(headers.octets() == 0);
    CHECK(headers.receivedCount() == 0);
    CHECK_FALSE(headers.truncated());
    headers.add("A", " 1");
    CHECK(headers.text() == "A: 1\r\n");
}
