# SPDX-License-Identifier: Apache-2.0
"""Random legal graphs, run by Ferry in every way and by its peers, and compared."""
