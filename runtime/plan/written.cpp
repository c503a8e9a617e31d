#include "runtime/plan/written.h"

#include <variant>
#include <vector>

#include "lang/syntax/ast_department.h"
#include "lang/syntax/parse.h"

namespace dunlin::plan {

namespace {

using Dates = std::pair<const ast::ExprPtr*, const ast::ExprPtr*>;

/// Walks the declarations of a file and says where each name stands: `visit(name, whole, dates)`.
template <class Visit>
class NameWalk {
 public:
  explicit NameWalk(const Visit& visit) : visit_(visit) {}

  void declaration(const ast::Decl& written) {
    std::visit([&](const auto& node) { declared(node, written.span); }, written.node);
  }

 private:
  template <class Node>
  void declared(const ast::Part<Node>& node, Span whole) {
    declared(*node, whole);
  }
  void declared(const ast::HoldoutDecl& node, Span whole) {
    if (node.name) visit_(node.name->span, whole, Dates{});
  }
  void declared(const ast::MigrateDecl& node, Span whole) { visit_(node.from.span, whole, Dates{}); }
  template <class Node>
  void declared(const Node& node, Span whole) {
    if constexpr (requires { node.from_date; }) {
      visit_(node.name.span, whole, Dates{&node.from_date, &node.to_date});
    } else if constexpr (requires { node.name.span; }) {
      visit_(node.name.span, whole, Dates{});
    }
    if constexpr (requires { node.fields; }) fields(node.fields);
    if constexpr (requires { node.variables; }) fields(node.variables);
    if constexpr (requires { node.roots; }) outcomes(node.roots);
    if constexpr (requires { node.deadlines; }) deadlines(node.deadlines);
    if constexpr (requires { node.stages; }) {
      for (const ast::StageDecl& stage : node.stages) deadlines(stage.deadlines);
    }
  }
  void fields(const std::vector<ast::FieldDecl>& fields) {
    for (const ast::FieldDecl& field : fields) visit_(field.name.span, field.span, Dates{});
  }
  void deadlines(const std::vector<ast::Part<ast::DeadlineDecl>>& deadlines) {
    for (const auto& deadline : deadlines) visit_(deadline->name.span, deadline->span, Dates{});
  }
  void outcomes(const std::vector<ast::OutcomeNode>& nodes) {
    for (const ast::OutcomeNode& node : nodes) {
      fields(node.fields);
      outcomes(node.children);
    }
  }

  const Visit& visit_;
};

}  // namespace

Written::Written(const VersionView& view) {
  for (uint32_t file = 0; file < view.sources.size(); ++file) {
    if (!view.sources.path(file).ends_with(".dun")) continue;
    Diagnostics diagnostics;
    const ast::File tree = parse_file(view.sources, file, diagnostics);
    const auto put = [&](Span name, Span whole, const Dates& dates) {
      Place place{whole, ""};
      for (const auto& [word, date] : {std::pair{" from ", dates.first}, std::pair{" to ", dates.second}}) {
        if (date == nullptr || *date == nullptr) continue;
        if (place.in_force.empty()) place.in_force = "in force";
        place.in_force += word + std::string(view.sources.text((*date)->span));
      }
      places_[{name.file, name.begin}] = std::move(place);
    };
    NameWalk walk(put);
    for (const ast::Decl& declaration : tree.declarations) {
      walk.declaration(declaration);
      if (const auto* feed = std::get_if<ast::Part<ast::FeedDecl>>(&declaration.node)) feeds_[(*feed)->name.text] = (*feed)->name.span;
      if (const auto* campaign = std::get_if<ast::Part<ast::CampaignDecl>>(&declaration.node)) campaigns_[(*campaign)->title] = declaration.span;
    }
  }
}

Span Written::whole(Span name) const {
  const auto found = places_.find({name.file, name.begin});
  return found == places_.end() ? name : found->second.whole;
}

std::string Written::in_force(Span name) const {
  const auto found = places_.find({name.file, name.begin});
  return found == places_.end() ? "" : found->second.in_force;
}

}  // namespace dunlin::plan
