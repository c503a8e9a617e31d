#include <algorithm>
#include <tuple>

#include "runtime/store/model_store_inner.h"

namespace dunlin::store {

using engine::CaseFile;

namespace {

std::unexpected<StoreError> unknown(const std::string& entity, const std::string& key) {
  return std::unexpected(StoreError{StoreError::Kind::input, "there is no " + entity + " `" + key + "`"});
}

/// Order of hand-out: the most urgent first.
bool before(const TaskRow& a, const TaskRow& b) {
  return std::tuple(-a.priority, a.due, a.created_at, a.id) < std::tuple(-b.priority, b.due, b.created_at, b.id);
}

}  // namespace

StoredCase* ModelStore::find_case(const std::string& entity, const std::string& key) {
  const auto found = data_.by_instance.find(engine::stable_id(entity, key));
  return found == data_.by_instance.end() ? nullptr : found->second;
}

Result<std::vector<FunnelRow>> ModelStore::funnel() {
  const Lock lock(data_.guard);
  std::map<std::string, int64_t> counts;
  for (const auto& [place, stored] : data_.cases) {
    for (const auto& [id, instance] : stored.instances) {
      if (instance.stated && !instance.state.stage.empty()) ++counts[instance.state.stage];
    }
  }
  std::vector<FunnelRow> rows;
  for (const auto& [stage, count] : counts) {
    const size_t dot = stage.find('.');
    rows.push_back({stage.substr(0, dot), dot == std::string::npos ? "" : stage.substr(dot + 1), count});
  }
  return rows;
}

Result<std::vector<TaskRow>> ModelStore::tasks(const std::string& queue, const std::string& status, int64_t limit) {
  const Lock lock(data_.guard);
  std::vector<TaskRow> rows;
  for (const auto& [place, stored] : data_.cases) {
    for (const StoredTask& task : stored.tasks) {
      if ((queue.empty() || task.row.queue == queue) && (status.empty() || task.row.status == status)) rows.push_back(task.row);
    }
  }
  std::ranges::sort(rows, before);
  if (limit >= 0 && rows.size() > static_cast<size_t>(limit)) rows.resize(static_cast<size_t>(limit));
  return rows;
}

Result<std::vector<Store::TaskCount>> ModelStore::task_counts(Instant from, Instant to) {
  const Lock lock(data_.guard);
  std::map<std::tuple<std::string, std::string, std::string, std::string, std::string>, TaskCount> counts;
  for (const auto& [place, stored] : data_.cases) {
    for (const StoredTask& task : stored.tasks) {
      const TaskRow& row = task.row;
      if (row.created_at < from || row.created_at >= to) continue;
      TaskCount& count = counts[{row.queue, row.strategy, row.stage, row.rule, row.treatment}];
      count = {row.queue, row.strategy, row.stage, row.rule, row.treatment, count.created + 1, count.open + (task.open ? 1 : 0)};
    }
  }
  std::vector<TaskCount> rows;
  for (auto& [key, count] : counts) rows.push_back(std::move(count));
  return rows;
}

Result<std::unique_ptr<CaseFile>> ModelStore::load_case(const checked::Program& program, const std::string& entity, const std::string& key,
                                                        std::optional<Instant> at) {
  const Lock lock(data_.guard);
  const StoredCase* stored = find_case(entity, key);
  if (stored == nullptr) return unknown(entity, key);
  auto case_file = std::make_unique<CaseFile>(program);
  fill(program, *stored, at.value_or(abi::never), at.has_value(), *case_file);
  return case_file;
}

Result<std::vector<TransitionRow>> ModelStore::transitions(const std::string& entity, const std::string& key) {
  const Lock lock(data_.guard);
  const StoredCase* stored = find_case(entity, key);
  if (stored == nullptr) return unknown(entity, key);
  std::vector<TransitionRow> rows;
  for (const auto& [instance, row] : stored->transitions) {
    if (instance == engine::stable_id(entity, key)) rows.push_back(row);
  }
  return rows;
}

Result<std::vector<TaskRow>> ModelStore::tasks_of(const std::string& entity, const std::string& key) {
  const Lock lock(data_.guard);
  const StoredCase* stored = find_case(entity, key);
  if (stored == nullptr) return unknown(entity, key);
  std::vector<TaskRow> rows;
  for (const StoredTask& task : stored->tasks) {
    if (task.instance == engine::stable_id(entity, key)) rows.push_back(task.row);
  }
  return rows;
}

Result<std::vector<Store::NoteRow>> ModelStore::notes(const std::string& entity, const std::string& key) {
  const Lock lock(data_.guard);
  const StoredCase* stored = find_case(entity, key);
  if (stored == nullptr) return unknown(entity, key);
  std::vector<NoteRow> found;
  for (const auto& [instance, note] : stored->notes) {
    if (instance == engine::stable_id(entity, key)) found.push_back({note.at, note.effect.whom, note.effect.text});
  }
  return found;
}

Result<std::vector<std::string>> ModelStore::decisions(const std::string& entity, const std::string& key, int64_t limit, Instant until) {
  const Lock lock(data_.guard);
  const StoredCase* stored = find_case(entity, key);
  if (stored == nullptr) return unknown(entity, key);
  std::vector<std::string> lines;
  for (size_t d = stored->decisions.size(); d-- > 0 && lines.size() < static_cast<size_t>(limit);) {
    if (stored->decisions[d].instance == engine::stable_id(entity, key) && stored->decisions[d].at <= until) lines.push_back(stored->decisions[d].line);
  }
  return lines;
}

Result<void> ModelStore::for_each_case(const checked::Program& program, Instant at, const std::function<void(CaseFile&)>& visit) {
  const Lock lock(data_.guard);
  CaseFile case_file(program);
  for (const auto& [place, stored] : data_.cases) {
    case_file.clear();
    fill(program, stored, at, true, case_file);
    if (case_file.instance_count() > 0) visit(case_file);
  }
  return {};
}

Result<void> ModelStore::look(const std::vector<const checked::Program*>& programs, Look& look, size_t limit) {
  const Lock lock(data_.guard);
  look.cases.clear();
  look.cases.resize(programs.size());
  auto at = data_.cases.upper_bound({look.after.bucket, look.after.debtor});
  for (size_t seen = 0; at != data_.cases.end() && seen < limit; ++at, ++seen) {
    look.after = {at->first.first, at->first.second};
    for (size_t p = 0; p < programs.size(); ++p) {
      look.cases[p].push_back(std::make_unique<CaseFile>(*programs[p]));
      fill(*programs[p], at->second, abi::never, false, *look.cases[p].back());
    }
  }
  return {};
}

Result<std::vector<Store::Finding>> ModelStore::inspect(Depth /*depth*/) {
  const Lock lock(data_.guard);
  std::vector<Finding> findings{{"store", true, "in memory; nothing is kept when the program ends"}};
  findings.push_back({"case files", true, std::to_string(data_.cases.size())});
  return findings;
}

}  // namespace dunlin::store
