#include "runtime/simulate/property.h"

#include "runtime/simulate/draw.h"

namespace dunlin::simulate {

namespace {

/// For each case that is to be judged so many are drawn, if most do not fit.
constexpr int64_t drawn_for_each = 50;
constexpr int64_t shrinks_max = 4'000;

/// The same cases for one property, whatever other tests stand beside it.
uint64_t seed_of(uint64_t seed, const std::string& title) {
  uint64_t hash = 14'695'981'039'346'656'037ULL ^ seed;
  for (const char c : title) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
  return hash;
}

}  // namespace

PropertyRun::PropertyRun(const checked::Program& program, const checked::Test& test, uint64_t seed, Judge judge)
    : program_(program), test_(test), seed_(seed), judge_(std::move(judge)) {}

TestResult PropertyRun::run(int64_t tries) {
  const Boundaries boundaries = find_boundaries(program_);
  Draw draw(program_, boundaries, seed_of(seed_, test_.title));
  TestResult whole{.title = test_.title, .where = test_.span, .expectations = 0, .failures = {}, .tried = TestResult::Tried{}};
  for (int64_t drawn_cases = 0; whole.tried->fitting < tries && drawn_cases < tries * drawn_for_each; ++drawn_cases) {
    Drawn drawn = draw.one(test_);
    bool unfit = false;
    TestResult result = judge_(drawn, unfit);
    if (unfit) {
      ++whole.tried->unfit;
      continue;
    }
    ++whole.tried->fitting;
    whole.expectations += result.expectations;
    if (result.passed()) continue;
    drawn = smaller(std::move(drawn), result);
    whole.failures = std::move(result.failures);
    whole.tried->smallest = as_test(drawn);
    return whole;
  }
  if (whole.tried->fitting == 0) {
    whole.failures.push_back({test_.span, "a case that `where` lets through", "none among " + std::to_string(whole.tried->unfit) + " that were drawn", 0});
  }
  return whole;
}

bool PropertyRun::still_fails(const Drawn& drawn, TestResult& result) {
  bool unfit = false;
  TestResult other = judge_(drawn, unfit);
  // Another expectation that fails is another mistake: the first one is followed.
  if (unfit || other.passed() || other.failures.front().where != result.failures.front().where) return false;
  result = std::move(other);
  return true;
}

/// Takes one smaller value after the other as long as the same expectation fails.
Drawn PropertyRun::smaller(Drawn drawn, TestResult& result) {
  int64_t left = shrinks_max;
  for (bool changed = true; changed && left > 0;) {
    changed = false;
    std::vector<int64_t> days;
    if (drawn.day != plain_day && test_.steps.front().moment == checked::none) {
      for (int64_t distance = drawn.day - plain_day; distance != 0; distance /= 2) days.push_back(drawn.day - distance);
    }
    for (const int64_t day : days) {
      Drawn other = drawn;
      other.day = day;
      // The case goes along with its day: what was five days ago still is.
      const int64_t moved = day - drawn.day;
      for (size_t i = 0; i < other.instances.size(); ++i) {
        for (auto& [index, value] : other.instances[i]) {
          const checked::Field& field = program_.entities[test_.instances[i].entity].fields[index];
          if (field.type.kind == checked::TypeKind::date && value.known && value.slot != 0) value.slot += moved;
        }
      }
      if (--left < 0 || !still_fails(other, result)) continue;
      drawn = std::move(other);
      changed = true;
      break;
    }
    for (size_t i = 0; i < drawn.instances.size(); ++i) {
      for (size_t f = 0; f < drawn.instances[i].size(); ++f) {
        const checked::Field& field = program_.entities[test_.instances[i].entity].fields[drawn.instances[i][f].field];
        const int64_t day = first_day(program_, test_, drawn);
        for (const DrawnValue& value : smaller_values(program_, field.type, &field, drawn.instances[i][f].value, day)) {
          Drawn other = drawn;
          other.instances[i][f].value = value;
          if (--left < 0 || !still_fails(other, result)) continue;
          drawn = std::move(other);
          changed = true;
          break;
        }
      }
    }
  }
  return drawn;
}

std::string PropertyRun::as_test(const Drawn& drawn) const {
  std::string out = "test \"";
  for (const char c : test_.title) out += c == '"' || c == '\\' || c == '{' || c == '}' ? std::string("\\") + c : std::string(1, c);
  out += ": the smallest case\" {\n";
  for (size_t i = 0; i < test_.instances.size(); ++i) {
    const checked::TestInstance& instance = test_.instances[i];
    const checked::Entity& entity = program_.entities[instance.entity];
    out += "  given " + entity.name;
    if (!instance.name.empty() && instance.name != entity.name) out += " \"" + instance.name + "\"";
    if (instance.parent != checked::none && test_.instances[instance.parent].name != program_.entities[test_.instances[instance.parent].entity].name)
      out += " of \"" + test_.instances[instance.parent].name + "\"";
    std::string fields;
    const auto add = [&](const checked::Field& field, const std::string& text) { fields += (fields.empty() ? " " : ", ") + field.name + ": " + text; };
    for (const auto& [index, value] : drawn.instances[i]) {
      const checked::Field& field = entity.fields[index];
      if (value != blank_value(program_, field.type)) add(field, text_of(program_, field.type, value));
    }
    if (!instance.written.empty()) fields += (fields.empty() ? " " : ", ") + instance.written;
    out += " {" + fields + (fields.empty() ? "}\n" : " }\n");
  }
  for (const checked::TestStep& step : test_.steps) {
    const checked::Type date{checked::TypeKind::date};
    out += step.moment == checked::none ? "  at " + checked::format_value(program_, date, &drawn.day) + " : " + step.text : "  " + step.text;
    out += "\n";
  }
  return out + "}\n";
}

}  // namespace dunlin::simulate
