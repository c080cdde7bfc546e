# SPDX-License-Identifier: Apache-2.0
"""The library of the behaviour tests: starting soket, driving what is joined to it, making small networks."""
