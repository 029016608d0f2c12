// SPDX-License-Identifier: BSD-2-Clause
// As programs.hh, for the tests.
#pragma once

#include "common/pch/programs.hh"

#include <doctest/doctest.h>
