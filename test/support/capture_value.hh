// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <doctest/doctest.h>

/// CAPTURE for what a structured binding names: clang before 16 lets no lambda take one, and
/// CAPTURE is made of a lambda.
#define CAPTURE_VALUE(expression)                                                                  \
    SLUICE_CAPTURE_VALUE_AS(expression, DOCTEST_ANONYMOUS(capturedValue_))
#define SLUICE_CAPTURE_VALUE_AS(expression, name)                                                  \
    const auto& name = (expression);                                                               \
    INFO(#expression " := ", name)
