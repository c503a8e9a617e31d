// How long a process waits for its database, and what it does when the clocks part.
#include "runtime/store/patience.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "runtime/store/bulk.h"
#include "runtime/store/business_clock.h"
#include "tests/store/office.h"

namespace dunlin::store::test {

namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

constexpr Instant hour = 3'600'000'000;

/// Somebody who takes connections and never says a word.
class Deaf {
 public:
  Deaf() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(socket_, 5) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~Deaf() { close(socket_); }
  int port() const { return port_; }

 private:
  int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
};

}  // namespace

TEST_CASE("an address gets what it does not say itself", "[patience]") {
  const std::string usual = with_patience("host=db dbname=collections password='it\\'s'");
  for (const char* word : {"host='db'", "connect_timeout='10'", "keepalives_idle='30'", "keepalives_count='3'", "tcp_user_timeout='30000'"})
    CHECK(usual.find(word) != std::string::npos);
  const std::string own = with_patience("postgresql://db/collections?connect_timeout=3&keepalives_idle=5");
  CHECK(own.find("connect_timeout='3'") != std::string::npos);
  CHECK(own.find("keepalives_idle='5'") != std::string::npos);
  CHECK(own.find("connect_timeout='10'") == std::string::npos);
  CHECK(with_patience(usual) == usual);
  CHECK(with_patience("host") == "host");
  CHECK(with_patience("password='a\\'b\\\\'").find("password='a\\'b\\\\'") != std::string::npos);
  CHECK(with_statement_timeout("host=db", 7).find("options='-c statement_timeout=7s'") != std::string::npos);
  CHECK(with_statement_timeout("host=db options='-c statement_timeout=2s'", 7).find("7s") == std::string::npos);
  CHECK(with_statement_timeout("host=db options='-c jit=off'", 7).find("'-c jit=off -c statement_timeout=7s'") != std::string::npos);
}

TEST_CASE("who waits too long is woken, and nobody else", "[patience]") {
  int deaf[2], alive[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, deaf) == 0);
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, alive) == 0);
  char byte = 0;
  {
    const Patience longer(alive[0], 30s);
    const auto begin = SteadyClock::now();
    const Patience waiting(deaf[0], 200ms);
    CHECK(read(deaf[0], &byte, 1) == 0);
    CHECK(SteadyClock::now() - begin >= 190ms);
    CHECK(SteadyClock::now() - begin < 10s);
  }
  { const Patience brief(alive[0], 50ms); }
  std::this_thread::sleep_for(150ms);  // its end comes when it is gone
  REQUIRE(write(alive[1], "x", 1) == 1);
  CHECK(read(alive[0], &byte, 1) == 1);
  for (const int one : {deaf[0], deaf[1], alive[0], alive[1]}) close(one);
}

TEST_CASE("a server that never answers is given up", "[patience]") {
  const Deaf deaf;
  const auto begin = SteadyClock::now();
  const auto opened = BulkConnection::open(fmt::format("host=127.0.0.1 port={} user=nobody dbname=none connect_timeout=2", deaf.port()));
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().kind == StoreError::Kind::environment);
  CHECK(SteadyClock::now() - begin < 15s);
}

TEST_CASE("sessions end statements by themselves", "[patience]") {
  const auto place = make_place("postgres");
  if (place == nullptr) return;
  const auto usual = good(BulkConnection::open(place->url()));
  CHECK(good(usual->value("show statement_timeout")) == "15min");
  const auto brief = good(BulkConnection::open(with_statement_timeout(place->url(), 1)));
  CHECK(good(brief->value("show statement_timeout")) == "1s");
  const auto begin = SteadyClock::now();
  const auto slept = brief->value("select pg_sleep(20)::text");
  REQUIRE_FALSE(slept.has_value());
  CHECK(slept.error().message.find("statement_timeout") != std::string::npos);
  CHECK(SteadyClock::now() - begin < 10s);
  CHECK(good(brief->value("select 1")) == "1");  // it lives
}

TEST_CASE("a clock that jumps by more than 25 hours is not stepped by until somebody says that it is right", "[clock]") {
  const auto place = make_place("postgres");
  if (place == nullptr) return;
  const auto store = place->open();
  good(store->migrate());
  BusinessClock* clock = business_clock_of(*store);
  REQUIRE(clock != nullptr);
  const auto connection = good(BulkConnection::open(place->url()));
  // They live. A jump of one that does not is nobody's (below).
  good(connection->run(
      "insert into dunlin.node (name, session, until) select n, gen_random_uuid(), 'infinity' from unnest('{anna,boris,carla,dora}'::text[]) n"));
  // A business clock may be anywhere; what counts is how it goes on.
  const auto now = [&] { return std::stoll(*good(connection->value("select (extract(epoch from clock_timestamp()) * 1000000)::int8"))) - 400 * 24 * hour; };
  const auto jump = [&](Instant by, const char* who = "anna") { return good(clock->look_at_clock(now() + by, who)).jumped; };
  const auto near = [](Instant got, Instant wanted) { return got > wanted - 5'000'000 && got < wanted + 5'000'000; };
  CHECK_FALSE(good(clock->clock_state()).known);
  REQUIRE_FALSE(clock->confirm_clock("tester", "no need").has_value());
  CHECK(jump(0) == 0);
  CHECK(jump(24 * hour) == 0);
  CHECK(jump(0) == 0);
  CHECK(jump(-24 * hour) == 0);
  CHECK(jump(0) == 0);
  // As if the last look had been two minutes ago: a clock that is wrong is not what the others are held against, one that drifts is followed.
  const auto later = [&] {
    good(
        connection->run("update dunlin.business_clock set business_at = business_at - interval '2 minutes', database_at = database_at - interval '2 minutes'"));
  };
  later();
  CHECK(jump(20 * hour, "dora") == 0);
  CHECK(jump(-10 * hour, "boris") == 0);
  later();
  const double before = good(clock->clock_state()).seconds_ahead;
  CHECK(jump(30'000'000) == 0);
  CHECK(good(clock->clock_state()).seconds_ahead > before + 25);
  later();
  CHECK(jump(0) == 0);
  CHECK(near(jump(26 * hour), 26 * hour));
  CHECK(near(jump(26 * hour), 26 * hour));  // it stays so
  CHECK(near(jump(-30 * hour, "boris"), -30 * hour));
  CHECK(jump(0, "carla") == 0);  // those whose clocks go well go on
  CHECK_FALSE(good(clock->clock_state()).jumped.empty());
  CHECK(jump(0, "boris") == 0);  // set right again
  CHECK(good(clock->clock_state()).jumped.empty());
  CHECK(near(jump(26 * hour), 26 * hour));
  CHECK_FALSE(clock->confirm_clock("tester", "").has_value());
  good(clock->confirm_clock("tester", "a day has gone by in the test"));
  CHECK(jump(26 * hour) == 0);
  CHECK(near(jump(0), -26 * hour));  // from now on that is the jump
  const auto again = clock->confirm_clock("tester", "and back");
  REQUIRE(again.has_value());
  CHECK(jump(0) == 0);
  CHECK(good(connection->value("select count(*) from dunlin.audit where action = 'confirm clock'")) == "2");
  // A clock that is wrong by less than a day is not what the others are held against, and what it goes wrong by adds up.
  CHECK(jump(20 * hour, "dora") == 0);
  CHECK(near(jump(44 * hour, "dora"), 44 * hour));
  CHECK_FALSE(good(clock->clock_state()).jumped.empty());
  good(connection->run("delete from dunlin.node where name = 'dora'"));
  CHECK(good(clock->clock_state()).jumped.empty());
  CHECK_FALSE(clock->confirm_clock("tester", "she is gone").has_value());
  CHECK(jump(0, "anna") == 0);
}

TEST_CASE("a node that falls silent while it takes its share keeps nobody waiting", "[patience]") {
  const auto place = make_place("postgres");
  if (place == nullptr) return;
  const auto store = place->open();
  good(store->migrate());
  const auto silent = good(BulkConnection::open(place->url())), other = good(BulkConnection::open(with_statement_timeout(place->url(), 20)));
  const auto hold = [](const char* name) { return fmt::format("select count(*) from dunlin.hold_buckets('{}', gen_random_uuid(), '2 seconds', 1)", name); };
  good(silent->run("begin"));
  CHECK(good(silent->value(hold("anna"))) == "1024");
  const auto begin = SteadyClock::now();
  CHECK(good(other->value(hold("boris"))) == "1024");  // what anna began was never committed
  CHECK(SteadyClock::now() - begin >= 500ms);
  CHECK(SteadyClock::now() - begin < 10s);
  CHECK_FALSE(silent->run("commit").has_value());
}

TEST_CASE("business time stands where case files were stepped later", "[clock]") {
  const auto place = make_place("postgres");
  if (place == nullptr) return;
  const auto store = place->open();
  good(store->migrate());
  const auto connection = good(BulkConnection::open(place->url()));
  const Instant now = on(100, 12);
  good(connection->run(
      fmt::format("update dunlin.bucket set as_of = timestamptz 'epoch' + interval '1 microsecond' * {} where bucket between 10 and 12 or bucket = "
                  "1023; update dunlin.bucket set as_of = timestamptz 'epoch' + interval '1 microsecond' * {} where bucket = 500; update "
                  "dunlin.bucket set as_of = timestamptz 'epoch' + interval '1 microsecond' * {} where bucket = 7",
                  now + hour, now + 26 * hour, now - hour)));
  const auto look = good(business_clock_of(*store)->look_at_clock(now, "anna"));
  CHECK(look.jumped == 0);
  REQUIRE(look.ahead.size() == 2);
  CHECK(look.ahead[0].first.first == 10);
  CHECK(look.ahead[0].first.last == 12);
  CHECK(look.ahead[0].second == now + hour);
  CHECK(look.ahead[1].first.first == 1023);
}

}  // namespace dunlin::store::test
