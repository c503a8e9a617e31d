#include "lang/service/graph.h"

#include <algorithm>
#include <map>
#include <set>

#include "lang/diag/markup.h"

namespace dunlin::service {

namespace {

using checked::Action;
using checked::Index;
using checked::none;

/// What stands before the `:` of a rule, on one line and without its name.
std::string head_of(const SourceMap& sources, const checked::Rule& rule) {
  if (!rule.span.known()) return rule.name;
  if (rule.deadline != none) return rule.name.substr(rule.name.find("deadline "));
  const std::string_view text = sources.text(rule.span);
  std::string head;
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && (i == 0 || text[i - 1] != '\\')) quoted = !quoted;
    if (!quoted) {
      if (c == '(' || c == '[' || c == '{') ++depth;
      if (c == ')' || c == ']' || c == '}') --depth;
      if (c == ':' && depth == 0 &&
          !(i > 0 && std::isdigit(static_cast<unsigned char>(text[i - 1])) && i + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[i + 1]))))
        break;
    }
    const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!blank)
      head += c;
    else if (!head.empty() && head.back() != ' ')
      head += ' ';
  }
  while (!head.empty() && head.back() == ' ') head.pop_back();
  if (head.starts_with("rule \"")) {
    const size_t end = head.find('"', 6);
    if (end != std::string::npos) head.erase(0, head.find_first_not_of(' ', end + 1));
  }
  return head;
}

/// Stages that a root may yield: those of the tables it looks into and those it names.
void stages_in(const checked::Program& program, const checked::Expr& expr, std::set<Index>& found) {
  if (expr.op == checked::Op::literal && expr.type.kind == checked::TypeKind::stage) found.insert(static_cast<Index>(expr.value));
  if (expr.op == checked::Op::table && expr.index >= 0 && static_cast<size_t>(expr.index) < program.tables.size()) {
    const checked::Table& table = program.tables[expr.index];
    for (size_t column = 0; column < table.outputs.size(); ++column) {
      if (table.outputs[column].type.kind != checked::TypeKind::stage) continue;
      const auto add = [&](const checked::TableRow& row) {
        if (column >= row.outputs.size()) return;
        const checked::TableOutput& output = row.outputs[column];
        if (output.constant && !output.slots.empty()) found.insert(static_cast<Index>(output.slots.back()));
      };
      for (const checked::TableRow& row : table.rows) add(row);
      if (table.otherwise) add(*table.otherwise);
    }
  }
  for (const auto& argument : expr.args) {
    if (argument) stages_in(program, *argument, found);
  }
}

class Reader {
 public:
  Reader(const checked::Program& program, const SourceMap& sources) : program_(program), sources_(sources) {}

  StrategyGraph read(int strategy) {
    const checked::Strategy& known = program_.strategies[strategy];
    graph_.strategy = strategy;
    graph_.stages.assign(known.stages.begin(), known.stages.end());
    if (known.enrol != none) graph_.enrol = std::string(sources_.text(program_.roots[known.enrol].span));
    rules(known.rules, -1);
    for (const Index stage : known.stages) rules(program_.stages[stage].rules, stage);
    for (const checked::Always& always : program_.always) {
      for (const checked::Rule& rule : always.rules) {
        if (concerns(always, rule, known.entity)) ways(rule, -1, "always, ");
      }
    }
    return std::move(graph_);
  }

 private:
  /// `always` without an entity is for that of the event.
  bool concerns(const checked::Always& always, const checked::Rule& rule, Index entity) const {
    if (always.entity != none) return always.entity == entity;
    return rule.events.empty() || std::any_of(rule.events.begin(), rule.events.end(), [&](Index event) { return program_.events[event].owner == entity; });
  }

  void rules(const std::vector<checked::Rule>& list, int from) {
    for (const checked::Rule& rule : list) ways(rule, from, "");
  }

  void ways(const checked::Rule& rule, int from, const char* where) {
    for (const Action& action : rule.actions) {
      const std::string because = where + head_of(sources_, rule);
      if (action.kind == Action::Kind::go) add(from, GraphEdge::Kind::stage, action.stage, because);
      if (action.kind == Action::Kind::go_back) add(from, GraphEdge::Kind::back, -1, because);
      if (action.kind == Action::Kind::enter_strategy) add(from, GraphEdge::Kind::strategy, action.strategy, because);
      if (action.kind == Action::Kind::go_by && action.value != none) {
        std::set<Index> targets;
        stages_in(program_, *program_.roots[action.value].body, targets);
        for (const Index target : targets) {
          if (target >= 0 && static_cast<size_t>(target) < program_.stages.size()) add(from, GraphEdge::Kind::stage, target, because);
        }
      }
    }
  }

  void add(int from, GraphEdge::Kind kind, int to, const std::string& because) { graph_.edges.push_back({kind, from, to, because}); }

  const checked::Program& program_;
  const SourceMap& sources_;
  StrategyGraph graph_;
};

std::string stage_title(const checked::Program& program, int stage, int strategy) {
  const checked::Stage& known = program.stages[stage];
  return known.strategy == strategy ? known.name : program.strategies[known.strategy].name + "." + known.name;
}

size_t letters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// At most `max` letters; what is left out is shown by `…`.
std::string shortened(std::string_view text, size_t max) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (++count > max) return std::string(text.substr(0, i)) + "…";
  }
  return std::string(text);
}

// ---- the drawing ----

constexpr int margin = 16, box_x = 16, header_height = 30, line_height = 22, box_gap = 22, lane_width = 14, letter_width = 8;
constexpr size_t line_letters_max = 64;

struct Box {
  int key;  // stage; -1: rules of every stage; -1000 - n: a place outside
  std::string title, note;
  bool final = false, outside = false;
  std::vector<size_t> edges;
  int y = 0;
  int height() const { return header_height + static_cast<int>(edges.size()) * line_height + (edges.empty() ? 0 : 6); }
};

class Drawing {
 public:
  Drawing(const checked::Program& program, const StrategyGraph& graph) : program_(program), graph_(graph) {}

  std::string draw() {
    make_boxes();
    place_boxes();
    choose_lanes();
    return written();
  }

 private:
  int outside_key(const GraphEdge& edge) const {
    if (edge.kind == GraphEdge::Kind::back) return -1000;
    if (edge.kind == GraphEdge::Kind::strategy) return -2000 - edge.to;
    return -100'000 - edge.to;  // a stage of another strategy
  }
  bool is_inside(const GraphEdge& edge) const { return edge.kind == GraphEdge::Kind::stage && program_.stages[edge.to].strategy == graph_.strategy; }
  int target(const GraphEdge& edge) const { return is_inside(edge) ? edge.to : outside_key(edge); }

  void make_boxes() {
    Box any{-1, "in every stage", "", false, true, {}};
    for (size_t i = 0; i < graph_.edges.size(); ++i) {
      if (graph_.edges[i].from == -1) any.edges.push_back(i);
    }
    if (!any.edges.empty()) boxes_.push_back(any);
    for (const int stage : graph_.stages) {
      const checked::Stage& known = program_.stages[stage];
      Box box{stage, known.name, known.title, known.is_final, false, {}};
      for (size_t i = 0; i < graph_.edges.size(); ++i) {
        if (graph_.edges[i].from == stage) box.edges.push_back(i);
      }
      boxes_.push_back(box);
    }
    std::set<int> seen;
    for (const GraphEdge& edge : graph_.edges) {
      if (is_inside(edge) || !seen.insert(outside_key(edge)).second) continue;
      const std::string title = edge.kind == GraphEdge::Kind::back       ? "the stage before"
                                : edge.kind == GraphEdge::Kind::strategy ? program_.strategies[edge.to].name
                                                                         : stage_title(program_, edge.to, graph_.strategy);
      boxes_.push_back({outside_key(edge), title, edge.kind == GraphEdge::Kind::strategy ? "strategy" : "", false, true, {}});
    }
  }

  std::string line_of(const GraphEdge& edge) const { return shortened(edge.because, line_letters_max); }

  void place_boxes() {
    size_t widest = 12;
    for (const Box& box : boxes_) {
      widest = std::max(widest, letters(box.title) + letters(box.note) + 4);
      for (const size_t edge : box.edges) widest = std::max(widest, letters(line_of(graph_.edges[edge])) + 3);
    }
    width_ = static_cast<int>(widest) * letter_width + 2 * margin;
    int y = margin + 28 + (graph_.enrol.empty() ? 0 : 22);
    for (Box& box : boxes_) {
      box.y = y;
      by_key_[box.key] = &box;
      y += box.height() + box_gap;
    }
    height_ = y;
  }

  /// Upright parts of two arrows in one lane never overlap, unless both lead to the same place.
  void choose_lanes() {
    struct Upright {
      int top, bottom, target;
    };
    std::vector<std::vector<Upright>> lanes;
    for (Box& box : boxes_) {
      for (size_t line = 0; line < box.edges.size(); ++line) {
        const size_t edge = box.edges[line];
        const int to = target(graph_.edges[edge]);
        const int begin = box.y + header_height + static_cast<int>(line) * line_height + line_height / 2;
        const int end = by_key_.at(to)->y + header_height / 2;
        const Upright upright{std::min(begin, end) - 2, std::max(begin, end) + 2, to};
        size_t lane = 0;
        for (; lane < lanes.size(); ++lane) {
          const bool free = std::none_of(lanes[lane].begin(), lanes[lane].end(), [&](const Upright& other) {
            return other.target != to && other.top <= upright.bottom && upright.top <= other.bottom;
          });
          if (free) break;
        }
        if (lane == lanes.size()) lanes.emplace_back();
        lanes[lane].push_back(upright);
        ways_.push_back({begin, end, static_cast<int>(lane)});
      }
    }
    lanes_ = static_cast<int>(lanes.size());
  }

  std::string written() const {
    const checked::Strategy& strategy = program_.strategies[graph_.strategy];
    const int right = box_x + width_;
    const int total = right + (lanes_ + 2) * lane_width + margin;
    const auto number = [](int n) { return std::to_string(n); };
    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + number(total) + " " + number(height_) + "\" width=\"" + number(total) +
                      "\" height=\"" + number(height_) + "\" role=\"img\" font-family=\"ui-monospace, Consolas, monospace\" font-size=\"13\">\n<title>" +
                      escape_xml(strategy.name) + "</title>\n" + "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n" +
                      "<text x=\"16\" y=\"30\" font-size=\"16\" font-weight=\"bold\" fill=\"#1c2733\">" +
                      escape_xml(strategy.title.empty() ? strategy.name : strategy.name + " – " + strategy.title) + "</text>\n";
    if (!graph_.enrol.empty()) out += "<text x=\"16\" y=\"52\" fill=\"#5a6772\">enrol when " + escape_xml(shortened(graph_.enrol, 90)) + "</text>\n";
    for (const Box& box : boxes_) out += drawn(box);
    for (const Way& way : ways_) {
      const int x = right + (way.lane + 1) * lane_width;
      out += "<path d=\"M" + number(right) + " " + number(way.begin) + " H" + number(x) + " V" + number(way.end) + " H" + number(right + 5) +
             "\" fill=\"none\" stroke=\"#3a6ea5\" stroke-width=\"1.3\"/>\n<path d=\"M" + number(right + 1) + " " + number(way.end) +
             " l7 -4 v8 z\" fill=\"#3a6ea5\"/>\n";
    }
    return out + "</svg>\n";
  }

  std::string drawn(const Box& box) const {
    const auto number = [](int n) { return std::to_string(n); };
    const char* fill = box.outside ? "#f4f4f1" : box.final ? "#e6f0e4" : "#eaf1f8";
    std::string out = "<rect x=\"" + number(box_x) + "\" y=\"" + number(box.y) + "\" width=\"" + number(width_) + "\" height=\"" + number(box.height()) +
                      "\" rx=\"6\" fill=\"" + fill + "\" stroke=\"#9aa7b2\"" + (box.outside ? " stroke-dasharray=\"4 3\"" : "") + "/>\n";
    if (box.final) {
      out += "<rect x=\"" + number(box_x + 3) + "\" y=\"" + number(box.y + 3) + "\" width=\"" + number(width_ - 6) + "\" height=\"" + number(box.height() - 6) +
             "\" rx=\"4\" fill=\"none\" stroke=\"#9aa7b2\"/>\n";
    }
    out += "<text x=\"" + number(box_x + 12) + "\" y=\"" + number(box.y + 20) + "\" font-weight=\"bold\" fill=\"#1c2733\">" + escape_xml(box.title);
    if (!box.note.empty()) out += "<tspan font-weight=\"normal\" fill=\"#5a6772\">  " + escape_xml(box.note) + "</tspan>";
    out += "</text>\n";
    for (size_t line = 0; line < box.edges.size(); ++line) {
      const int y = box.y + header_height + static_cast<int>(line) * line_height;
      out += "<text x=\"" + number(box_x + 20) + "\" y=\"" + number(y + 15) + "\" fill=\"#27323c\">" + escape_xml(line_of(graph_.edges[box.edges[line]])) +
             "</text>\n";
    }
    return out;
  }

  struct Way {
    int begin, end, lane;
  };

  const checked::Program& program_;
  const StrategyGraph& graph_;
  std::vector<Box> boxes_;
  std::map<int, const Box*> by_key_;
  std::vector<Way> ways_;
  int width_ = 0, height_ = 0, lanes_ = 0;
};

/// Mermaid reads `:` and `;` as its own.
std::string label(std::string text) {
  std::string out;
  for (const char c : shortened(text, 80)) {
    if (c == ':')
      out += "#58;";
    else if (c == ';')
      out += "#59;";
    else if (c == '"')
      out += "#34;";
    else if (c == '#')
      out += "#35;";
    else
      out += c;
  }
  return out;
}

}  // namespace

StrategyGraph graph_of(const checked::Program& program, const SourceMap& sources, int strategy) { return Reader(program, sources).read(strategy); }

std::string mermaid(const checked::Program& program, const std::vector<StrategyGraph>& graphs) {
  std::string out = "stateDiagram-v2\n";
  const auto stage_id = [](int stage) { return "s" + std::to_string(stage); };
  std::set<int> drawn;
  for (const StrategyGraph& graph : graphs) {
    const checked::Strategy& strategy = program.strategies[graph.strategy];
    out += "  state \"" + label(strategy.title.empty() ? strategy.name : strategy.name + " – " + strategy.title) + "\" as g" + std::to_string(graph.strategy) +
           " {\n";
    for (const int stage : graph.stages) {
      out += "    state \"" + label(program.stages[stage].name) + "\" as " + stage_id(stage) + "\n";
      drawn.insert(stage);
      if (program.stages[stage].is_final) out += "    " + stage_id(stage) + " --> [*]\n";
    }
    if (!graph.enrol.empty() && !graph.stages.empty()) out += "    [*] --> " + stage_id(graph.stages.front()) + " : enrol when " + label(graph.enrol) + "\n";
    out += "  }\n";
  }
  std::string ways;
  for (const StrategyGraph& graph : graphs) {
    for (const GraphEdge& edge : graph.edges) {
      const std::string from = edge.from < 0 ? "g" + std::to_string(graph.strategy) : stage_id(edge.from);
      std::string to;
      if (edge.kind == GraphEdge::Kind::back) {
        to = "back";
        if (ways.find("as back\n") == std::string::npos) ways += "  state \"the stage before\" as back\n";
      } else if (edge.kind == GraphEdge::Kind::strategy) {
        const auto& stages = program.strategies[edge.to].stages;
        if (stages.empty()) continue;
        to = stage_id(stages.front());
        if (drawn.insert(stages.front()).second) ways += "  state \"" + label(program.strategies[edge.to].name) + "\" as " + to + "\n";
      } else {
        to = stage_id(edge.to);
        if (drawn.insert(edge.to).second) ways += "  state \"" + label(stage_title(program, edge.to, graph.strategy)) + "\" as " + to + "\n";
      }
      ways += "  " + from + " --> " + to + " : " + label(edge.because) + "\n";
    }
  }
  return out + ways;
}

std::string svg(const checked::Program& program, const StrategyGraph& graph) { return Drawing(program, graph).draw(); }

}  // namespace dunlin::service
