# SPDX-License-Identifier: Apache-2.0
"""Ferry under the names of other engines: change the import, keep the script."""
