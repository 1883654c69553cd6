// Moved: the vocabulary of series is shared by several rooms.
#pragma once

#include "cordlesion/core/series.hpp"
