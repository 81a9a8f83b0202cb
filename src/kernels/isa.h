// SPDX-License-Identifier: Apache-2.0
// Names the tables that an `_isa.cc` file exports (kernels/vec.h) and picks one of them.
#pragma once

#include "base/cpu.h"

#if defined(__x86_64__)
#define FERRY_DECLARE_ISA_TABLE(Type, name) \
  namespace scalar {                        \
  extern const Type name;                   \
  }                                         \
  namespace avx2 {                          \
  extern const Type name;                   \
  }                                         \
  namespace avx512 {                        \
  extern const Type name;                   \
  }
#define FERRY_SELECT_ISA_TABLE(isa, name)        \
  ((isa) == ::ferry::Isa::kAvx512 ? avx512::name \
   : (isa) == ::ferry::Isa::kAvx2 ? avx2::name   \
                                  : scalar::name)
#else
#define FERRY_DECLARE_ISA_TABLE(Type, name) \
  namespace scalar {                        \
  extern const Type name;                   \
  }
#define FERRY_SELECT_ISA_TABLE(isa, name) (static_cast<void>(isa), scalar::name)
#endif
