// What a step had read and what came of it, in bytes: with the events, which stay where they are, enough to take the step again (docs/decisions/0023).
// Both stores keep the same bytes. A record says what may have changed since the last one of its case file; the rest follows from taking the steps in their
// order.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/engine/step.h"
#include "runtime/store/layout.h"

namespace dunlin::store {

using engine::Instant;

/// Values as bytes that only the same program reads.
std::string pack_slots(const std::vector<Leaf>& leaves, const int64_t* slots);
/// Into blank slots; texts go to the arena. False if the bytes are damaged.
bool unpack_slots(const std::vector<Leaf>& leaves, std::string_view bytes, abi::Arena& arena, int64_t* slots);
/// Slots with nothing known: missing texts are empty ones.
std::vector<int64_t> blank_slots(const std::vector<Leaf>& leaves, int32_t count);

struct RecordedInstance {
  int32_t entity = -1;
  int64_t id = 0, parent = 0;
  std::string values;
};
struct RecordedState {
  int64_t instance = 0;
  int32_t version = 0, strategy = -1, stage = -1;
  Instant entered_at = 0, wake_at = 0;
  int64_t step_number = 0;
  std::string body;  // as stored: the program reads it again
};
/// A task as a step met it. Of a task that the last record knows only what people and the queue may have changed is there.
struct RecordedTask {
  engine::OpenTask task;  // `instance` is not used, `fields` are empty
  int64_t instance = 0;   // 0: the task is not whole
  std::string values;     // of the fields
};
/// An event with its values. `arrival` orders events of one instant.
struct RecordedEvent {
  int64_t case_id = 0, arrival = 0;
  Instant at = 0;
  int64_t owner = 0;
  int32_t type = -1;  // -1: the program does not know it
  bool raised = false, waiting = false;
  int32_t within = -1;   // an outcome that the program does not know: the branch that it lies below, of which `values` are
  bool reached = false;  // of the same: somebody was spoken to
  std::string values, source, external_id;
};

struct StepRecord {
  int64_t case_id = 0;
  int64_t step = 0;      // number of the case file's step that was read
  uint64_t outcome = 0;  // of all that the step made
  bool fault = false;    // it made nothing; its events wait on
  /// All instances, if a value may have changed since the last record.
  std::optional<std::vector<RecordedInstance>> data;
  /// First record under a version, and in a month: states, tasks whole, and where the history known then ends.
  std::optional<std::vector<RecordedState>> states;
  bool said_again = false;  // `data`: nobody has said that a value may have changed since the last record
  int64_t history_to = 0;
  std::vector<RecordedTask> tasks;
  std::vector<int64_t> taken;          // arrivals of the events that waited
  std::vector<RecordedEvent> refused;  // they are in no history; so they are kept here
};

/// Of an instant, in UTC, counted on from January 1970. Records are given up by months (docs/decisions/0026), so the first one of a case file in a month is
/// whole: what is left of its records can be taken again from there (docs/decisions/0039).
int32_t month_of(Instant at);

/// What a load knows of the reading.
struct Reading {
  bool data = false;           // values may have changed
  bool whole = false;          // the case file was last stepped under another version, or in another month
  int64_t history_to = 0;      // highest arrival loaded
  std::vector<int64_t> taken;  // arrivals of the events that waited
  /// States as stored, by instance; wanted if `whole`.
  std::vector<std::pair<int64_t, std::string_view>> bodies;
};
/// The part of a record that is known before the step. The case file as loaded.
void append_reading(std::string& out, const SlotPlan& plan, const engine::CaseFile& case_file, const Reading& reading);
/// A record from its reading and the result of the step. The case file as it is after it.
void append_record(std::string& out, const SlotPlan& plan, const engine::CaseFile& case_file, const engine::StepResult& result, std::string_view reading);
/// Takes the next record off the front. Nothing: the bytes are damaged.
std::optional<StepRecord> take_record(std::string_view& bytes, const SlotPlan& plan);

/// 64 bits of everything a step has made, bit for bit, but for what its rules had read.
uint64_t outcome_of(const SlotPlan& plan, const engine::CaseFile& case_file, const engine::StepResult& result);

/// One line of the decision record: {"instance": …, "at": …, "rule": …, "read": {…}}
void append_decision(std::string& out, const engine::CaseFile& case_file, const engine::Firing& firing, Instant now);
/// When it was made: "at": "2026-01-05T05:00:00Z", or with six digits behind the seconds. Nothing if it does not say.
std::optional<Instant> decided_at(const std::string& decision);

}  // namespace dunlin::store
