# SPDX-License-Identifier: Apache-2.0
"""Models of other families than the zoo's: no bar is set on them, and none may be slow."""
