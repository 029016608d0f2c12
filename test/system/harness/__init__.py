# SPDX-License-Identifier: BSD-2-Clause
"""What the system tests drive: the daemon, two mail servers, DNS servers, an SMTP client and a sink."""
