// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "test/support/milter_client.hh"
#include "test/support/milter_reply.hh"
#include "test/support/trouble.hh"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

/// The values of the milter client as JSON. Text is a string where it is UTF-8, and
/// `{"base64": "…"}` where it is not; both forms are understood.
namespace sluice::mta {

using Json = nlohmann::json;

Json toJson(std::string_view text);
Json toJson(const Trouble& trouble);
Json toJson(const Negotiation& negotiation);
Json toJson(const Reply& reply);
Json toJson(const Edit& edit);
Json toJson(const EndOfMessage& end);
Json toJson(const Packet& packet);

/// Trouble of kind usage, here and below: the key is missing or of another type.
Outcome<std::string> textIn(const Json& object, const char* key);
Outcome<std::vector<std::string>> textsIn(const Json& object, const char* key);
/// `fallback` when the key is missing.
Outcome<std::uint32_t> numberIn(const Json& object, const char* key, std::uint32_t fallback,
                                std::uint32_t most);
Outcome<Stage> stageIn(const Json& object, const char* key);
Outcome<MilterClient::MacroValues> macrosIn(const Json& object, const char* key);
Outcome<ClientAddress> clientAddressIn(const Json& object);

} // namespace sluice::mta
