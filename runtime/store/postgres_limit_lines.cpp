#include "runtime/store/postgres_limit_lines.h"

#include <map>

#include "runtime/store/postgres_batch.h"
#include "runtime/store/value_codec.h"

namespace dunlin::store {

namespace {

using enum ColumnType;

// Lists come as JSON: an array of arrays would have to be a rectangle.
constexpr auto add_lines =
    "insert into dunlin.limit_line (key, says, kind, time_window, length, queues, channels, any_contact, outcomes, reserves, from_date, to_date, hours, "
    "odd_days, after, pause) "
    "select i.key, i.says, i.kind, i.time_window, i.length, array(select jsonb_array_elements_text(i.queues)), array(select "
    "jsonb_array_elements_text(i.channels)), i.any_contact, array(select jsonb_array_elements_text(i.outcomes)), i.reserves, i.from_date, i.to_date, i.hours, "
    "array(select date '1970-01-01' + d::int4 from jsonb_array_elements_text(i.odd_days) d), array(select jsonb_array_elements_text(i.after)), i.pause "
    "from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) i(key, says, kind, time_window, length, queues, channels, any_contact, "
    "outcomes, reserves, from_date, to_date, hours, odd_days, after, pause) order by i.key on conflict do nothing";

std::string list_of(const std::vector<std::string>& names) {
  std::string json = "[";
  for (const auto& name : names) {
    if (json.size() > 1) json += ", ";
    append_json_text(json, name);
  }
  return json + "]";
}

std::string list_of(const std::vector<int64_t>& numbers) {
  std::string json = "[";
  for (const int64_t number : numbers) {
    if (json.size() > 1) json += ", ";
    json += std::to_string(number);
  }
  return json + "]";
}

void add_text(Column& column, const std::string& text) { text.empty() ? column.add_missing() : column.add(std::string_view(text)); }

}  // namespace

Result<void> send_limit_lines(const std::vector<engine::LimitLines>& blocks, BulkConnection& connection) {
  Batch rows(add_lines, {int64, text, text, text, int64, jsonb, jsonb, boolean, jsonb, jsonb, date, date, jsonb, jsonb, jsonb, int64});
  std::map<int64_t, const engine::LimitLine*> lines;  // two blocks of one name may say the same
  for (const auto& block : blocks) {
    for (const auto& line : block) lines[line.key] = &line;
  }
  for (const auto& [key, line] : lines) {
    rows.add(key, std::string_view(line->says), std::string_view(line->kind));
    add_text(rows.column(3), line->window);
    rows.column(4).add(line->length);
    rows.column(5).add(std::string_view(list_of(line->queues)));
    rows.column(6).add(std::string_view(list_of(line->channels)));
    rows.column(7).add(static_cast<int64_t>(line->any_contact));
    rows.column(8).add(std::string_view(list_of(line->outcomes)));
    add_text(rows.column(9), line->reserves);
    line->from ? rows.column(10).add(*line->from) : rows.column(10).add_missing();
    line->to ? rows.column(11).add(*line->to) : rows.column(11).add_missing();
    add_text(rows.column(12), line->hours);
    rows.column(13).add(std::string_view(list_of(line->odd_days)));
    rows.column(14).add(std::string_view(list_of(line->after)));
    line->pause < 0 ? rows.column(15).add_missing() : rows.column(15).add(line->pause);
  }
  return rows.send(connection, false);
}

}  // namespace dunlin::store
