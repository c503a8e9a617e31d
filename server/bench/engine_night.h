// A night of the engine over the workload's portfolio: the same attributes, but with enrolment, stages, standing tasks, states, decisions and the
// commit of every case file; and the bytes of that night moved without an engine.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/bench/end_to_end.h"
#include "server/bench/in_memory.h"

namespace dunlin::bench {

/// Fills full_night_s, full_night_copy_floor_s, sql_twin_s and night_2pct_s. `url`: an empty database that may be filled. The error is a sentence.
/// `memory_peak` is asked after the engine's nights, before the floors are measured.
std::expected<void, std::string> measure_engine_nights(const EndToEndOptions& options, const std::string& url, EndToEndFigures& figures,
                                                       const std::function<void()>& after_nights);

}  // namespace dunlin::bench
