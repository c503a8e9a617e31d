// Each rule has a page; the page's wrong bundle is found and mended into one where nothing is found, and the right one is left alone.
#include "lang/lint/lint.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace dunlin;
namespace fs = std::filesystem;

namespace {

std::shared_ptr<const service::Snapshot> snapshot_of(const std::string& text) {
  ParseCache cache;
  service::SnapshotOptions options;
  options.check.stdlib = fs::path(DUNLIN_SOURCE_DIR) / "stdlib";
  options.check.analyse = false;
  return service::take_snapshot({{{"bundle.dun", text}}}, options, cache);
}

std::vector<lint::Finding> findings_of(const std::string& text) {
  const auto snapshot = snapshot_of(text);
  INFO(text);
  REQUIRE(snapshot->good);
  return lint::lint(*snapshot);
}

/// Until nothing is left to mend.
std::string all_mended(std::string text) {
  for (int round = 0; round < 20; ++round) {
    const auto snapshot = snapshot_of(text);
    INFO(text);
    REQUIRE(snapshot->good);
    std::string better = lint::mended(*snapshot, snapshot->file("bundle.dun"), lint::lint(*snapshot));
    if (better == text) return text;
    text = std::move(better);
  }
  FAIL("mending does not come to an end");
  return text;
}

std::pair<std::string, std::string> wrong_and_right(const fs::path& page) {
  std::ifstream in(page);
  REQUIRE(in.good());
  std::string line, parts[2];
  int part = -1;
  bool inside = false;
  while (std::getline(in, line)) {
    if (line == "## Wrong") part = 0;
    if (line == "## Right") part = 1;
    if (line.starts_with("```")) {
      inside = !inside;
    } else if (inside && part >= 0) {
      parts[part] += line + "\n";
    }
  }
  return {parts[0], parts[1]};
}

}  // namespace

TEST_CASE("every rule has a page, and its examples do what it says") {
  for (const lint::Rule& rule : lint::rules()) {
    INFO(rule.code);
    const fs::path page = fs::path(DUNLIN_SOURCE_DIR) / "docs/lint" / (std::string(rule.code) + ".md");
    const auto [wrong, right] = wrong_and_right(page);
    const auto findings = findings_of(wrong);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].diagnostic.code == rule.code);
    CHECK_FALSE(findings[0].edits.empty());
    CHECK(findings_of(right).empty());
    CHECK(findings_of(all_mended(wrong)).empty());
  }
  size_t pages = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(DUNLIN_SOURCE_DIR) / "docs/lint")) pages += entry.path().extension() == ".md" ? 1 : 0;
  CHECK(pages == lint::rules().size());
}

TEST_CASE("many at once are mended without getting in each other's way") {
  const std::string head =
      "bundle example \"Example\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\n"
      "entity account { key id : text, balanceDue : money, bankrupt : bool, score : int? }\nevent payment of account { amount : money }\n";
  const std::string text = head +
                           "extend account {\n  isOpen = not bankrupt = true and not balanceDue > 5 or not score known\n"
                           "  many = if count(payment within 3 days) = 0 then true else false\n  inRange = balanceDue >= 1 and balanceDue < 9 and isOpen\n}\n";
  CHECK(findings_of(text).size() >= 8);
  const std::string mended = all_mended(text);
  CHECK(findings_of(mended).empty());
  CHECK(mended.find("balance_due in 1..<9 and is_open") != std::string::npos);
  CHECK(mended.find("not exists(payment within 3 days)") != std::string::npos);
}

TEST_CASE("a name that nobody reads is taken out wherever it stands") {
  const std::string head =
      "bundle example \"Example\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\nentity account { key id : text, due : money }\nqueue mail { "
      "cost 1 }\n";
  const auto strategy = [&](const std::string& variables) {
    return head + "strategy soft for account {" + variables +
           "  enrol when due > 0\n  stage a { every 7 days when kept < 3 : set kept = kept + 1, mail \"x\" }\n}\n";
  };
  const std::string wanted = all_mended(strategy("\n  var kept : int = 0\n"));
  CHECK(wanted == strategy("\n  var kept : int = 0\n"));
  CHECK(all_mended(strategy("\n  var kept : int = 0, var variance : int = 1\n")) == wanted);
  CHECK(all_mended(strategy("\n  var variance : int = 1, var kept : int = 0\n")) == wanted);
  CHECK(all_mended(strategy("\n  var a : int = 1, var kept : int = 0, var b : int = 2\n  var c : int = 3\n")) == wanted);
  CHECK(all_mended(strategy(" var a : int = 1\n  var kept : int = 0\n")) == wanted);
  CHECK(all_mended(strategy("\n  var a : int = 1   // of old\n  var kept : int = 0\n")) == strategy("\n  // of old\n  var kept : int = 0\n"));
  const auto function = [&](const std::string& body) { return head + "function fee(x : money) -> money { " + body + " }\n"; };
  CHECK(all_mended(function("let letter = x * 2, x * 3%")) == function("x * 3%"));
  CHECK(all_mended(function("let a = x * 2, let half = x / 2, half")) == function("let half = x / 2, half"));
  CHECK(findings_of(function("let half = x / 2, half")).empty());
}

TEST_CASE("a reason silences, on the line or the one before; a reason for nothing is told") {
  const std::string head =
      "bundle example \"Example\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\nentity account { key id : text, bankrupt : bool }\n";
  const auto before = findings_of(head + "// dunlin: allow L0001 because the contract says so\nextend account { open = bankrupt = false }\n");
  REQUIRE(before.size() == 1);
  CHECK(before[0].allowed);
  CHECK(before[0].reason == "the contract says so");
  CHECK(findings_of(head + "extend account { open = bankrupt = false }  // dunlin: allow L0001 because of x\n")[0].allowed);
  const auto other = findings_of(head + "// dunlin: allow L0002 because of x\nextend account { open = bankrupt = false }\n");
  REQUIRE(other.size() == 2);
  CHECK_FALSE(other[0].allowed);
  CHECK_FALSE(other[1].allowed);
}

TEST_CASE("the shipped bundles and modules: what is found is known") {
  const fs::path folder = fs::path(DUNLIN_SOURCE_DIR) / "strategies/card_collections";
  Diagnostics trouble;
  SourceMap read;
  const BundleSources bundle = read_bundle(folder, trouble, read);
  ParseCache cache;
  service::SnapshotOptions options;
  options.check.stdlib = fs::path(DUNLIN_SOURCE_DIR) / "stdlib";
  options.check.analyse = false;
  const auto snapshot = service::take_snapshot(bundle, options, cache);
  REQUIRE(snapshot->good);
  for (const auto& finding : lint::lint(*snapshot)) {
    INFO(snapshot->sources.locate(finding.diagnostic.span) << " " << finding.diagnostic.code << " " << finding.diagnostic.message);
    CHECK(finding.allowed);
  }
}
