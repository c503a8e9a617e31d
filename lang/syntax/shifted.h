// Copies of syntax trees that stand somewhere else: every Span of the copy lies in another file, or further on in it. Which members a node has is read off
// the node's type, so that a node with a new member needs nothing here. Private to lang/syntax.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "lang/diag/diagnostic.h"
#include "lang/syntax/ast.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::syntax {

namespace reflection {

/// Stands for a value of any type while members are counted; never made.
struct Anything {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};

template <class T, size_t... I>
constexpr bool has_members(std::index_sequence<I...>) {
  return requires { T{((void)I, Anything{})...}; };
}

constexpr size_t members_max = 28;

/// Number of members of an aggregate. A wrong one does not compile: the bindings below must name each member.
template <class T, size_t N = members_max>
constexpr size_t member_count() {
  if constexpr (N == 0 || has_members<T>(std::make_index_sequence<N>{})) {
    return N;
  } else {
    return member_count<T, N - 1>();
  }
}

// clang-format off
#define DUNLIN_BIND(n, ...) if constexpr (count == n) { auto& [__VA_ARGS__] = node; visit_all(__VA_ARGS__); } else
/// Calls visit(x) with each member.
template <class T>
void for_each_member(T& node, auto&& visit) {
  constexpr size_t count = member_count<std::remove_const_t<T>>();
  [[maybe_unused]] const auto visit_all = [&](auto&... members) { (visit(members), ...); };
  if constexpr (count == 0) {} else
  DUNLIN_BIND(1, a) DUNLIN_BIND(2, a, b) DUNLIN_BIND(3, a, b, c) DUNLIN_BIND(4, a, b, c, d) DUNLIN_BIND(5, a, b, c, d, e)
  DUNLIN_BIND(6, a, b, c, d, e, f) DUNLIN_BIND(7, a, b, c, d, e, f, g) DUNLIN_BIND(8, a, b, c, d, e, f, g, h)
  DUNLIN_BIND(9, a, b, c, d, e, f, g, h, i) DUNLIN_BIND(10, a, b, c, d, e, f, g, h, i, j) DUNLIN_BIND(11, a, b, c, d, e, f, g, h, i, j, k)
  DUNLIN_BIND(12, a, b, c, d, e, f, g, h, i, j, k, l) DUNLIN_BIND(13, a, b, c, d, e, f, g, h, i, j, k, l, m)
  DUNLIN_BIND(14, a, b, c, d, e, f, g, h, i, j, k, l, m, n) DUNLIN_BIND(15, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)
  DUNLIN_BIND(16, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) DUNLIN_BIND(17, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q)
  DUNLIN_BIND(18, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r) DUNLIN_BIND(19, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s)
  DUNLIN_BIND(20, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t) DUNLIN_BIND(21, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u)
  DUNLIN_BIND(22, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v)
  DUNLIN_BIND(23, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w)
  DUNLIN_BIND(24, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x)
  DUNLIN_BIND(25, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y)
  DUNLIN_BIND(26, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z)
  DUNLIN_BIND(27, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa)
  DUNLIN_BIND(28, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, ab)
  static_assert(count <= members_max);
}
#undef DUNLIN_BIND
// clang-format on

template <class T>
inline constexpr bool is_unique = false;
template <class T>
inline constexpr bool is_unique<std::unique_ptr<T>> = true;
template <class T>
inline constexpr bool is_shared = false;
template <class T>
inline constexpr bool is_shared<std::shared_ptr<const T>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;
template <class T>
inline constexpr bool is_pair = false;
template <class A, class B>
inline constexpr bool is_pair<std::pair<A, B>> = true;

}  // namespace reflection

/// Where the copy stands: places of one file become places of `file`, `by` bytes further on (modulo 2^32: it may be negative).
class ShiftedCopy {
 public:
  ShiftedCopy(uint32_t file, uint32_t by) : file_(file), by_(by) {}

  /// Copies `source`, which may hold trees, texts, lists and the like, into `target`, which is empty. False: it is nested so deeply (a sum of thousands
  /// of terms) that the stack would be at risk; then `target` is of no use.
  template <class T>
  bool copy(const T& source, T& target) {
    part(source, target);
    return !too_deep_;
  }

 private:
  template <class T>
  void part(const T& source, T& target) {
    namespace r = reflection;
    if constexpr (std::is_same_v<T, Span>) {
      target = source.known() ? Span{file_, source.begin + by_, source.end + by_} : source;
    } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, std::string>) {
      target = source;
    } else if constexpr (r::is_unique<T>) {
      if (source != nullptr) below(*source, *(target = std::make_unique<typename T::element_type>()));
    } else if constexpr (r::is_shared<T>) {
      if (source == nullptr) return;
      auto made = std::make_shared<std::remove_const_t<typename T::element_type>>();
      below(*source, *made);
      target = std::move(made);
    } else if constexpr (r::is_optional<T>) {
      if (source) part(*source, target.emplace());
    } else if constexpr (r::is_vector<T>) {
      target.resize(source.size());
      for (size_t i = 0; i < source.size(); ++i) part(source[i], target[i]);
    } else if constexpr (r::is_variant<T>) {
      std::visit([&](const auto& held) { part(held, target.template emplace<std::decay_t<decltype(held)>>()); }, source);
    } else if constexpr (r::is_pair<T>) {
      part(source.first, target.first);
      part(source.second, target.second);
    } else {
      static_assert(std::is_aggregate_v<T>, "a kind of member that copies of trees do not know");
      std::array<void*, r::members_max> places{};  // of the target's members, which are the same in the same order
      size_t count = 0, next = 0;
      r::for_each_member(target, [&](auto& member) { places[count++] = &member; });
      r::for_each_member(source, [&](const auto& member) { part(member, *static_cast<std::remove_cvref_t<decltype(member)>*>(places[next++])); });
    }
  }

  template <class T>
  void below(const T& source, T& target) {
    constexpr int depth_max = 1'000;
    if (depth_ >= depth_max) {
      too_deep_ = true;
      return;
    }
    ++depth_;
    part(source, target);
    --depth_;
  }

  uint32_t file_, by_;
  int depth_ = 0;
  bool too_deep_ = false;
};

}  // namespace dunlin::syntax
