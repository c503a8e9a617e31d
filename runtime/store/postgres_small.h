// Small transactional work through libpqxx. Only included by the files of the PostgreSQL store that use it.
#pragma once

#include <chrono>
#include <pqxx/pqxx>

#include "runtime/store/postgres_inner.h"

namespace dunlin::store {

class SmallWork : public pqxx::work {
 public:
  explicit SmallWork(pqxx::connection_base& connection) : pqxx::internal::namedclass("transaction"), pqxx::work(connection) {}
};

struct PostgresStore::Small {
  std::unique_ptr<pqxx::connection> connection;
  std::chrono::milliseconds patience{0};
};

/// microseconds since 1970 as an expression for SQL, and back.
inline std::string sql_instant(Instant at) {
  if (at == abi::never) return "'infinity'::timestamptz";
  if (at == INT64_MIN) return "'-infinity'::timestamptz";
  return "(timestamptz 'epoch' + interval '1 microsecond' * " + std::to_string(at) + ")";
}
/// Selects an instant as microseconds: infinities become never and INT64_MIN.
inline std::string micros(const std::string& column) {
  return "case when " + column + " = 'infinity' then 9223372036854775807 when " + column +
         " = '-infinity' then -9223372036854775808 else (extract(epoch from " + column + ") * 1000000)::int8 end";
}

}  // namespace dunlin::store
