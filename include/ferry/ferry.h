// SPDX-License-Identifier: Apache-2.0
// Everything a program needs to load and run a model.
#pragma once

#include "ferry/inspect.h"
#include "ferry/limits.h"
#include "ferry/machine.h"
#include "ferry/model.h"
#include "ferry/optimize.h"
#include "ferry/picture.h"
#include "ferry/printable.h"
#include "ferry/session.h"
#include "ferry/status.h"
#include "ferry/tensor.h"
#include "ferry/types.h"
#include "ferry/version.h"
