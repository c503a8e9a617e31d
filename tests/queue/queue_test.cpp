// The SQL queues, worked by clients in other languages.
#include <catch2/catch.hpp>

#include "tests/queue/clients.h"

namespace dunlin::store::test {

TEST_CASE("a consumer in another language works the queues", "[queue]") { CHECK(runs_well("queue/consumer_test.py")); }

TEST_CASE("people get what they may have", "[queue]") { CHECK(runs_well("queue/people_test.py")); }

TEST_CASE("the bench of the queue measures in an empty database only", "[queue]") { CHECK(runs_well("queue/bench_test.py")); }

TEST_CASE("a supervisor moves an account to a stage", "[queue]") { CHECK(runs_well("queue/stage_test.py")); }

TEST_CASE("tasks go out one after another where the queue says so", "[queue]") { CHECK(runs_well("queue/order_test.py")); }

TEST_CASE("a strange name stops nobody, and many events cost each as much as a few", "[queue]") { CHECK(runs_well("queue/names_test.py")); }

TEST_CASE("what was kept back is there when it is lifted", "[queue]") { CHECK(runs_well("queue/lifted_test.py")); }

TEST_CASE("whoever took something hears that it was called back", "[queue]") { CHECK(runs_well("queue/called_back_test.py")); }

TEST_CASE("what is in a register ends in several ways", "[queue]") { CHECK(runs_well("queue/register_test.py")); }

TEST_CASE("an outcome is about whom the task went to", "[queue]") { CHECK(runs_well("queue/recipient_test.py")); }

TEST_CASE("the ledger counts what it is told in other words", "[queue]") { CHECK(runs_well("queue/ledger_test.py")); }

TEST_CASE("a version with other words forgets no contact and swallows no event", "[queue]") { CHECK(runs_well("queue/words_test.py")); }
TEST_CASE("a run refuses what apply refuses", "[queue]") { CHECK(runs_well("queue/run_test.py")); }

TEST_CASE("one open transaction holds nobody up for long", "[queue]") { CHECK(runs_well("queue/waits_test.py")); }

TEST_CASE("a hand-out costs the same however long somebody reads", "[queue]") { CHECK(runs_well("queue/long_reader_test.py")); }

TEST_CASE("thousands that are held back, or are for others, keep nobody waiting", "[queue]") { CHECK(runs_well("queue/walk_test.py")); }

TEST_CASE("dates that people write are read in one way", "[queue]") { CHECK(runs_well("queue/moments_test.py")); }

TEST_CASE("random operations do to the queues what they do to a model", "[queue]") { CHECK(runs_well("queue/model_test.py")); }

}  // namespace dunlin::store::test
