// What the tests of the front end share: read a text, look at the tree or at the messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dunlin::front_test {

/// The dump of a text without mistakes; the messages, marked, if there are some.
std::string tree(std::string_view text);
/// The same for one expression.
std::string expression(std::string_view text);
/// "E0106@3" for each message in order of place: code and line.
std::vector<std::string> mistakes(std::string_view text);
/// All messages as people see them.
std::string shown(std::string_view text);
/// A whole file of the source tree.
std::string file_text(const std::string& path);

}  // namespace dunlin::front_test
